"""What is stale, by content hash, and the one loop that runs it."""
