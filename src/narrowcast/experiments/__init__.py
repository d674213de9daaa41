"""Many training runs as one question: searches, seeds, repetitions, the autopilot's choices."""
