"""Files that are written whole or not at all."""

import pytest

from latentia.data.replacing import replacing


def test_what_fails_leaves_what_was_there_and_nothing_beside_it(tmp_path) -> None:
    path = tmp_path / "one.txt"
    path.write_text("before")

    def break_off() -> None:
        with replacing(path) as aside:
            aside.write_text("half of")
            raise KeyError

    with pytest.raises(KeyError):
        break_off()
    assert [file.name for file in tmp_path.iterdir()] == ["one.txt"]
    assert path.read_text() == "before"


def test_a_reader_sees_the_old_file_until_the_new_one_is_whole(tmp_path) -> None:
    path = tmp_path / "new" / "one.npz"
    with replacing(path) as aside:
        aside.write_text("after")
        assert aside.suffix == ".npz"
        assert not path.exists()
    assert [file.name for file in path.parent.iterdir()] == ["one.npz"]
    assert path.read_text() == "after"
