"""In what words? One file a product, each both served and spoken."""
