"""Bytes of HTTP/1.1 and WebSocket, without any I/O."""
