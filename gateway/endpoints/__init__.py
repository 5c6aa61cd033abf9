"""The doors: what answers on the public and the admin port."""
