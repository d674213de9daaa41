"""What is measured around a run: baseline, task metric on dev rows, forgetting, overfitting."""
