"""What can go wrong with a run, found before it costs anything: all problems at once, each with its fix."""
