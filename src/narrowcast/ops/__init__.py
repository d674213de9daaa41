"""The operations: CLI, HTTP and Python call these and nothing below."""
