"""Whose is it? Memory, then Redis, then an authority; and how a session is ended everywhere."""
