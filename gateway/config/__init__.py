"""What a config says: settings, their problems, loading and watching."""
