"""How often a password may be tried, whatever asks for it."""

from __future__ import annotations

from gateway.endpoints.sign_in.sign_in_parts import PasswordEntry
from gateway.model.client_address import bucket_of_address
from gateway.policy.limits import Limits


class PasswordGuesses:
    """Counts guesses by name and address together, by name, and by address.

    So who is attacked can sign in from elsewhere, and nobody is locked out for ever.
    """

    def __init__(self, entry: PasswordEntry, limits: Limits) -> None:
        self._entry = entry
        self._limits = limits

    async def wait(self, login: str, client: str) -> int | None:
        """Count a guess; return for how many seconds there are no more."""
        address, name = bucket_of_address(client), login.casefold()
        for bucket, limit in (
            (f"password\0{name}\0{address}", self._entry.per_name_and_address),
            (f"password\0{name}", self._entry.per_name),
            (f"password\0\0{address}", self._entry.per_address),
        ):
            taken = await self._limits.take(bucket, limit)
            if taken.wait is not None:
                return taken.wait
        return None
