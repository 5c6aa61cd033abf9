"""An authenticating reverse proxy and gateway."""

__version__ = "0.1.0"
