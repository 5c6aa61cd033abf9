"""What one config is built of, and who calls whom."""
