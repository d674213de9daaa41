"""A larger model behind an OpenAI-compatible endpoint: asked within a cap, every paid answer kept."""
