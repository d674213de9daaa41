"""Experiment trackers beside the trace: figures of each optimizer step, sent to MLflow, Weights & Biases or a plug-in."""
