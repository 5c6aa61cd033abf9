"""Carry it: HTTP/1.1 exchanges and tunnels, to pools of upstream connections."""
