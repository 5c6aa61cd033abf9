"""How the process lives: settings, generation, server."""
