"""Callers' connections: the only room that knows their transports."""
