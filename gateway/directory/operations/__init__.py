"""Every operation on our own records, once: commands, the admin API and the public port call the same ones."""
