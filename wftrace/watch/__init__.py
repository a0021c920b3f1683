"""A page on this machine that follows runs as they happen, pushed by this process or read from files that grow."""
