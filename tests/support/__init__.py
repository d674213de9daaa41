"""What several test files share: projects in a given state, words, processes."""
