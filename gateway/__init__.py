"""An authenticating reverse proxy and gateway on aiohttp."""

__version__ = "0.1.0"
