"""Taggers that are shipped: a sentence encoder with a linear model on each word, which finds typed spans."""
