import errno
import json
import os

import numpy as np
import pytest
import torch
from PIL import Image

from latentia.data import Preparation, building, contact_sheet, prepare, store

REAL = os.environ.get("LATENTIA_DATA", "")


def boom(*_, **__):
    raise AssertionError("a store was built although one was there")


def test_a_second_opening_builds_nothing_and_sees_the_same(tmp_path, fill, monkeypatch):
    fill(tmp_path / "images", 30)
    first = prepare(tmp_path / "images", progress=False)
    monkeypatch.setattr(store, "build", boom)
    again = prepare(tmp_path / "images", progress=False)
    assert again.facts == first.facts
    assert again.report == first.report
    assert torch.equal(again.facts.mean, first.facts.mean)
    assert torch.equal(again.split("train").images(slice(None)), first.split("train").images(slice(None)))


def test_what_changes_a_store(tmp_path, fill, png):
    folder = fill(tmp_path / "images", 30)
    paths = {prepare(folder, progress=False).path}
    for preparation in (
        Preparation(size=8),
        Preparation(fit="pad"),
        Preparation(channels="grey"),
        Preparation(binarise="static"),
    ):
        paths.add(prepare(folder, preparation, progress=False).path)
    assert len(paths) == 5
    assert prepare(folder, Preparation(data_root="elsewhere"), progress=False).path in paths
    (folder / "000.png").write_bytes(png(1000))
    assert prepare(folder, progress=False).path not in paths


def test_images_and_levels_agree(tmp_path):
    levels = np.random.default_rng(0).integers(0, 17, (40, 8, 8)).astype(np.uint8)
    opened = prepare(levels, progress=False)
    seen = 0
    for name in ("train", "validation", "test"):
        part = opened.split(name)
        rows = [int(n) for n in part.names]
        expected = torch.from_numpy(levels[rows]).float()[:, None] * 2 / 16 - 1
        assert torch.equal(part.images(slice(None)), expected)
        assert torch.equal(part.images(torch.tensor([0, 0])), expected[[0, 0]])
        assert len(part) == len(rows)
        seen += len(part)
    assert seen == 40
    assert opened.split("train").images(slice(0, 1)).dtype == torch.float32
    with pytest.raises(ValueError, match="no split 'valid'"):
        opened.split("valid")


def test_exact_duplicates_stand_on_one_side(tmp_path, png):
    for number in range(60):
        (tmp_path / f"{number}.png").write_bytes(png(number % 20))
    opened = prepare(tmp_path, progress=False)
    sides = [
        {int(n.split(".")[0]) % 20 for n in opened.split(s).names} for s in ("train", "validation", "test")
    ]
    assert sum(map(len, sides)) == 20
    assert opened.report.duplicates == {"groups": 20, "images": 60, "test_in_train": 0}


def test_the_split_depends_on_content_alone(tmp_path, png):
    for name in ("a", "z"):
        (tmp_path / name).mkdir()
    for number in range(40):
        (tmp_path / "a" / f"{number}.png").write_bytes(png(number))
        (tmp_path / "z" / f"{99 - number}.png").write_bytes(png(number))
    first, second = (prepare(tmp_path / name, progress=False).split("test") for name in ("a", "z"))
    assert {int(n[:-4]) for n in first.names} == {99 - int(n[:-4]) for n in second.names}


def save_all(folder, arrays):
    folder.mkdir()
    for number, array in enumerate(arrays):
        Image.fromarray(array).save(folder / f"{number}.png")
    return folder


def test_grey_and_levels_are_found(tmp_path):
    random = np.random.default_rng(0)
    black_white = random.integers(0, 2, (20, 8, 8)).astype(np.uint8) * 255
    colours = np.repeat(black_white[..., None], 3, axis=3)
    found = prepare(save_all(tmp_path / "same", colours), progress=False)
    assert found.facts.image_shape == (1, 8, 8)
    assert found.facts.levels == 2
    assert any("Stored as grey" in note for note in found.report.notes)
    assert prepare(tmp_path / "same", Preparation(channels="rgb"), progress=False).facts.channels == 3
    colours[0, 0, 0, 0] = 17
    tinted = prepare(save_all(tmp_path / "tinted", colours), progress=False)
    assert tinted.facts.image_shape == (3, 8, 8)
    assert tinted.facts.levels == 16


@pytest.mark.parametrize(
    ("sizes", "chosen"),
    [
        ([(32, 32)] * 20, 32),
        ([(28, 28)] * 20, 28),
        ([(128, 128)] * 20, 128),
        ([(132, 132)] * 20, 64),
        ([(30, 30)] * 20, 16),
        ([(40, 32)] * 20, 32),
        ([(32, 32)] * 11 + [(100, 70)] * 9, 32),
        ([(32, 32)] * 9 + [(100, 70)] * 11, 64),
        ([(5, 6)] * 20, 8),
    ],
)
def test_sizes_are_chosen_and_said(tmp_path, picture, sizes, chosen):
    for number, size in enumerate(sizes):
        picture(number, size=size).save(tmp_path / f"{number}.png")
    opened = prepare(tmp_path, progress=False)
    assert opened.facts.image_shape == (3, chosen, chosen)
    assert any(f"{chosen} x {chosen} pixels" in note for note in opened.report.notes)


