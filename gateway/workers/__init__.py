"""How the process lives: the supervisor, its workers, and the ports that they serve."""
