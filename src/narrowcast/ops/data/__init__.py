"""Generated rows: to be moved to operations of their own."""
