"""Experiment trackers: MLflow, Weights & Biases or a plug-in get the figures of each step."""
