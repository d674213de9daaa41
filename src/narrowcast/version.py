"""The version, alone in a file, so that lower layers can name it without importing the root package."""

__version__ = "0.1.0"
