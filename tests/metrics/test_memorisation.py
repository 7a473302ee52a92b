"""The memorisation test: copies are called out, honest models are not, and p-values are uniform."""

import os

import numpy as np
import pytest
import torch
from scipy import stats
from torch.nn import functional

import latentia
from latentia.data import prepare
from latentia.metrics import measure_memorisation, moved_neighbours
from latentia.metrics.memorisation import SHORTEST, _test, _witnesses

REAL = pytest.mark.skipif("LATENTIA_DATA" not in os.environ, reason="LATENTIA_DATA names no folder of data")


def _noise(images, deviation, seed):
    return images + deviation * torch.randn(images.shape, generator=torch.Generator().manual_seed(seed))


def _blur(images):
    return functional.avg_pool2d(functional.pad(images, (1, 1, 1, 1), mode="replicate"), 3, 1)


def _gaussian(train, count, seed):
    flat = train.flatten(1)
    weights = torch.randn(count, len(flat), generator=torch.Generator().manual_seed(seed)) / len(flat) ** 0.5
    return (flat.mean(0) + weights @ (flat - flat.mean(0))).view(count, *train.shape[1:])


def _faces(count, seed):
    """Endless smooth images, 12 pixels a side."""
    coarse = torch.randn(count, 1, 4, 4, generator=torch.Generator().manual_seed(seed)) * 0.5
    return functional.interpolate(coarse, 12, mode="bicubic")


@pytest.fixture(scope="module")
def halves(digits):
    images = digits[0]
    return images[:800], images[800:1600], images[1600:]


COPIERS = {
    "exact": lambda train, seed: train[:300],
    "faint noise": lambda train, seed: _noise(train[:300], 0.05, seed),
    "strong noise": lambda train, seed: _noise(train[:300], 0.2, seed),
    "flipped": lambda train, seed: _noise(train[:300].flip(3), 0.1, seed),
    "shifted": lambda train, seed: _noise(train[:300].roll((1, -1), (2, 3)), 0.1, seed),
    "means of two": lambda train, seed: train[
        moved_neighbours(train[:300], train, num_neighbours=2, max_shift=0, flips=False).indices
    ].mean(1),
}


@pytest.mark.parametrize("copier", COPIERS)
def test_a_planted_memoriser_is_called_out(halves, copier):
    train, held_out, _ = halves
    measured = measure_memorisation(COPIERS[copier](train, 0), train, held_out)
    assert measured.p_value < 0.001
    assert measured.copies
    assert measured.verdict.startswith("copies training images")
    assert measured.share.interval[1] > 0.9


HONEST = {
    "fresh": lambda train, fresh, seed: fresh,
    "blurred": lambda train, fresh, seed: _blur(fresh),
    "noisy": lambda train, fresh, seed: _noise(fresh, 0.2, seed),
    "gaussian": lambda train, fresh, seed: _gaussian(train, 300, seed),
}


@pytest.mark.parametrize("honest", HONEST)
def test_an_honest_model_is_left_in_peace_in_five_of_five_seeds(halves, honest):
    train, held_out, fresh = halves
    for seed in range(5):
        samples = HONEST[honest](train, fresh, seed)
        measured = measure_memorisation(samples, train, held_out, seed=seed)
        assert measured.p_value > 0.01, (seed, measured.verdict)
        assert not measured.copies
        assert "no sign of copying" in measured.verdict


def test_a_trained_autoencoder_is_left_in_peace(tmp_path):
    run = latentia.train(
        "vae.gaussian", "digits", out=tmp_path / "run", images=20_000, device="cpu", show=False
    )
    store = prepare("digits", progress=False)
    known = store.split("train").images(slice(None))
    unseen = torch.cat([store.split(name).images(slice(None)) for name in ("validation", "test")])
    for seed in range(5):
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            samples = run.model.sample(300, generator=generator, noise=False)
        measured = measure_memorisation(samples, known, unseen, seed=seed)
        assert measured.p_value > 0.01, (seed, measured.verdict)


@pytest.mark.parametrize("blurred", [False, True])
def test_p_values_of_honest_models_are_uniform(blurred):
    """On 80 worlds of few images."""
    ps = []
    for world in range(80):
        images = _faces(220, world)
        samples = _blur(images[160:]) if blurred else images[160:]
        measured = measure_memorisation(
            samples, images[:80], images[80:160], max_shift=0, permutations=999, seed=world
        )
        ps.append(measured.p_value)
    assert stats.kstest(ps, "uniform").pvalue > 0.01
    assert np.mean(np.array(ps) <= 0.05) < 0.12


