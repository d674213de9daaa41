"""Training classifiers: linear models that are runs like any other."""
