"""What answers on the public port."""
