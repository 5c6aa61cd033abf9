"""Whole configs for the proxies that ask the gateway, written for one's own routes, credentials and headers."""
