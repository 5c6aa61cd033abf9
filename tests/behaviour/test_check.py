"""`gateway check` from outside, and the reference config as its best customer."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from pydantic_core import PydanticUndefined

from gateway.authorities.kinds import AUTHORITIES
from gateway.cli import main
from gateway.config.load import load_settings
from gateway.config.settings import Settings
from gateway.credentials.kinds import CREDENTIALS
from gateway.dialects.kinds import DIALECTS
from gateway.signing import KeyRing
from gateway.source.document import open_document
from gateway.source.values import SettingsModel
from tests.support.builders.certificates import issued
from tests.support.builders.configs import LEAST, written
from tests.support.clients.commands import gateway
from tests.support.repository import ROOT

REFERENCE = ROOT / "config" / "gateway.yaml"
NOTHING: tuple[object, ...] = (None, (), "", {}, PydanticUndefined)
"""Defaults beside which the reference may show an example."""

EXAMPLES = {"routes[0].match.path", "authorities.tokens.algorithms", "sign_in.providers.company.algorithms"}
"""Keys with a default that the reference shows another value of, the default being in its comment."""


@pytest.fixture(name="environment")
def environment_of_the_reference(tmp_path: Path) -> dict[str, str]:
    keys = tmp_path / "keys.pem"
    keys.write_bytes(KeyRing.generate().to_pem())
    tls = issued(trustme.CA(), tmp_path / "tls")
    secrets = (
        "GATEWAY_SECRET",
        "GATEWAY_ADMIN_TOKEN",
        "GATEWAY_PEPPER",
        "GATEWAY_INTROSPECTION_SECRET",
        "GATEWAY_OIDC_SECRET",
    )
    return {
        **dict.fromkeys(secrets, "0123456789abcdef0123456789abcdef"),
        **dict.fromkeys(("GATEWAY_TOKEN_KEYS", "GATEWAY_IDENTITY_KEYS"), str(keys)),
        "GATEWAY_CERT": str(tls.cert_file),
        "GATEWAY_KEY": str(tls.key_file),
    }


def test_the_reference_passes_without_a_warning(environment: dict[str, str]) -> None:
    ended = gateway("check", "-c", REFERENCE, environment=environment)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"{REFERENCE}: no problems\n", "")


def test_without_its_secrets_the_reference_names_each_variable_and_file() -> None:
    ended = gateway("check", "-c", REFERENCE)
    assert ended.returncode == 1
    told = [line.split(": ", 1)[1] for line in ended.stdout.splitlines()]
    assert told == [
        "listen.tls.cert_file: cannot be read: No such file or directory",
        "listen.tls.key_file: cannot be read: No such file or directory",
        "listen.admin_token: the environment variable GATEWAY_ADMIN_TOKEN is not set",
        "secret: the environment variable GATEWAY_SECRET is not set",
        "authorities.accounts.pepper[0]: the environment variable GATEWAY_PEPPER is not set",
        "authorities.opaque.client_secret: the environment variable GATEWAY_INTROSPECTION_SECRET is not set",
        "identity.token.keys_file: cannot be read: No such file or directory",
        "sign_in.providers.company.client_secret: the environment variable GATEWAY_OIDC_SECRET is not set",
    ]


def test_the_reference_lists_every_key_with_its_default(environment: dict[str, str]) -> None:
    settings = load_settings(REFERENCE, environment)
    data = open_document(REFERENCE, environment=environment).data
    assert list(differences(settings, data, "", None)) == []


def test_the_reference_shows_every_kind() -> None:
    data = open_document(REFERENCE).data
    assert {each["kind"] for each in data["authorities"].values()} == set(AUTHORITIES.own)
    assert {each["kind"] for each in data["credentials"].values()} == set(CREDENTIALS.own)
    served = {name for name, kind in DIALECTS.own.items() if kind.served}
    assert {each["dialect"] for each in data["session_info"]} == served


def test_the_comparison_finds_a_missing_key_and_another_default() -> None:
    settings = Settings.model_validate({"secret": "s", "cache": {"fresh": "1s"}})
    found = set(differences(settings, {"secret": "s", "cache": {"fresh": "1s"}}, "", None))
    assert {"cache.fresh is not its default", "cache.stale is not there", "listen is not there"} <= found


def differences(
    settings: SettingsModel, data: dict[str, Any], path: str, defaults: SettingsModel | None
) -> Iterator[str]:
    """Yield what a document does not say of `settings`, which were read from it, key by key."""
    for name, field in type(settings).model_fields.items():
        written_as = field.alias or name
        key = f"{path}.{written_as}".removeprefix(".")
        if written_as not in data:
            yield f"{key} is not there"
            continue
        value = getattr(settings, name)
        default = getattr(defaults, name) if defaults is not None else field.get_default(call_default_factory=True)
        below = list(models(value, data[written_as], key))
        for model, written_below, key_below in below:
            beside = default if isinstance(default, SettingsModel) else None
            yield from differences(model, written_below, key_below, beside)
        shown = default in NOTHING or key in EXAMPLES or value == default
        if not below and not shown:
            yield f"{key} is not its default"


def models(value: Any, data: Any, path: str) -> Iterator[tuple[SettingsModel, dict[str, Any], str]]:
    """Yield the settings that stand at one key, with what is written there: one, a list or a map of them."""
    if isinstance(value, SettingsModel):
        yield value, data, path
    elif isinstance(value, tuple):
        for place, each in enumerate(value):
            if isinstance(each, SettingsModel) and isinstance(data[place], dict):  # else a short form of it
                yield each, data[place], f"{path}[{place}]"
    elif isinstance(value, dict):
        for name, each in value.items():
            if isinstance(each, SettingsModel):
                yield each, data[name], f"{path}.{name}"


def test_problems_are_lines_that_editors_jump_to(tmp_path: Path) -> None:
    path = written(tmp_path, LEAST + "cache: {fresh: soon}\nsession_info: [{dialect: klingon}]\n")
    ended = gateway("check", "-c", path)
    choices = "composio, wacht, memghost, rocketchat, kratos, better_auth, oauth2_proxy or supabase"
    assert ended.returncode == 1
    assert ended.stderr == ""
    assert ended.stdout.splitlines() == [
        f"{path}:11:9: cache.fresh: a duration is a number with a unit: 50ms, 10s, 5m, 24h, 7d",
        f"{path}:12:17: session_info[0].dialect: klingon is not known; must be {choices}",
    ]


def test_a_config_in_json_is_a_config(tmp_path: Path) -> None:
    path = written(tmp_path, '{\n\t"secret": "0123456789abcdef0123456789abcdef",\n\t"spam": true\n}\n')
    assert gateway("check", "-c", path).stdout == f"{path}:3:2: spam: is not a key that is known here\n"


def test_a_config_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    ended = gateway("check", "-c", tmp_path / "absent.yaml")
    assert (ended.returncode, ended.stderr) == (1, "")
    assert ended.stdout == f"{tmp_path / 'absent.yaml'}: cannot be read: No such file or directory\n"


BOMB = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}' if n else 'x'] * 10)}]" for n in range(12))


@pytest.mark.parametrize(
    "text", [BOMB, "[" * 100_000, "a: &a [*a]\n", "secret: !!python/object/apply:os.system [echo]\n"]
)
def test_a_hostile_config_is_a_problem_and_nothing_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    assert main(["check", "-c", str(written(tmp_path, text))]) == 1
    assert capsys.readouterr().out
