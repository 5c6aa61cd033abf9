"""How text that a person wrote is read: YAML with the place of every key, and the values of a config."""
