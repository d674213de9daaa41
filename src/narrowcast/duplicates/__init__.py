"""Rows that repeat, contradict or leak into each other: within a project, and between sets of rows."""
