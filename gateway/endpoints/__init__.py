"""What answers on the public and the admin port."""
