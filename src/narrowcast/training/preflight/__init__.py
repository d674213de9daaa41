"""What can go wrong with a run, found before it costs anything: all problems together, each with its fix."""
