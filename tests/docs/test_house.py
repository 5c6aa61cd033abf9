"""What tests/house.py finds, in a small house that is wrong in each way."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import house

SOURCES = {
    "gateway/__init__.py": "",
    "gateway/gate.py": "class Gate:\n    def ask(self): ...\n",
    "gateway/redis/bus.py": "def publish(): ...\n",
    "gateway/redis/client.py": "def connect(): ...\n",
    "gateway/model/shapes.py": "class Shape(Protocol):\n    x: int\n",
    "gateway/credentials/kinds.py": (
        "from gateway.credentials import bearer\nCREDENTIALS = KindTable(K, 'g', (bearer.KIND,))\n"
    ),
    "gateway/credentials/bearer.py": "class BearerSettings: ...\n",
    "tests/contracts/test_readers.py": 'KINDS = {"bearer": 1}\n',
    "tests/unit/test_gate.py": "",
    "tests/unit/redis/test_redis.py": "",
    "tests/unit/credentials/test_kinds.py": "",
    "tests/unit/credentials/test_bearer.py": "",
    "pyproject.toml": (
        '[[tool.importlinter.contracts]]\ntype = "independence"\nmodules = ["gateway.credentials.bearer"]\n'
    ),
    "README.md": "See docs/THREATS.md section 4.\n",
}

CHECKS = (house.untested, house.names_of_two, house.over_budget, house.missing_pages)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in SOURCES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def problems(root: Path) -> list[str]:
    checks = (*CHECKS, house.kinds_not_held_apart, house.kinds_without_their_suite)
    return [problem.partition(":")[0] for check in checks for problem in check(root)]


def test_a_house_in_order_has_no_problem(root: Path) -> None:
    assert problems(root) == []


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("gateway/model/memo.py", "def once(): ...\n", "gateway/model/memo.py"),
        ("tests/unit/redis/test_gone.py", "", "tests/unit/redis/test_gone.py"),
        ("gateway/redis/gate.py", "", "gate.py"),
        ("gateway/redis/client.py", "class Gate: ...\n", "Gate"),
        ("gateway/redis/client.py", "class Outer:\n    class Gate: ...\n", "Gate"),
        ("gateway/redis/client.py", "Gate = dict[str, str]\n", "Gate"),
        ("gateway/gate.py", "x = 1\n" * 251, "gateway/gate.py"),
        ("gateway/gate.py", "def ask():\n" + "    x = 1\n" * 40, "gateway/gate.py"),
        ("gateway/gate.py", "class Gate:\n    def ask(self, a, b, c, d, *, e, f, g): ...\n", "gateway/gate.py"),
        ("README.md", "As DESIGN section 7 says.\n", "README.md"),
        ("gateway/gate.py", '"""THREATS 4."""\n', "gateway/gate.py"),
        ("tests/unit/test_gate.py", "# of seed 002\n", "tests/unit/test_gate.py"),
        ("gateway/credentials/kinds.py", "", "gateway.credentials.bearer"),
        ("pyproject.toml", "[tool.importlinter]\ncontracts = []\n", "gateway.credentials.bearer"),
        ("tests/contracts/test_readers.py", 'KINDS = {"cookie": 1}\n', "gateway.credentials.bearer"),
        ("tests/contracts/test_readers.py", "", "gateway.credentials.bearer"),
    ],
)
def test_each_disorder_is_found(root: Path, name: str, text: str, problem: str) -> None:
    (root / name).write_text(text, encoding="utf-8")
    assert problems(root) == [problem]


def test_what_is_within_its_budget_is_in_order(root: Path) -> None:
    within = "class Gate:\n    async def ask(self, a, b, c, d, *, e, f):\n" + "        x = 1\n" * 39
    (root / "gateway/gate.py").write_text(within + "\n" * 209, encoding="utf-8")
    assert problems(root) == []


def test_what_only_a_signature_needs_may_be_called_alike(root: Path) -> None:
    for name in ("bus", "client"):
        (root / f"gateway/redis/{name}.py").write_text('_Result = TypeVar("_Result")\n', encoding="utf-8")
    assert problems(root) == []


def test_a_kind_that_its_suite_does_not_run_is_told_with_the_line_to_add(root: Path) -> None:
    (root / "tests/contracts/test_readers.py").write_text("KINDS = {}\n", encoding="utf-8")
    (root / "pyproject.toml").write_text("[tool.importlinter]\ncontracts = []\n", encoding="utf-8")
    told = [*house.kinds_without_their_suite(root), *house.kinds_not_held_apart(root)]
    assert told[0].endswith(
        "add to KINDS in tests/contracts/test_readers.py the line "
        '"bearer": Kind(reader("bearer", kind="bearer"), lambda secret: ...),'
    )
    assert told[1].endswith('add the line     "gateway.credentials.bearer",')
