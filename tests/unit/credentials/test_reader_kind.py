from __future__ import annotations

import pytest
from pydantic import ValidationError

from gateway.credentials.reader_kind import CredentialSettings


def test_a_reader_without_an_authority_is_a_problem() -> None:
    with pytest.raises(ValidationError):
        CredentialSettings(kind="any", authority=())


def test_a_kind_says_where_it_looks() -> None:
    with pytest.raises(NotImplementedError):
        CredentialSettings(kind="any", authority=("a",)).places()
