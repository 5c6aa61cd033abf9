from pathlib import Path

import pytest

from gateway.config.load import (
    ConfigText,
    Watch,
    check_document,
    check_file,
    file_signature,
    load,
    load_settings,
    load_text,
)
from gateway.model.errors import SettingsError
from tests.support.builders.configs import LEAST, SECRET, document, problems, written


def test_a_sound_config_is_loaded(tmp_path: Path) -> None:
    assert list(load_settings(written(tmp_path), {}).credentials) == ["key", "token"]


def test_warnings_are_left_to_check(tmp_path: Path) -> None:
    assert load_settings(written(tmp_path, LEAST + "trusted_proxies: [0.0.0.0/0]\n"), {}).trusted_proxies


def test_every_error_is_raised_at_once_and_no_warning_with_it(tmp_path: Path) -> None:
    path = written(tmp_path, "trusted_proxies: [0.0.0.0/0]\nspam: 1\n")
    with pytest.raises(SettingsError) as caught:
        load_settings(path, {})
    assert str(caught.value).splitlines() == [
        f"{path}:1:1: secret: is required",
        f"{path}:2:1: spam: is not a key that is known here",
    ]


def test_what_a_config_names_is_watched_as_well(tmp_path: Path) -> None:
    secret, keys = tmp_path / "secret", tmp_path / "keys.pem"
    secret.write_text("0123456789abcdef0123456789abcdef")
    keys.touch()
    text = f"secret_file: {secret}\nidentity: {{token: {{issuer: i, keys_file: {keys} }} }}\n"
    path = written(tmp_path, text)
    loaded = load(path, {})
    assert loaded.files == (path, secret, keys)
    assert loaded.signature == file_signature(loaded.files)
    secret.write_text("another-0123456789abcdef0123456789abcdef")
    assert loaded.signature != file_signature(loaded.files)


def test_a_token_that_is_read_whenever_it_is_shown_is_not_watched(tmp_path: Path) -> None:
    """A kubelet writes it anew within every hour, and a config that is loaded anew forgets its sessions."""
    token = tmp_path / "token"
    token.write_text("a-token")
    issuer = f"{{kind: jwt, issuer: i, audience: a, jwks_url: 'https://id.example/', jwks_token_file: {token} }}"
    path = written(tmp_path, LEAST.replace("authorities:\n", f"authorities:\n  tokens: {issuer}\n"))
    assert load(path, {}).files == (path,)


def test_a_text_is_loaded_as_its_file_was(tmp_path: Path) -> None:
    path = written(tmp_path)
    loaded = load(path, {})
    path.unlink()
    assert load_text(loaded.config, {}).settings == loaded.settings
    with pytest.raises(SettingsError, match=r"^elsewhere\.yaml:1:1: secret: is required"):
        load_text(ConfigText("elsewhere.yaml", "routes: []"), {})


def test_the_text_of_a_config_is_never_shown(tmp_path: Path) -> None:
    assert "0123456789abcdef" not in repr(load(written(tmp_path), {}))


def test_a_sound_config_has_settings_and_no_problem(tmp_path: Path) -> None:
    checked = check_file(written(tmp_path), {})
    assert checked.problems == ()
    assert checked.settings is not None
    assert checked.settings.routes[0].name == "orders"


def test_a_warning_does_not_keep_a_config_from_being_used() -> None:
    checked = check_document(document(LEAST + "trusted_proxies: [0.0.0.0/0]\n"))
    assert [problem.warning for problem in checked.problems] == [True]
    assert checked.settings is not None


def test_every_problem_is_reported_of_whatever_kind() -> None:
    assert problems(
        "spam: 1\n"
        "cache: {fresh: 10, stale: 20s, stale: 20s}\n"
        "credentials:\n"
        "  token: {kind: bearer, authority: nobody}\n"
        "routes:\n"
        "  - {name: all, match: {path: /}, credentials: [token], upstream: https://a}\n"
        "  - {name: never, match: {path: /x}, credentials: [token, lost], upstream: https://a, access: no}\n"
        "  - {name: hidden, match: {path: /y}, credentials: [token], upstream: https://a}\n"
    ) == [
        "1:1: secret: is required",
        "1:1: spam: is not a key that is known here",
        "2:9: cache.fresh: a duration is a number with a unit: 50ms, 10s, 5m, 24h, 7d",
        "2:32: cache.stale: is given twice",
        "4:25: credentials.token.authority[0]: nobody is not one of authorities",
        "7:87: routes[1].access: must be required, optional or public",
        "8:20: warning: routes[2].match: can never match: routes[0] (all) takes all of it",
    ]


