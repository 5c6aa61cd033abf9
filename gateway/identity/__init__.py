"""How the upstream learns who is calling: identity headers and signed identity tokens."""
