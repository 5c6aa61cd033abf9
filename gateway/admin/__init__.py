"""What answers on the admin and health ports: an aiohttp.web application behind our own front."""
