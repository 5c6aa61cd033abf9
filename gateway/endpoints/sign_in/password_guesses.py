"""How often a password may be tried, whatever asks for it."""

from __future__ import annotations

from gateway.endpoints.sign_in.sign_in_parts import PasswordEntry
from gateway.model.client_address import bucket_of_address
from gateway.policy.limits import Limits, Taken


class PasswordGuesses:
    """Counts guesses by name and address together, by name, and by address.

    So who is attacked can sign in from elsewhere, and nobody is locked out for ever.
    """

    def __init__(self, entry: PasswordEntry, limits: Limits) -> None:
        self._entry = entry
        self._limits = limits

    async def count(self, login: str, client: str) -> Taken | None:
        """Count a guess; return the bucket that is empty, if one is, with the seconds until there are more."""
        address, name = bucket_of_address(client), login.casefold()
        # The name stands last, since it may hold anything: even what would make it the bucket of another's address.
        for bucket, limit in (
            (f"password.name_and_address\0{address}\0{name}", self._entry.per_name_and_address),
            (f"password.name\0{name}", self._entry.per_name),
            (f"password.address\0{address}", self._entry.per_address),
        ):
            taken = await self._limits.take(bucket, limit)
            if taken.wait is not None:
                return taken
        return None
