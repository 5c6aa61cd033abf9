"""What we know ourselves: users, organizations, keys and sessions in a database."""
