"""Where traces go and where they come back from: one backend, one file."""
