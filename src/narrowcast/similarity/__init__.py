"""When two texts say the same: exactly, nearly, or in other words. Used by several stages."""
