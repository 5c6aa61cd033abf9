"""Spans of requests for OpenTelemetry; imported only where the config asks for them, and then the extra is there."""
