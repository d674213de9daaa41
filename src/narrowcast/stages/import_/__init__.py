"""A source becomes rows of the project: read, introspected, mapped; each row accepted or rejected by name."""
