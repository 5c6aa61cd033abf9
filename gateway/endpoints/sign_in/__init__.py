"""The own paths by which a browser signs in and out."""
