"""Synthetic labelled images: from a model whose every draw is known to be good, wrong or copied."""

import csv
from importlib import import_module

import pytest
import torch

from latentia.data import prepare
from latentia.data.pictures import to_pixels
from latentia.distributions import Dirac
from latentia.networks import Attributes, Classes
from latentia.protocols import Decodes, Encodes, GenerativeModel
from latentia.tasks import augment
from latentia.tasks.augmented_folder import MANIFEST, folder_names, write_labelled


class Liar(GenerativeModel):
    """Draws held-out digits of the class asked for; some of another class, some of the training images."""

    def __init__(self, store, *, wrong=0.0, copied=0.0, num_classes=10):
        super().__init__()
        self.image_shape = store.facts.image_shape
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.condition = Classes(num_classes)
        self.wrong, self.copied = wrong, copied
        self.train_split, self.others = store.split("train"), store.split("test")

    def sample(self, num_images, *, given=None, generator=None, noise=True, temperature=1.0):
        kind = torch.rand(num_images, generator=generator)
        lies = kind < self.wrong
        told = torch.where(lies, (given + 1) % 10, given)
        images = torch.stack([self._one(self.others, int(c), generator) for c in told])
        for row in ((kind >= self.wrong) & (kind < self.wrong + self.copied)).nonzero().squeeze(1):
            images[row] = self._one(self.train_split, int(given[row]), generator)
        return images

    def _one(self, split, index, generator):
        rows = (split.classes(slice(None)) == index).nonzero().squeeze(1)
        chosen = torch.randint(len(rows), (1,), generator=generator)
        return split.images(rows[chosen])[0]

    def objectives(self):
        return ()


@pytest.fixture(scope="module")
def digits():
    return prepare("digits", progress=False)


@pytest.fixture
def quick(monkeypatch):
    """A judge that learns for a second."""
    monkeypatch.setattr(import_module("latentia.tasks.augment"), "steps_for", lambda num_images: 200)


def test_draws_as_many_of_each_class_as_are_wanted(digits):
    made = augment(Liar(digits), digits, per_class=7, agreement=0, usual=0)
    assert made.kept == (7,) * 10
    assert made.drawn == made.kept
    assert torch.equal(made.classes, torch.arange(10).repeat_interleave(7))
    assert torch.equal(made.draws, torch.arange(7).repeat(10))
    assert made.agreement.eq(1).all()
    assert made.nearest.eq(-1).all()


def test_a_seed_draws_the_same_and_more_are_the_same_and_others(digits):
    few, more = (augment(Liar(digits), digits, per_class=n, agreement=0, usual=0) for n in (5, 150))
    assert torch.equal(few.images, torch.cat([more.images[more.classes == c][:5] for c in range(10)]))
    other = augment(Liar(digits), digits, per_class=5, agreement=0, usual=0, seed=1)
    assert not torch.equal(few.images, other.images)


def test_images_are_what_pixels_hold(digits):
    made = augment(Liar(digits), digits, per_class=2, agreement=0, usual=0)
    assert torch.allclose(to_pixels(made.images).float() / 127.5 - 1, made.images)


def test_wrong_classes_are_doubted(digits, quick):
    honest, lying = (
        augment(Liar(digits, wrong=wrong), digits, per_class=60, usual=0) for wrong in (0.0, 0.4)
    )
    assert sum(honest.doubted) / sum(honest.drawn) < 0.25
    assert sum(lying.doubted) / sum(lying.drawn) > 0.4
    assert lying.agreement.min() >= 0.5
    assert lying.kept == (60,) * 10
    assert tuple(map(sum, zip(lying.kept, lying.doubted, lying.copied, strict=True))) == lying.drawn


def test_copies_are_left_out(digits):
    copying = augment(Liar(digits, copied=0.3), digits, per_class=60, agreement=0, usual=0.01)
    assert 0.25 < sum(copying.copied) / sum(copying.drawn) < 0.4
    assert copying.distance.min() > 0
    train = digits.split("train").images(slice(None))
    assert not any((train == image).flatten(1).all(1).any() for image in copying.images[:50])


