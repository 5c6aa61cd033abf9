from pathlib import Path

import pytest

from gateway import __version__
from gateway.cli import main
from tests.support.builders.configs import LEAST, SECRET, written

EVERYBODY = "trusts everybody: any client can claim any address, host and scheme"


def usage_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    return capsys.readouterr().err


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"gateway {__version__}\n"


def test_a_sound_config_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path)
    assert main(["check", "-c", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: no problems\n"


def test_each_problem_is_one_line_and_the_code_is_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, "spam: 1\ntrusted_proxies: ['::/0']\n")
    assert main(["check", "-c", str(path)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{path}:1:1: secret: is required",
        f"{path}:1:1: spam: is not a key that is known here",
        f"{path}:2:19: warning: trusted_proxies[0]: ::/0 {EVERYBODY}",
    ]


def test_a_warning_alone_is_code_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "-c", str(written(tmp_path, LEAST + "trusted_proxies: ['::/0']\n"))]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert ": warning: " in line


def test_the_environment_fills_the_config(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, LEAST.replace(SECRET, "${TEST_SECRET}", 1))
    monkeypatch.delenv("TEST_SECRET", raising=False)
    assert main(["check", "-c", str(path)]) == 1
    assert "secret: the environment variable TEST_SECRET is not set" in capsys.readouterr().out
    monkeypatch.setenv("TEST_SECRET", SECRET)
    assert main(["check", "-c", str(path)]) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("fly",),
        ("check",),
        ("serve",),
        ("demo", "--port", "many"),
        ("demo", "--port", "-1"),
        ("explain", "-c", "f", "GET"),
        ("explain", "-c", "f", "-H", "no colon", "GET", "/"),
        ("explain", "-c", "f", "-H", ": nameless", "GET", "/"),
        ("explain", "-c", "f", "-H", "two: lines\r\nmore: x", "GET", "/"),
        ("revoke", "-c", "f"),
        ("revoke", "-c", "f", "--user", "u", "--session", "s"),
        ("directory",),
        ("directory", "load", "-c", "f"),
        ("directory", "key", "-c", "f"),
        ("directory", "token", "-c", "f"),
    ],
)
def test_wrong_usage_is_code_2_and_says_how(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    assert usage_of(capsys, *arguments).startswith("usage: gateway")


@pytest.mark.parametrize("option", ["--port", "--admin-port"])
def test_a_port_that_is_none_is_reported_with_its_option(capsys: pytest.CaptureFixture[str], option: str) -> None:
    (last,) = usage_of(capsys, "demo", option, "99999").splitlines()[-1:]
    assert last == f"gateway demo: error: argument {option}: a port is a number from 0 to 65535"


def test_the_demo_needs_two_ports(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--port", "8080", "--admin-port", "8080"]) == 1
    assert capsys.readouterr().err == "gateway: --port and --admin-port are the same: each needs a port of its own\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("serve",),
        ("explain", "GET", "/"),
        ("test", "cases.yaml"),
        ("revoke", "--session", "s"),
        ("directory", "migrate"),
        ("directory", "token", "--session", "s"),
        ("directory", "member", "role", "m", "admin"),
    ],
)
def test_an_unusable_config_is_reported_on_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    path = written(tmp_path, "spam: 1\n")
    assert main([*arguments, "-c", str(path)]) == 1
    captured = capsys.readouterr()
    assert captured.err.splitlines() == [
        f"{path}:1:1: secret: is required",
        f"{path}:1:1: spam: is not a key that is known here",
    ]
    assert captured.out == ""
