"""Header fields that a route fixes, whatever comes: some are set, some are left out."""

from __future__ import annotations

from functools import cached_property

from gateway.model.headers import spelling


class FieldChanges:
    """Fields of one direction. Those that are set take the place of all that have their names.

    Values may be secrets, so that only names are shown.
    """

    def __init__(self, fixed: tuple[tuple[bytes, bytes], ...] = (), removed: tuple[bytes, ...] = ()) -> None:
        self.fixed = fixed
        self.names = (*(name for name, _ in fixed), *removed)

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        return bool(self.names)

    def __repr__(self) -> str:
        """Show names alone."""
        return f"FieldChanges({b', '.join(self.names).decode('ascii')})"

    def __eq__(self, other: object) -> bool:
        """Compare by what is changed."""
        return isinstance(other, FieldChanges) and (self.fixed, self.names) == (other.fixed, other.names)

    def __hash__(self) -> int:
        """Agree with `==`."""
        return hash((self.fixed, self.names))

    @cached_property
    def spellings(self) -> frozenset[bytes]:
        """The names that are left out, as `spelling` has them: to a server that folds, `X_Tenant` is `X-Tenant`."""
        return frozenset(map(spelling, self.names))

    @cached_property
    def lines(self) -> bytes:
        """The lines of the fields that are set, with their ends."""
        return b"".join([b"%b: %b\r\n" % field for field in self.fixed])


UNCHANGED = FieldChanges()
