"""Real servers for tests, one file a server: `install` gets them here, `fixtures` has them ready."""
