"""What is the upstream told, in headers that it may trust."""
