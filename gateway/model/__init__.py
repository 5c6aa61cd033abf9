"""The nouns that travel between the packages, and the one tree of errors.

Those that every request makes anew are hidden from the garbage collector (`gc=False`): they are frozen and refer only
to older objects, so they can be part of no cycle.
"""
