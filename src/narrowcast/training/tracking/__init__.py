"""Experiment trackers beside the trace: a line an update to MLflow, Weights & Biases or a plug-in."""
