"""An authenticating reverse proxy and gateway on aiohttp."""
