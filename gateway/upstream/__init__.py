"""Carries an allowed request to its upstream, and the answer back."""
