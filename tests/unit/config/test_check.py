from pathlib import Path

from gateway.config.check import check_document, check_file
from tests.support.builders.configs import LEAST, SECRET, document, told, written


def test_a_sound_config_has_settings_and_no_problem(tmp_path: Path) -> None:
    checked = check_file(written(tmp_path), {})
    assert checked.problems == ()
    assert checked.settings is not None
    assert checked.settings.routes[0].name == "orders"


def test_a_warning_does_not_keep_a_config_from_being_used() -> None:
    checked = check_document(document(LEAST + "trusted_proxies: [0.0.0.0/0]\n"))
    assert [problem.warning for problem in checked.problems] == [True]
    assert checked.settings is not None


def test_every_problem_is_told_whatever_kind_it_is_of() -> None:
    assert told(
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


def test_a_missing_variable_is_told_once_and_beside_other_problems(tmp_path: Path) -> None:
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


def test_a_file_that_is_no_config_is_a_problem(tmp_path: Path) -> None:
    assert told("[1, 2]") == ["1:1: must be a map of keys to values"]
    assert told("") == ["1:1: secret: is required"]
    (problem,) = check_file(tmp_path / "absent.yaml", {}).problems
    assert problem.text == "cannot be read: No such file or directory"
    (problem,) = check_file(written(tmp_path, "a: [1"), {}).problems
    assert problem.text.startswith("is not YAML: ")


def test_no_secret_is_told() -> None:
    text = "secret: {s3cr3t: s3cr3t}\nlisten: {admin_token: {s3cr3t: s3cr3t}}\nredis: {url: s3cr3t, timeout: s3cr3t}\n"
    assert "s3cr3t" not in "\n".join(told(text))
