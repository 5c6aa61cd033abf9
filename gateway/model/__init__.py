"""The nouns that travel between the rooms, and the one tree of errors."""