@pytest.mark.parametrize("key", ["token", "key_file", "admin_token_file", "credentials", "path", "fresh"])
def test_a_key_of_another_section_is_one_problem_and_no_guess(key: str) -> None:
    """What it is nearly is no key of this section either, and would be taken for the first one again."""
    (problem,) = check_document(document(LEAST + f"limits: {{connections: 5, {key}: 1}}\n")).problems
    assert (problem.path, problem.text) == (f"limits.{key}", "is not a key that is known here")


def test_a_misspelt_key_is_one_problem_with_the_key_that_is_meant() -> None:
    (problem,) = check_document(document(LEAST + "limits: {conections: 5, head_bytes: 32768}\n")).problems
    assert problem.text == "is not a key that is known here: did you mean connections?"


def test_a_missing_variable_is_reported_once_and_beside_other_problems(tmp_path: Path) -> None:
    text = LEAST.replace(SECRET, "${SECRET}", 1) + "cache: {negative: 5}\n"
    path = written(tmp_path, text)
    checked = check_file(path, {})
    assert [str(problem) for problem in checked.problems] == [
        f"{path}:1:1: secret: the environment variable SECRET is not set",
        f"{path}:11:9: cache.negative: a duration is a number with a unit: 50ms, 10s, 5m, 24h, 7d",
    ]
    assert checked.settings is None


def test_a_variable_fills_a_value(tmp_path: Path) -> None:
    checked = check_file(written(tmp_path, LEAST.replace(SECRET, "${SECRET}", 1)), {"SECRET": "x" * 40})
    assert checked.settings is not None
    assert checked.settings.secret[0].get_secret_value() == "x" * 40


def test_a_secret_of_the_environment_is_that_of_a_file(tmp_path: Path) -> None:
    secret = "0123456789abcdef0123456789abcdef"
    (tmp_path / "secret").write_text(f"{secret}\n")
    of_file = load_settings(written(tmp_path, f"secret_file: {tmp_path}/secret\n"), {})
    of_variable = load_settings(written(tmp_path, "secret: ${SECRET}\n"), {"SECRET": f"{secret}\n"})
    assert of_variable.secret == of_file.secret
    with pytest.raises(SettingsError, match="must not be empty"):
        load_settings(written(tmp_path, "secret: ${SECRET}\n"), {"SECRET": "\n"})


def test_a_file_that_is_no_config_is_a_problem(tmp_path: Path) -> None:
    assert problems("[1, 2]") == ["1:1: must be a map of keys to values"]
    assert problems("") == ["1:1: secret: is required"]
    (problem,) = check_file(tmp_path / "absent.yaml", {}).problems
    assert problem.text == "cannot be read: No such file or directory"
    (problem,) = check_file(written(tmp_path, "a: [1"), {}).problems
    assert problem.text.startswith("is not YAML: ")


def test_no_secret_is_reported() -> None:
    text = "secret: {s3cr3t: s3cr3t}\nlisten: {admin_token: {s3cr3t: s3cr3t}}\nredis: {url: s3cr3t, timeout: s3cr3t}\n"
    assert "s3cr3t" not in "\n".join(problems(text))


def test_a_signature_changes_with_content_replacement_link_and_absence(tmp_path: Path) -> None:
    file, other = tmp_path / "a", tmp_path / "b"
    link = tmp_path / "link"
    file.write_text("1")
    other.write_text("1")
    link.symlink_to(file)
    signatures = [file_signature([link])]
    link.unlink()
    link.symlink_to(other)
    signatures.append(file_signature([link]))
    other.write_text("22")
    signatures.append(file_signature([link]))
    other.unlink()
    signatures.append(file_signature([link]))
    assert len(set(signatures)) == 4
    assert signatures[-1] == (None,)


def test_a_change_is_due_once_and_only_when_the_file_is_settled(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text("old")
    loaded, watch = file_signature([file]), Watch()
    assert [watch.is_due([file], loaded) for _ in range(3)] == [False] * 3
    file.write_text("new, half of")
    assert not watch.is_due([file], loaded)
    file.write_text("new, half of it and the rest")
    assert not watch.is_due([file], loaded)
    assert watch.is_due([file], loaded)
    assert not watch.is_due([file], loaded)  # it was reported, and is as it was then


def test_a_file_that_is_as_it_was_loaded_is_no_change(tmp_path: Path) -> None:
    file, aside = tmp_path / "config", tmp_path / "aside"
    file.write_text("old")
    loaded, watch = file_signature([file]), Watch()
    file.rename(aside)
    file.write_text("something else")
    assert not watch.is_due([file], loaded)
    assert watch.is_due([file], loaded)
    aside.replace(file)
    assert [watch.is_due([file], loaded) for _ in range(2)] == [False, False]
    assert [watch.is_due([file], file_signature([tmp_path])) for _ in range(1)] == [True]
