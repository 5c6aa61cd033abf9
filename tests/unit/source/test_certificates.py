from __future__ import annotations

from pathlib import Path

import pytest
import trustme
from pydantic import ValidationError

from gateway.source.certificates import ClientTlsSettings, client_context
from tests.support.builders.certificates import issued


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def test_a_client_trusts_the_named_authority_and_shows_its_certificate(authority: trustme.CA, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(authority.cert_pem.bytes())
    mine = issued(authority, tmp_path / "mine")
    tls = ClientTlsSettings(
        ca_file=str(tmp_path / "ca.pem"), cert_file=str(mine.cert_file), key_file=str(mine.key_file)
    )
    context = client_context(tls.ca_file, tls.cert_file, tls.key_file)
    assert len(context.get_ca_certs()) == 1
    assert context.check_hostname


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"ca_file": "empty"}, "no certificate in PEM"),
        ({"ca_file": "nowhere"}, "No such file"),
        ({"cert_file": "nowhere"}, "No such file"),
        ({"cert_file": "empty"}, "not in PEM"),
        ({"key_file": "mine/tls.key"}, "there is none"),
        ({"cert_file": "mine/tls.crt", "key_file": "other/tls.key"}, "do not fit"),
        ({"cert_file": "locked/tls.crt", "key_file": "locked/tls.key"}, "has a password"),
    ],
)
def test_files_that_cannot_be_used_are_a_problem_of_the_config(
    authority: trustme.CA, tmp_path: Path, change: dict[str, str], text: str
) -> None:
    (tmp_path / "empty").touch()
    issued(authority, tmp_path / "mine")
    issued(authority, tmp_path / "other")
    issued(authority, tmp_path / "locked", password=b"secret")
    with pytest.raises(ValidationError, match=text):
        ClientTlsSettings.model_validate({key: str(tmp_path / file) for key, file in change.items()})
