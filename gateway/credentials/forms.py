"""How a secret shows which reader's it is: two readers of one header are told apart by what each declares."""

from __future__ import annotations

import re

import msgspec

# The first two characters of base64url of `{"`, `{ ` or `{` and a line end, with which every JSON object begins; a
# segment may be padded, as AWS writes it, and the signature may be missing, which its authority has to refuse.
_JWT = re.compile(r"e[0-9w-z_-][\w-]*=*\.[\w-]*=*\.[\w-]*=*", re.ASCII)
_JWT_BEGINS = re.compile(r"(?:e(?:[0-9w-z_-].*)?)?", re.ASCII | re.DOTALL)


class Form(msgspec.Struct, frozen=True):
    """What a reader's secrets look like: they begin with one of `prefixes`, are signed tokens, or are anything."""

    prefixes: tuple[str, ...] = ()
    jwt: bool = False

    def includes(self, secret: str) -> bool:
        """Tell whether `secret` may be this reader's."""
        if self.prefixes and not secret.startswith(self.prefixes):
            return False
        return not self.jwt or _JWT.fullmatch(secret) is not None

    def meets(self, other: Form) -> bool:
        """Tell whether one secret may have both forms."""
        return not (self._excludes(other) or other._excludes(self))

    def _excludes(self, other: Form) -> bool:
        if self.prefixes and other.prefixes:
            return not any(
                one.startswith(two) or two.startswith(one) for one in self.prefixes for two in other.prefixes
            )
        return bool(self.jwt and other.prefixes) and not any(map(_JWT_BEGINS.fullmatch, other.prefixes))


class Place(msgspec.Struct, frozen=True):
    """Where a reader looks, and what it takes there: of a header with a `scheme` (lower case) that scheme's alone."""

    where: str
    scheme: str = ""
    form: Form = Form()

    def meets(self, other: Place) -> bool:
        """Tell whether two readers may find one secret here."""
        same_scheme = not self.scheme or not other.scheme or self.scheme == other.scheme
        return self.where == other.where and same_scheme and self.form.meets(other.form)

    def __str__(self) -> str:
        """Name the place as `check` does."""
        return f"{self.where} ({self.scheme})" if self.scheme else self.where
