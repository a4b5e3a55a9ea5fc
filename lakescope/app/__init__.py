"""What puts the rooms together: configuration, assembly, command, pages."""
