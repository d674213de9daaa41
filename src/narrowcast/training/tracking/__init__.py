"""Experiment trackers beside the trace: a line a step to MLflow, Weights & Biases or a plug-in."""
