"""Fakes and tiny models for tests and plug-in authors. The product never imports this."""
