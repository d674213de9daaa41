"""OpenAI-compatible endpoints over an exported model."""
