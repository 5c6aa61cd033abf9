"""The nouns that travel between the rooms, and the one tree of errors.

Those that every request makes anew are hidden from the garbage collector (`gc=False`): frozen, and made of older nouns
only, they can be part of no cycle.
"""
