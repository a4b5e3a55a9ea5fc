"""What each system says: one dialect a file. `traffic.py` and its neighbours decide what happens."""
