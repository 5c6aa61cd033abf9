"""The zero-config start: example records and an echo upstream."""
