"""Sentence encoders: a text becomes a vector, and texts of one meaning lie close together."""
