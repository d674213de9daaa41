"""One file for each change of a project's stored form: `changes(project)` yields what it does, in order."""