def test_balance_fills_up_to_the_largest(digits):
    train = digits.split("train")
    classes = train.classes(slice(None))
    rows = torch.cat([(classes == c).nonzero().squeeze(1)[: 20 if c == 3 else 100] for c in range(10)])
    rare = digits.with_train(rows)
    assert rare.facts.num_train == 920
    made = augment(Liar(digits), rare, balance=True, agreement=0, usual=0)
    assert made.wanted == tuple(80 if c == 3 else 0 for c in range(10))
    assert made.kept == made.wanted


def test_a_class_that_gives_too_little_is_given_up(digits, quick):
    made = augment(Liar(digits, wrong=0.98), digits, per_class=30, usual=0, agreement=0.5)
    assert 0 < len(made) < 300
    assert max(made.drawn) == 1000


def test_nothing_kept_is_a_letter(digits, quick):
    with pytest.raises(ValueError, match="None of 10,000 draws was kept"):
        augment(Liar(digits, wrong=1.0), digits, per_class=5, usual=0, agreement=0.9)


def test_too_few_images_for_copies_is_a_note(digits):
    few = digits.with_train(torch.arange(10))
    with pytest.warns(UserWarning, match="copies are not looked for: there are 10 training"):
        augment(Liar(digits), few, per_class=1, agreement=0)


class TestVariation:
    """With a linear autoencoder, whose every step is known."""

    class Halves(GenerativeModel, Encodes, Decodes):
        """Latents are the mean of the upper and of the lower half; decoding spreads them."""

        def __init__(self, store):
            super().__init__()
            self.image_shape = store.facts.image_shape
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def encode(self, images, *, given=None):
            assert given is None
            return Dirac(images.unflatten(2, (2, -1)).mean((1, 3, 4)))

        def decode(self, latents, *, given=None):
            return Dirac(latents.repeat_interleave(4, 1)[:, None, :, None].expand(-1, 1, 8, 8))

        def prior(self, *, given=None):
            raise NotImplementedError

        def sample(self, num_images, **_settings):
            raise NotImplementedError

        def objectives(self):
            return ()

    def test_adds_a_part_of_a_difference_and_keeps_the_rest(self, digits):
        made = augment(self.Halves(digits), digits, per_class=6, way="vary", agreement=0, usual=0)
        train = digits.split("train").images(slice(None))
        assert made.kept == (6,) * 10
        for image in made.images:
            difference = (image - train)[:, 0].unflatten(1, (2, 4))  # image, half, row, column
            inside = (image.abs() < 0.99) & (train.abs() < 1)  # where nothing was cut off
            inside = inside[:, 0].unflatten(1, (2, 4))
            middle = (difference * inside).sum((2, 3)) / inside.sum((2, 3)).clamp_min(1)
            rest = ((difference - middle[..., None, None]) * inside).abs().amax((1, 2, 3))
            assert rest.min() < 0.02

    def test_the_same_seed_varies_the_same(self, digits):
        one, again = (
            augment(self.Halves(digits), digits, per_class=3, way="vary", agreement=0, usual=0)
            for _ in range(2)
        )
        assert torch.equal(one.images, again.images)

    def test_says_what_it_ignores(self, digits):
        with pytest.warns(UserWarning, match="are ignored"):
            augment(
                self.Halves(digits), digits, per_class=1, way="vary", agreement=0, usual=0, temperature=0.5
            )

    def test_needs_a_model_that_encodes(self, digits):
        with pytest.raises(ValueError, match="encode images into latents"):
            augment(Liar(digits), digits, per_class=1, way="vary")


