"""Archives: where files are found together, and written together."""
