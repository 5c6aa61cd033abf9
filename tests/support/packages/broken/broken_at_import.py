"""A module that was written for another version."""

raise RuntimeError("needs gateway 2.0\nor newer")
