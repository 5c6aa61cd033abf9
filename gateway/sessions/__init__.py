"""Whose session is it? Asks memory, then Redis, then an authority, and revokes sessions everywhere."""
