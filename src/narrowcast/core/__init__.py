"""The nouns: plain types without input or output. Everything else is built from them."""
