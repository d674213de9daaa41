"""Search over recipes and bases: what is varied, the study, its trials, its results."""
