"""Pictures of a report: one file a kind, drawn through matplotlib's object interface, no global state."""
