"""What did the caller show? One file a kind of credential."""
