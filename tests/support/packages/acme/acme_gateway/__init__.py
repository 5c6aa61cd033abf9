"""Kinds of Acme's: a badge in a header, a list of badges that says whose it is, a dialect, and a proxy of its own."""
