"""The functions behind every front door: CLI, HTTP and Python call these and nothing below."""
