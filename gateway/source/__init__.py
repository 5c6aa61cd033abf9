"""Reads what people write: YAML with the place of every key, and the values of a config."""