class TestRefusals:
    @pytest.mark.parametrize(
        ("settings", "letter"),
        [
            ({}, "Say how many"),
            ({"per_class": 5, "balance": True}, "not both"),
            ({"per_class": 0}, "ask for at least 1"),
            ({"per_class": 5, "agreement": 1.5}, "agreement is 1.5"),
            ({"per_class": 5, "usual": 1.0}, "usual 1.0"),
        ],
    )
    def test_of_settings(self, digits, settings, letter):
        with pytest.raises(ValueError, match=letter):
            augment(Liar(digits), digits, **settings)

    def test_of_a_model_that_is_told_nothing(self, digits):
        model = Liar(digits)
        model.condition = None
        with pytest.raises(ValueError, match=r"told nothing of images. Train vae.conditional"):
            augment(model, digits, per_class=5)

    def test_of_a_model_that_is_told_attributes(self, digits):
        model = Liar(digits)
        model.condition = Attributes(3, 10)
        with pytest.raises(ValueError, match=r"told attributes.*--told classes"):
            augment(model, digits, per_class=5)

    def test_of_other_classes(self, digits):
        with pytest.raises(ValueError, match="knows 4 classes, and the data has 10"):
            augment(Liar(digits, num_classes=4), digits, per_class=5)

    def test_of_data_without_classes(self):
        from latentia import Preparation

        unlabelled = prepare("digits", Preparation(labels="none"), progress=False)
        with pytest.raises(ValueError, match="has 0 classes"):
            augment(Liar(unlabelled), unlabelled, per_class=5)

    def test_of_classes_that_are_full(self, digits):
        classes = digits.split("train").classes(slice(None))
        rows = torch.cat([(classes == c).nonzero().squeeze(1)[:50] for c in range(10)])
        with pytest.raises(ValueError, match="50 training images already"):
            augment(Liar(digits), digits.with_train(rows), balance=True)


class TestFolder:
    @pytest.fixture
    def made(self):
        digits = prepare("digits", progress=False)
        return augment(Liar(digits, copied=0.2), digits, per_class=20, agreement=0)

    def test_reads_back_as_the_same_labelled_images(self, made, digits, tmp_path):
        names = digits.split("train").names
        told = {"run": "runs/x", "recipe": "gan.conditional", "weights": "abc"}
        out = write_labelled(made, digits.facts.classes, names, tmp_path / "out", told=told)
        store = prepare(str(out), progress=False)
        assert store.facts.classes == digits.facts.classes
        assert store.facts.num_train + store.facts.num_validation + store.facts.num_test == 200
        with (out / MANIFEST).open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["recipe"] for row in rows] == ["gan.conditional"] * 200
        by_name = {
            name: (image, int(label))
            for part in ("train", "validation", "test")
            for name, image, label in zip(
                store.split(part).names,
                store.split(part).images(slice(None)),
                store.split(part).classes(slice(None)),
                strict=True,
            )
        }
        for index, row in enumerate(rows):
            image, label = by_name[row["file"]]
            assert torch.allclose(image, made.images[index], atol=1e-5)
            assert row["class"] == digits.facts.classes[label]
            assert row["nearest"] == names[int(made.nearest[index])]
        assert not [entry for entry in tmp_path.iterdir() if entry.name != "out"]

    def test_a_failure_leaves_nothing(self, made, digits, tmp_path, monkeypatch):
        def fails(*_args, **_kwargs):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("latentia.tasks.augmented_folder._write_manifest", fails)
        with pytest.raises(OSError, match="No space"):
            write_labelled(made, digits.facts.classes, [], tmp_path / "out", told={})
        assert not list(tmp_path.iterdir())

    def test_refuses_a_folder_with_something_in_it(self, made, digits, tmp_path):
        (tmp_path / "mine.txt").write_text("mine")
        with pytest.raises(ValueError, match="is not empty"):
            write_labelled(made, digits.facts.classes, [], tmp_path, told={})
        assert [entry.name for entry in tmp_path.iterdir()] == ["mine.txt"]

    @pytest.mark.parametrize("name", ["a/b", "../up", "v1.0", "con.", " ", "été", "C:\\x"])
    def test_names_of_classes_are_names_of_folders(self, name):
        (plain,) = folder_names([name])
        assert plain
        assert plain.strip(". ") == plain
        assert not set(plain) & set('/\\:*?"<>|')

    def test_names_that_differ_in_case_alone_are_told_apart(self):
        assert len({name.casefold() for name in folder_names(["Cat", "cat", "CAT"])}) == 3
