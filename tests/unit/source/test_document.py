from pathlib import Path

import pytest

from gateway.model.errors import RecordsError, SettingsError
from gateway.source.document import MAX_BYTES, format_path, load_document, open_document, parse_document

TEXT = """\
listen:
  public: 0.0.0.0:8080
routes:
  - name: one
    match: {path: /one/,
            methods: [GET, POST]}
  - name: two
"""


def problems_of(text: str) -> list[str]:
    try:
        return [str(problem) for problem in parse_document(text, "c.yaml").faults]
    except SettingsError as error:
        return [str(problem) for problem in error.problems]


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ((), (1, 1)),
        (("listen",), (1, 1)),
        (("listen", "public"), (2, 3)),
        (("routes", 0), (4, 5)),
        (("routes", 0, "match", "methods"), (6, 13)),
        (("routes", 0, "match", "methods", 1), (6, 28)),
        (("routes", 1, "name"), (7, 5)),
        (("routes", 1, "upstream"), (7, 5)),
        (("routes", 9, "name"), (3, 1)),
        (("routes", "x"), (3, 1)),
        (("listen", "public", "deeper"), (2, 3)),
        (("redis", "url"), (1, 1)),
    ],
)
def test_a_place_is_the_keys_or_its_nearest_written_parents(
    path: tuple[str | int, ...], place: tuple[int, int]
) -> None:
    assert parse_document(TEXT, "c.yaml").place(path) == place


def test_a_problem_reads_as_a_line_that_editors_jump_to() -> None:
    problem = parse_document(TEXT, "c.yaml").problem(("routes", 0, "match", "methods", 1), "is wrong")
    assert str(problem) == "c.yaml:6:28: routes[0].match.methods[1]: is wrong"


def test_a_path_is_written_as_people_write_it() -> None:
    assert format_path(("routes", 0, "match", "path")) == "routes[0].match.path"
    assert format_path((3, "id")) == "[3].id"
    assert not format_path(())


def test_an_empty_document_is_nothing_at_the_top() -> None:
    document = parse_document("# only a comment\n", "c.yaml")
    assert document.data is None
    assert document.place(("listen",)) == (1, 1)


def test_tab_indented_json_is_read() -> None:
    document = parse_document('{\n\t"a": "x\\ty",\n\t"b": [1]\n}', "r.json")
    assert document.data == {"a": "x\ty", "b": [1]}
    assert document.place(("b",)) == (3, 2)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: [1", "c.yaml:2:6: is not YAML: expected ',' or ']'"),
        ("a: 1\n b: 2", "c.yaml:2:3: is not YAML: mapping values are not allowed here"),
        ("a:\n\tb: 1", "c.yaml:2:1: is not YAML: found character '\\t' that cannot start any token"),
        ("a: 1\n---\nb: 2", "c.yaml:2:1: is not YAML: but found another document"),
        ("a: *b", "c.yaml:1:4: is not YAML: found undefined alias"),
        ("a: 1\nb: x\0y", "c.yaml:2:5: holds a control character"),
        ("a: " + "[" * 60 + "]" * 60, "c.yaml:1:43: is nested deeper than 40 levels"),
    ],
)
def test_a_syntax_error_has_its_place(text: str, line: str) -> None:
    (problem,) = problems_of(text)
    assert problem.startswith(line)


def test_every_fault_of_the_content_is_told() -> None:
    assert problems_of("a: 1\na: 2\nb: {c: !python/object:os.system x, 1: y}\n") == [
        "c.yaml:2:1: a: is given twice",
        "c.yaml:3:5: b.c: has a tag that is not supported: !python/object:os.system",
        "c.yaml:3:1: b: has a key that is not a string, at line 3: quote it",
    ]


def test_aliases_that_multiply_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert problems_of("\n".join(lines)) == ["c.yaml:1:1: has aliases that multiply its values beyond reason"]


def test_a_file_is_read_with_its_own_name_in_problems(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("a: ${NAME}\nb: ${ABSENT}\n", encoding="utf-8")
    assert load_document(path).data == {"a": "${NAME}", "b": "${ABSENT}"}
    document = open_document(path, environment={"NAME": "value"})
    assert document.data == {"a": "value", "b": None}
    assert [str(fault) for fault in document.faults] == [f"{path}:2:1: b: the environment variable ABSENT is not set"]


def test_a_faulty_content_is_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("a: 1\na: 2\na: 3\n", encoding="utf-8")
    with pytest.raises(RecordsError) as caught:
        load_document(path, error=RecordsError)
    assert [problem.text for problem in caught.value.problems] == ["is given twice", "is given twice"]


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert load_document(path).data == {"a": 1}


def test_the_error_is_the_one_that_was_asked_for(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match=r"absent\.yaml: cannot be read: No such file or directory"):
        load_document(tmp_path / "absent.yaml", error=RecordsError)


def test_a_file_that_is_not_utf_8_is_refused_at_its_line(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(SettingsError, match=r":2:1: is not UTF-8"):
        load_document(path)


def test_a_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(SettingsError, match=f"is larger than {MAX_BYTES} bytes"):
        load_document(path)
