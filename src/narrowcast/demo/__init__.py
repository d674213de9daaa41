"""The example task that the project wrote itself: support message to JSON ticket."""
