import os

import pytest

from latentia.data import Preparation, folders, prepare


def test_nearest_names(tmp_path, fill):
    fill(tmp_path / "photos", 1)
    with pytest.raises(ValueError, match=r"no digit\. Perhaps you meant digits"):
        prepare("digit", progress=False)
    with pytest.raises(ValueError, match=r"photos\."):
        prepare(tmp_path / "photo", progress=False)
    with pytest.raises(ValueError, match=r"one of: digits, shapes, mnist"):
        prepare(tmp_path / "qqqqqq", progress=False)


def test_a_name_is_the_data_set_and_a_path_is_the_folder(tmp_path, fill, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fill(tmp_path / "digits", 20)
    with pytest.warns(UserWarning, match=r"\./digits"):
        assert prepare("digits", progress=False).report.images == 1797
    assert prepare("./digits", progress=False).report.images == 20


def test_untidy_folder(tmp_path, fill, png):
    fill(tmp_path / "a" / "b", 20)
    (tmp_path / "upper.PNG").write_bytes(png(100))
    (tmp_path / "lies.jpg").write_bytes(png(101))  # a PNG by content
    (tmp_path / "notes.txt").write_text("words")
    (tmp_path / "words.png").write_text("words")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "short.png").write_bytes(png(102)[:-200])
    (tmp_path / "broken-link.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / ".hidden.png").write_bytes(png(103))
    (tmp_path / "a" / "circle").symlink_to(tmp_path)
    with pytest.warns(UserWarning, match="4 bad files"):
        report = prepare(tmp_path, progress=False).report
    assert report.images == 22
    assert report.ignored == 1
    assert "text" in report.bad["words.png"]
    assert "zero bytes" in report.bad["empty.png"]
    assert "truncated" in report.bad["short.png"]
    assert "No such file" in report.bad["broken-link.png"]


def test_too_little(tmp_path, fill):
    with pytest.raises(ValueError, match=r"no good images, expected at least 16"):
        prepare(tmp_path, progress=False)
    (tmp_path / "words.txt").write_text("words")
    with pytest.raises(ValueError, match="1 files do not have the name of an image"):
        prepare(tmp_path, progress=False)
    fill(tmp_path, 15)
    (tmp_path / "bad.png").write_text("words")
    with pytest.raises(ValueError, match=r"only 15 good.*1 left out \(text"):
        prepare(tmp_path, progress=False)


def test_too_few_after_decoding(tmp_path, fill, png):
    fill(tmp_path, 10)
    for number in range(10):
        (tmp_path / f"short{number}.png").write_bytes(png(number)[:-200])
    with pytest.raises(ValueError, match=r"only 10 good.*10 left out"):
        prepare(tmp_path, progress=False)


def test_copies_of_two_images_cannot_be_split(tmp_path, png):
    for number in range(20):
        (tmp_path / f"{number}.png").write_bytes(png(number % 2))
    with pytest.raises(ValueError, match="2 distinct"):
        prepare(tmp_path, progress=False)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_permissions(tmp_path, fill):
    fill(tmp_path / "closed", 20)
    (tmp_path / "closed").chmod(0)
    with pytest.raises(ValueError, match="permissions"):
        prepare(tmp_path / "closed", progress=False)


def test_a_folder_that_may_not_be_read_gets_a_letter(tmp_path, fill, monkeypatch):
    fill(tmp_path / "open", 20)
    fill(tmp_path / "closed", 20)
    scandir = os.scandir

    def refusing(path):
        if os.fspath(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(folders.os, "scandir", refusing)
    with pytest.raises(ValueError, match="Check its permissions"):
        prepare(tmp_path / "closed", progress=False)
    with pytest.warns(UserWarning, match="1 bad files"):
        report = prepare(tmp_path, progress=False).report
    assert "Permission denied" in report.bad["closed"]


@pytest.mark.parametrize(
    ("name", "data", "letter"),
    [
        ("one.png", b"\x89PNG\r\n\x1a\n", "is one image"),
        ("model.bin", b"anything at all", "cannot tell what model.bin is"),
        ("state.pt", b"PK\x03\x04", "is a pickle"),
        ("empty.zip", b"", "cannot tell"),
    ],
    ids=["image", "unknown", "pickle", "empty"],
)
def test_files_that_are_no_source(tmp_path, name, data, letter):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError, match=letter):
        prepare(tmp_path / name, progress=False)


@pytest.mark.parametrize("names", [("train", "test"), ("Train", "val", "test"), ("training", "valid")])
def test_folders_named_as_splits(tmp_path, fill, names):
    for number, name in enumerate(names):
        for kind in ("cats", "dogs"):
            fill(tmp_path / "all" / name / kind, 30, first=100 * number + (50 if kind == "dogs" else 0))
    store = prepare(tmp_path / "all", progress=False)
    assert store.report.split_by == "published"
    assert store.facts.classes == ("cats", "dogs")
    assert min(store.report.split.values()) >= 1
    if "test" in names:
        assert {name.split("/")[0] for name in store.split("test").names} == {"test"}
        assert len(store.split("test")) == 60


def test_folder_split_keeps_persons_apart(tmp_path, fill):
    for person in range(12):
        fill(tmp_path / f"person_{person}", 3, first=3 * person)
    store = prepare(tmp_path, Preparation(split="folder"), progress=False)
    sides = [{n.split("/")[0] for n in store.split(s).names} for s in ("train", "validation", "test")]
    assert sum(map(len, sides)) == 12
    with pytest.raises(ValueError, match="no published split"):
        prepare(tmp_path, Preparation(split="published"), progress=False)
