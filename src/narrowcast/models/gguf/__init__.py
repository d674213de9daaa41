"""GGUF files: written from a model folder, quantised in a child process, read back for the manifest."""
