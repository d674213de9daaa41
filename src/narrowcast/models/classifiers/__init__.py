"""Classifiers that are shipped: linear models on words, characters and the vectors of a sentence encoder."""