def test_fit_is_said(tmp_path, fill):
    fill(tmp_path, 20, size=(24, 16))
    assert any(
        "20 images of another shape were cut" in n for n in prepare(tmp_path, progress=False).report.notes
    )
    padded = prepare(tmp_path, Preparation(fit="pad", background="black"), progress=False)
    assert any("padded" in note for note in padded.report.notes)
    assert (padded.split("train").images(slice(None))[:, :, 0] == -1).all()


@pytest.mark.parametrize("way", ["threshold", "static", "dynamic"])
def test_binarising(way):
    opened = prepare("digits", Preparation(binarise=way), progress=False)
    images = opened.split("train").images(slice(None))
    assert opened.facts.levels == 2
    assert set(images.unique().tolist()) == {-1.0, 1.0}
    plain = prepare("digits", progress=False)
    means = [s.split("train").images(slice(None)).mean().item() for s in (opened, plain)]
    assert means[0] == pytest.approx(means[1], abs=0.2 if way == "threshold" else 0.02)


def test_dynamic_draws_are_fresh_in_training_and_static_elsewhere():
    plain = prepare("digits", progress=False)
    static = prepare("digits", Preparation(binarise="static"), progress=False)
    dynamic = prepare("digits", Preparation(binarise="dynamic"), progress=False)
    for part in ("train", "test"):
        both = [s.split(part) for s in (static, dynamic)]
        names = [name for name in both[0].names if name in both[1].names][:30]
        rows = [torch.tensor([split.names.index(name) for name in names]) for split in both]
        assert torch.equal(*(split.images(index) for split, index in zip(both, rows, strict=True)))
    split, same = dynamic.split("train"), torch.zeros(20_000, dtype=torch.int64) + 7
    uniform = torch.rand(20_000, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    drawn = split.images(same, uniform=uniform)
    assert set(drawn.unique().tolist()) == {-1.0, 1.0}
    assert torch.allclose(drawn.mean(0), plain.split("train").images(same[:1])[0], atol=0.04)
    assert split.fresh
    assert not static.split("train").fresh
    assert dynamic.facts.fingerprint != static.facts.fingerprint
    # The deviation of what is drawn, not of its probabilities.
    assert torch.allclose(dynamic.facts.std.square(), 1 - dynamic.facts.mean.square(), atol=1e-5)


def test_a_build_that_fails_leaves_nothing(tmp_path, fill, monkeypatch):
    fill(tmp_path / "images", 20)

    def fails(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(building, "_choose_split", fails)
    with pytest.raises(KeyboardInterrupt):
        prepare(tmp_path / "images", cache=tmp_path / "cache", progress=False)
    assert list((tmp_path / "cache" / "stores").iterdir()) == []


@pytest.mark.parametrize(("code", "words"), [(errno.ENOSPC, "the disk is full"), (errno.EACCES, "denied")])
def test_a_cache_that_cannot_be_written(tmp_path, fill, monkeypatch, code, words):
    fill(tmp_path / "images", 20)

    def fails(*_, **__):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(building.np, "savez", fails)
    with pytest.raises(ValueError, match=f"{words}.*LATENTIA_CACHE"):
        prepare(tmp_path / "images", progress=False)
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="LATENTIA_CACHE"):
        prepare(tmp_path / "images", cache=tmp_path / "file", progress=False)


def test_a_damaged_store_gets_a_letter(tmp_path, fill):
    fill(tmp_path / "images", 20)
    opened = prepare(tmp_path / "images", progress=False)
    for name, data in (("store.json", b"{"), ("pixels.npy", b"short"), ("arrays.npz", b"")):
        whole = (opened.path / name).read_bytes()
        (opened.path / name).write_bytes(data)
        with pytest.raises(ValueError, match=r"is damaged.*Delete it"):
            prepare(tmp_path / "images", progress=False)
        (opened.path / name).write_bytes(whole)


def test_another_process_may_finish_first(tmp_path, fill, monkeypatch):
    fill(tmp_path / "images", 20)
    build = store.build

    def slower(source, preparation, folder, *, progress):
        build(source, preparation, folder, progress=progress)
        monkeypatch.setattr(store, "build", build)
        prepare(tmp_path / "images", progress=False)

    monkeypatch.setattr(store, "build", slower)
    opened = prepare(tmp_path / "images", progress=False)
    assert opened.report.images == 20
    assert [path.name for path in opened.path.parent.iterdir()] == [opened.path.name]


def test_progress_is_shown_and_can_be_silenced(tmp_path, fill, capsys):
    fill(tmp_path / "images", 20)
    prepare(tmp_path / "images", Preparation(size=8), progress=False)
    assert capsys.readouterr().err == ""
    prepare(tmp_path / "images")
    assert "decoding" in capsys.readouterr().err


def test_report_reads_well_and_survives_json(tmp_path, fill):
    for kind in range(14):
        fill(tmp_path / f"kind{kind:02d}", 20, first=20 * kind, size=(16 + kind, 16))
    for number in range(12):
        (tmp_path / "kind00" / f"bad{number:02d}.png").write_text("words")
    with pytest.warns(UserWarning, match="12 bad files"):
        report = prepare(tmp_path, progress=False).report
    text = str(report)
    assert "280 images, 16 x 16 colour" in text
    assert "bad00.png: text, not an image" in text
    assert "… and 4 more" in text
    assert "bad08.png" not in text
    assert "… and 6 more sizes" in text
    assert max(map(len, text.split("store  ")[0].splitlines()[1:])) <= 110
    read = json.loads(json.dumps(report.to_json()))
    assert type(report).from_json(read) == report
    assert len(read["bad"]) == 12


def test_contact_sheet(tmp_path, fill):
    sheet = contact_sheet(prepare("digits", progress=False))
    assert sheet.mode == "L"
    assert sheet.size == (12 * 66 + 2, 10 * 66 + 2)
    fill(tmp_path, 20)
    assert contact_sheet(prepare(tmp_path, progress=False)).mode == "RGB"


@pytest.mark.skipif("LATENTIA_DATA" not in os.environ, reason="LATENTIA_DATA names no folder of data sets")
def test_real_sprites():
    opened = prepare(f"{REAL}/crawl-sprites", progress=False)
    assert opened.report.images == 1398
    assert opened.report.bad == {}
    assert opened.facts.image_shape == (3, 32, 32)
    assert opened.report.modes == {"P": 1092, "RGBA": 305, "L": 1}
    assert {size[:2]: size[2] for size in opened.report.sizes} == {(32, 32): 1321, (32, 48): 77}
    assert opened.facts.classes == ("item", "mon")


@pytest.mark.skipif("LATENTIA_DATA" not in os.environ, reason="LATENTIA_DATA names no folder of data sets")
def test_real_fashion():
    opened = prepare("fashion-mnist", Preparation(data_root=REAL), progress=False)
    assert opened.facts.num_test == 10_000
    assert opened.facts.num_train + opened.facts.num_validation == 60_000
    assert opened.facts.classes[9] == "Ankle boot"
    assert opened.report.duplicates["groups"] == 0


class TestParts:
    @pytest.fixture
    def digits(self):
        return prepare("digits", progress=False)

    def test_some_images_are_a_part_of_their_own(self, digits):
        train, rows = digits.split("train"), torch.tensor([7, 3, 7])
        some = train.only(rows)
        assert torch.equal(some.images(slice(None)), train.images(rows))
        assert torch.equal(some.classes(slice(None)), train.classes(rows))
        assert some.names == [train.names[row] for row in rows]

    def test_a_balanced_part_repeats_images_and_loses_none(self, digits):
        classes = digits.split("train").classes(slice(None))
        rows = torch.cat([(classes == c).nonzero().squeeze(1)[: 7 if c == 3 else 20] for c in range(10)])
        some = digits.split("train").only(rows)
        balanced = some.balanced()
        assert balanced.classes(slice(None)).bincount().tolist() == [20] * 10
        assert set(balanced.names) == set(some.names)

    def test_without_classes_nothing_can_be_balanced(self):
        unlabelled = prepare("digits", Preparation(labels="none"), progress=False)
        with pytest.raises(ValueError, match="no classes to balance"):
            unlabelled.split("train").balanced()

    def test_a_store_with_less_to_train_on_says_so(self, digits):
        rows = torch.arange(0, 400, 4)
        less = digits.with_train(rows)
        images = digits.split("train").images(rows)
        assert less.facts.num_train == len(less.split("train")) == 100
        assert torch.allclose(less.facts.mean, images.mean(0), atol=1e-6)
        assert torch.allclose(less.facts.std, images.std(0, correction=0), atol=1e-5)
        assert less.facts.fingerprint != digits.facts.fingerprint
        assert less.split("test").names == digits.split("test").names

    def test_statistics_agree_with_those_of_the_store(self, digits):
        whole = digits.with_train(torch.arange(digits.facts.num_train))
        assert torch.allclose(whole.facts.mean, digits.facts.mean, atol=1e-6)
        assert torch.allclose(whole.facts.std, digits.facts.std, atol=1e-5)
