"""A bearer token in a file that is replaced often: read whenever it is shown, so that a new token is no new config."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

READ_WHEN_SHOWN = frozenset({"jwks_token_file"})
"""The keys of such files. A change of one loads no config: kubelets write a pod's token anew within every hour."""

_TOKEN = re.compile(rb"[A-Za-z0-9._~+/-]+=*")
"""What may stand behind `Bearer ` (RFC 6750 section 2.1)."""

_MOST_BYTES = 16 * 1024


def read_token(path: str) -> str:
    """Return the token that is in a file now; raises ValueError, whose text holds nothing of the file."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(_MOST_BYTES + 1).strip()
    except (OSError, ValueError) as fault:  # ValueError: a NUL in the path
        reason = fault.strerror if isinstance(fault, OSError) else None
        raise ValueError(f"cannot be read: {reason or type(fault).__name__}") from None
    if len(content) > _MOST_BYTES or not _TOKEN.fullmatch(content):
        raise ValueError("must hold one bearer token and nothing else")
    return content.decode("ascii")


def _holds_a_token(path: str) -> str:
    read_token(path)
    return path


TokenFile = Annotated[str, AfterValidator(_holds_a_token)]
"""The file of a bearer token, which held one when the config was read."""
