"""Measuring models on held-out rows: predictions, metrics with intervals, comparisons, reports."""
