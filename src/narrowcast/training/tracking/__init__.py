"""Experiment trackers beside the trace: MLflow, Weights & Biases or a plug-in get each step's figures."""