def test_evidence_rises_with_the_share_of_copies(halves):
    train, held_out, _ = halves
    fresh = _gaussian(train, 400, 0)

    def evidence(share):
        copies = round(share * 400)
        samples = torch.cat([_noise(train[:copies], 0.05, 0), fresh[copies:]])
        return measure_memorisation(samples, train, held_out).p_value

    ladder = [evidence(share) for share in (0, 0.02, 0.04, 0.08)]
    assert ladder == sorted(ladder, reverse=True)
    assert ladder[0] > 0.01
    assert ladder[-1] < 0.001, "32 copies among 400 samples"


def test_sixteen_copies_in_front_are_enough_whatever_the_others_say():
    rng = np.random.default_rng(0)
    for _ in range(20):
        testimony = rng.permutation(np.repeat([True, False], 2000))[:900]
        testimony[:SHORTEST] = True
        assert _test(torch.tensor(testimony), 2000, 9999, 0)[1] < 0.001


def test_the_p_value_is_that_of_permuted_labels():
    """Drawing counts block by block has the distribution of shuffling all labels."""
    rng, number, total = np.random.default_rng(1), 60, 50
    testimony = np.arange(total) < 20
    testimony[[3, 7, 11, 13]] = False
    lengths = np.array([16, 32, 50])
    deviation = np.sqrt(lengths / 4 * (2 * number - lengths) / (2 * number - 1))
    labels = rng.permuted(np.tile(np.repeat([True, False], number), (20_000, 1)), axis=1)[:, :total]

    def greatest(rows):
        return ((rows.cumsum(1)[:, lengths - 1] - lengths / 2) / deviation).max(1)

    expected = (greatest(labels) >= greatest(testimony[None]) - 1e-9).mean()
    assert _test(torch.tensor(testimony), number, 20_000, 0)[1] == pytest.approx(expected, abs=0.01)


def test_each_reference_testifies_once_for_its_most_suspicious_sample():
    named = torch.tensor([5, 2, 5, 2, 9])
    proportion = torch.tensor([0.9, 0.2, 0.1, 0.3, 0.8])
    assert _witnesses(named, proportion).tolist() == [2, 1, 4]


def test_pairs_name_the_copied_images_each_once(halves):
    train, held_out, fresh = halves
    measured = measure_memorisation(torch.cat([fresh, train[40:60], train[40:60]]), train, held_out)
    assert set(measured.training_images.tolist()) <= set(range(40, 60))
    assert len(set(measured.training_images.tolist())) == len(measured.training_images) == 12
    assert ((measured.samples - len(fresh)) % 20 + 40 == measured.training_images).all()
    assert measured.distances.max() == 0
    assert measured.usual_distance > 0.1


def test_images_that_stand_on_both_sides_accuse_nobody(halves):
    """Samples from what both sides hold, where every distance is a tie."""
    train, held_out, _ = halves
    both = train[:300]
    measured = measure_memorisation(
        both, torch.cat([both, train[300:]]), torch.cat([both, held_out[300:]]), flips=False
    )
    assert measured.p_value > 0.01
    assert abs(measured.share.value - 0.5) < 0.12


def test_a_choice_of_training_images_finds_fewer_copies(halves):
    train, held_out, fresh = halves
    measured = measure_memorisation(fresh, train, held_out, trained_on=16_000)
    assert measured.detectable == pytest.approx(SHORTEST * 20 / len(fresh))
    assert "cannot be told" in measured.verdict


def test_too_few_images_are_refused_by_name(halves):
    train, held_out, fresh = halves
    with pytest.raises(ValueError, match=r"49 held-out images.* at least 50 of each.* nearest_neighbours"):
        measure_memorisation(fresh, train, held_out[:49])


@REAL
def test_fashion_mnist_in_five_of_five_seeds():
    store = prepare("fashion-mnist", progress=False)
    train, held_out, fresh = (
        store.split(name).images(slice(0, size))
        for name, size in (("train", 1000), ("test", 1000), ("validation", 300))
    )
    for seed in range(5):
        for honest in (fresh, _blur(fresh), _gaussian(train, 300, seed)):
            assert measure_memorisation(honest, train, held_out, seed=seed).p_value > 0.01
        copies = train[torch.randperm(1000, generator=torch.Generator().manual_seed(seed))[:300]]
        for copied in (_noise(copies, 0.05, seed), _noise(copies, 0.2, seed), copies.flip(3).roll(1, 2)):
            assert measure_memorisation(copied, train, held_out, seed=seed).p_value < 0.001
