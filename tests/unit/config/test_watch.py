from pathlib import Path

from gateway.config.watch import Watch, signature


def test_a_signature_changes_with_content_replacement_link_and_absence(tmp_path: Path) -> None:
    file, other = tmp_path / "a", tmp_path / "b"
    link = tmp_path / "link"
    file.write_text("1")
    other.write_text("1")
    link.symlink_to(file)
    seen = [signature([link])]
    link.unlink()
    link.symlink_to(other)
    seen.append(signature([link]))
    other.write_text("22")
    seen.append(signature([link]))
    other.unlink()
    seen.append(signature([link]))
    assert len(set(seen)) == 4
    assert seen[-1] == (None,)


def test_a_change_is_due_once_and_only_when_the_file_stands_still(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text("old")
    seen, watch = signature([file]), Watch()
    assert [watch.is_due([file], seen) for _ in range(3)] == [False] * 3
    file.write_text("new, half of")
    assert not watch.is_due([file], seen)
    file.write_text("new, half of it and the rest")
    assert not watch.is_due([file], seen)
    assert watch.is_due([file], seen)
    assert not watch.is_due([file], seen)  # it was tried, and cannot be loaded as it seems


def test_a_file_that_is_as_it_was_loaded_is_no_change(tmp_path: Path) -> None:
    file, aside = tmp_path / "config", tmp_path / "aside"
    file.write_text("old")
    seen, watch = signature([file]), Watch()
    file.rename(aside)
    file.write_text("something else")
    assert not watch.is_due([file], seen)
    assert watch.is_due([file], seen)
    aside.replace(file)
    assert [watch.is_due([file], seen) for _ in range(2)] == [False, False]
    assert [watch.is_due([file], signature([tmp_path])) for _ in range(1)] == [True]
