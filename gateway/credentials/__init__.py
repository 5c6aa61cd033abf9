"""Which credential does the request carry? One file a kind of credential."""
