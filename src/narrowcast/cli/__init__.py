"""The command line: thin, lazy, every command with `--json`."""
