import numpy as np
import pytest

from latentia.data import Preparation, prepare
from latentia.data.labels import UNLABELLED, look_like_classes, of_names, read_table

NAMES = ["cats/1.png", "cats/2.png", "dogs/1.png"]


def table(tmp_path, text, name="labels.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "keys", [("cats/1.png", "cats/2.png", "dogs/1.png"), ("./cats/1.png", "2.png", "dogs/1.png")]
)
def test_words_are_classes_and_numbers_are_attributes(tmp_path, keys):
    rows = zip(keys, ("old", "young", "old"), ("1.5", "", "-2"), strict=True)
    path = table(tmp_path, "file,age,length\n" + "\n".join(",".join(row) for row in rows))
    known, notes = read_table(path, NAMES)
    assert known.classes == ("old", "young")
    assert known.class_of.tolist() == [0, 1, 0]
    assert known.attributes == ("length",)
    assert np.array_equal(known.values[:, 0], [1.5, np.nan, -2], equal_nan=True)
    assert notes == []


def test_a_lone_column_of_whole_numbers_is_classes_in_their_order(tmp_path):
    known, _ = read_table(
        table(tmp_path, "file,digit\ncats/1,10\n2,7\ndogs/1.png,10\n".replace("cats/1,", "cats/1.png,")),
        NAMES,
    )
    assert known.classes == ("7", "10")
    assert known.class_of.tolist() == [1, 0, 1]
    assert known.values is None


def test_a_lone_column_of_broken_numbers_is_an_attribute(tmp_path):
    known, _ = read_table(table(tmp_path, "file,weight\ncats/1.png,1.5\ncats/2.png,2\ndogs/1.png,3\n"), NAMES)
    assert known.class_of is None
    assert known.values.tolist() == [[1.5], [2.0], [3.0]]


def test_images_without_a_row_are_said(tmp_path):
    known, notes = read_table(table(tmp_path, "file,kind,x\ncats/1.png,a,1\nelse.png,b,2\n"), NAMES)
    assert known.classes == ("a", UNLABELLED)
    assert known.class_of.tolist() == [0, 1, 1]
    assert np.isnan(known.values[1:]).all()
    assert "1 of its 2 rows" in notes[0]
    assert "2 of 3 images" in notes[1]


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("", "holds no labels"),
        ("file\na\n", "holds no labels"),
        ("file,x\n1.png,3\n", r"fits 2 images, cats/1\.png and dogs/1\.png"),
        ("file,x\nnothing.png,3\n", "none of the 1 names"),
        ("file,x\n2.png,3,4\n", "row 2: 3 cells"),
        ("file,x\n2.png,3\n2.png,4\n", "two rows"),
        ("file,x,y\n2.png,a,b\n", "2 columns of words"),
    ],
)
def test_letters(tmp_path, text, letter):
    with pytest.raises(ValueError, match=letter):
        read_table(table(tmp_path, text), NAMES)


def test_celeba_and_lfw_lists(tmp_path):
    celeba = table(tmp_path, "2\nBald Young\n1.jpg -1  1\n2.jpg  1 -1\n", "list_attr_celeba.txt")
    known, _ = read_table(celeba, ["img/1.jpg", "img/2.jpg"])
    assert known.attributes == ("Bald", "Young")
    assert known.values.tolist() == [[-1, 1], [1, -1]]
    text = "# lfw_attributes.txt\n#\n#\tperson\timagenum\tMale\nAnna Maria Bell\t2\t-1.25\n"
    known, _ = read_table(table(tmp_path, text, "lfw_attributes.txt"), ["lfw/Anna/Anna_Maria_Bell_0002.jpg"])
    assert known.attributes == ("Male",)
    assert known.values.tolist() == [[-1.25]]


def test_when_folders_are_classes():
    assert look_like_classes(["a"] * 20 + ["b"] * 20)
    assert not look_like_classes(["a"] * 20 + ["b"] * 19)
    assert not look_like_classes(["a"] * 100)
    assert not look_like_classes(["a"] * 50 + ["b"] * 50 + [None])
    assert not look_like_classes([str(i // 20) for i in range(20 * 1001)])
    assert of_names(["10", "9", UNLABELLED]).classes == ("9", "10", UNLABELLED)


def test_labels_choices_on_a_folder(tmp_path, fill):
    fill(tmp_path / "a", 18)
    fill(tmp_path / "b" / "deeper", 18, first=18)
    store = prepare(tmp_path, progress=False)
    assert store.facts.classes == ()
    assert any("not taken for classes" in note for note in store.report.notes)
    forced = prepare(tmp_path, Preparation(labels="folders"), progress=False)
    assert forced.facts.classes == ("a", "b")
    for name in ("train", "validation", "test"):
        part = forced.split(name)
        expected = [("a", "b").index(n.split("/")[0]) for n in part.names]
        assert part.given(slice(None)).tolist() == expected
    fill(tmp_path / "a", 10, first=40)
    fill(tmp_path / "b", 10, first=60)
    assert prepare(tmp_path, progress=False).facts.classes == ("a", "b")
    assert prepare(tmp_path, Preparation(labels="none"), progress=False).facts.classes == ()
    with pytest.raises(ValueError, match="two folders"):
        prepare(tmp_path / "a", Preparation(labels="folders"), progress=False)
    with pytest.raises(ValueError, match=r"no file nothing\.csv"):
        prepare(tmp_path, Preparation(labels="nothing.csv"), progress=False)


def test_a_changed_table_makes_another_store(tmp_path, fill):
    fill(tmp_path / "images", 20)
    path = table(tmp_path, "file,x\n" + "".join(f"{i:03d}.png,{i}.5\n" for i in range(20)))
    prepared = Preparation(labels=str(path))
    before = prepare(tmp_path / "images", prepared, progress=False)
    table(tmp_path, "file,x\n" + "".join(f"{i:03d}.png,{-i}.5\n" for i in range(20)))
    after = prepare(tmp_path / "images", prepared, progress=False)
    assert before.facts.attributes == after.facts.attributes == ("x",)
    assert before.facts.fingerprint != after.facts.fingerprint
