"""Extractors: linear models that answer with several fields of a text, or with pieces of it."""
