"""What labelled images are worth to a classifier: weights, intervals, and answers that are known."""

import pytest
import torch
from scipy.stats import ttest_1samp

from latentia.data.classical import Classical
from latentia.metrics.classifier import BATCH, Examples, _batches, classify, learn_classifier, steps_for
from latentia.metrics.usefulness import (
    Gain,
    Usefulness,
    exposure,
    gather,
    measure_usefulness,
    paired_gain,
    told_right,
)

CLEAR = 1.0  # stripes beside noise of deviation 1


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def striped(number, seed, *, clear=1.0):
    """Noise with stripes, across in one class and along in the other; their phase says nothing."""
    draws = generator(seed)
    classes = torch.arange(number) % 2
    stripes = torch.tensor([1.0, 1.0, -1.0, -1.0]).repeat(2)
    phases = torch.randint(4, (number,), generator=draws)
    rows = torch.stack([stripes.roll(int(phase)) for phase in phases])[:, None, :, None].expand(-1, 1, 8, 8)
    lines = torch.where(classes.view(-1, 1, 1, 1) == 0, rows, rows.transpose(2, 3))
    noise = torch.randn(number, 1, 8, 8, generator=draws)
    return Examples.of((clear * lines + noise).clamp(-2, 2) / 2, classes)


class TestExposure:
    def test_keeps_how_often_classes_are_shown(self):
        real, made = torch.tensor([0] * 30 + [1] * 10), torch.tensor([0] * 5 + [1] * 50)
        weights = exposure(real, made, 2, share=0.25, balanced=False)
        both = torch.cat([real, made])
        assert torch.isclose(weights[both == 0].sum(), torch.tensor(0.75))
        assert torch.isclose(weights[40:][made == 1].sum() / weights[both == 1].sum(), torch.tensor(0.25))

    def test_balances_classes_and_only_shares_where_there_is_something(self):
        real, made = torch.tensor([0] * 30 + [1] * 2), torch.tensor([1] * 28)
        weights = exposure(real, made, 2, share=0.5, balanced=True)
        assert torch.allclose(weights[:30], torch.tensor(0.5 / 30))
        assert torch.allclose(weights[30:32], torch.tensor(0.125))
        assert torch.isclose(weights.sum(), torch.tensor(1.0))

    def test_a_handful_of_synthetic_images_weigh_no_more_than_real_ones(self):
        real, made = torch.tensor([0] * 30 + [1] * 2), torch.tensor([0, 1, 1, 1, 1, 1, 1])
        weights = exposure(real, made, 2, share=0.5, balanced=True)
        assert torch.allclose(weights[:30], torch.tensor(0.5 / 31))
        assert torch.isclose(weights[32], torch.tensor(0.5 / 31))
        assert torch.allclose(weights[33:], torch.tensor(0.25 / 6))
        assert torch.isclose(weights.sum(), torch.tensor(1.0))

    def test_shows_no_class_that_has_no_real_image(self):
        weights = exposure(torch.tensor([0, 1]), torch.tensor([2, 2]), 3, share=0.5, balanced=True)
        assert weights.tolist() == [0.5, 0.5, 0, 0]


class TestBatches:
    def test_equal_weights_show_each_once_a_round(self):
        shown = _batches(torch.ones(4 * BATCH), generator())
        assert torch.equal(torch.cat([next(shown) for _ in range(4)]).sort().values, torch.arange(4 * BATCH))

    def test_shows_as_often_as_weights_say(self):
        weights = torch.tensor([0.7, 0.2, 0.1, 0.0])
        shown = _batches(weights, generator())
        counts = torch.cat([next(shown) for _ in range(100)]).bincount(minlength=4) / (100 * BATCH)
        assert torch.allclose(counts, weights, atol=1 / BATCH)


class TestClassifier:
    def test_learns_and_is_the_same_for_a_seed(self):
        train, test = striped(200, 0), striped(100, 1)
        settings = {"steps": 60, "seed": 3}
        one, again = (learn_classifier(train, torch.ones(200), 2, **settings) for _ in range(2))
        answers = classify(one, test)
        assert torch.equal(answers, classify(again, test))
        assert (answers.argmax(1) == test.classes).float().mean() > 0.9
        assert torch.allclose(answers.sum(1), torch.ones(100), atol=1e-5)
        assert not one.training

    def test_leaves_the_global_generator_alone(self):
        torch.manual_seed(0)
        expected = torch.rand(1)
        torch.manual_seed(0)
        learn_classifier(striped(40, 0), torch.ones(40), 2, steps=1, classical=Classical())
        assert torch.equal(torch.rand(1), expected)

    def test_examples_beside_others_are_read_in_order(self):
        one, other = striped(10, 0), striped(6, 1)
        rows = torch.tensor([11, 3, 15, 0])
        read = one.beside(other).read(rows)
        expected = torch.stack([other.read(rows[:1] - 10)[0], one.read(rows[1:2])[0]])
        assert torch.equal(read[:2], expected)

    def test_steps_have_bounds(self):
        assert steps_for(10) == 1000
        assert steps_for(10**7) == 1875


class TestPairedGain:
    def test_of_seeds_alone_is_students_interval(self):
        """Where all images agree, seeds alone vary, and scipy knows the interval."""
        by_seed = torch.tensor([0.01, 0.03, 0.02, 0.05, -0.01], dtype=torch.float64)
        gain = paired_gain(by_seed[:, None].expand(5, 40))
        expected = ttest_1samp(by_seed.numpy(), 0).confidence_interval(0.95)
        assert abs(gain.low - expected.low) < 1e-9
        assert abs(gain.high - expected.high) < 1e-9

    def test_of_images_alone_is_students_interval(self):
        by_image = torch.randn(60, generator=generator(), dtype=torch.float64)
        gain = paired_gain(by_image.expand(3, 60))
        expected = ttest_1samp(by_image.numpy(), 0).confidence_interval(0.95)
        assert abs(gain.low - expected.low) < 1e-9
        assert abs(gain.high - expected.high) < 1e-9

    def test_holds_the_truth_95_times_of_100(self):
        draws, held = generator(), 0
        for _ in range(400):
            seeds = 0.03 * torch.randn(5, 1, generator=draws, dtype=torch.float64)
            images = 0.3 * torch.randn(1, 200, generator=draws, dtype=torch.float64)
            both = 0.5 * torch.randn(5, 200, generator=draws, dtype=torch.float64)
            gain = paired_gain(0.02 + seeds + images + both)
            held += gain.low <= 0.02 <= gain.high
        assert 0.93 <= held / 400 <= 0.995

    def test_answers(self):
        assert [Gain(0, *ends).answer for ends in ((0.1, 0.2), (-0.2, -0.1), (-0.1, 0.1))] == [
            "yes",
            "no",
            "not shown",
        ]

    @pytest.mark.parametrize("shape", [(1, 100), (5, 9)])
    def test_refuses_too_little(self, shape):
        with pytest.raises(ValueError, match="an interval needs at least 2 seeds"):
            paired_gain(torch.zeros(shape))


def test_scores_and_gains_are_of_a_class_where_asked():
    right = {
        "real": torch.tensor([[True, False] * 20, [True, False] * 20]),
        "synthetic": torch.tensor([[True, True] * 20, [True, False] * 20]),
    }
    found = Usefulness(right, torch.arange(40) % 2)
    assert found.score("synthetic") == 0.75
    assert found.score("synthetic", of_class=1) == 0.5
    assert found.gain("synthetic", "real", of_class=0).value == 0
    assert found.gain("synthetic", "real", of_class=1).value == 0.5


class TestMeasure:
    """More images of the same distribution help; images with wrong labels hurt; each answer is known."""

    def found(self, synthetic, num_seeds=4):
        rounds = [
            told_right(
                striped(24, 10, clear=CLEAR),
                synthetic,
                striped(400, 2, clear=CLEAR),
                2,
                balanced=False,
                share=0.5,
                classical=Classical(),
                seed=seed,
                diets=("real", "synthetic"),
                steps=150,
            )
            for seed in range(num_seeds)
        ]
        return gather(rounds, striped(400, 2, clear=CLEAR).classes)

    def test_true_images_help(self):
        assert self.found(striped(600, 1, clear=CLEAR)).gain("synthetic", "real").answer == "yes"

    def test_wrong_labels_hurt(self):
        true = striped(600, 1, clear=CLEAR)
        lies = Examples(true.read, 1 - true.classes)
        assert self.found(lies).gain("synthetic", "real").answer == "no"

    @pytest.mark.parametrize(
        ("wrong", "letter"),
        [
            ({"share": 0.0}, "share is 0"),
            ({"num_seeds": 1}, "got 1 seeds"),
            ({"few": True}, "held-out images"),
        ],
    )
    def test_refusals(self, wrong, letter):
        held_out = striped(4 if wrong.pop("few", False) else 40, 1)
        with pytest.raises(ValueError, match=letter):
            measure_usefulness(striped(20, 0), striped(20, 2), held_out, 2, **wrong)

    def test_refuses_one_class(self):
        one = Examples.of(striped(20, 0).read(torch.arange(20)), torch.zeros(20, dtype=torch.int64))
        with pytest.raises(ValueError, match="1 classes among the training images"):
            measure_usefulness(one, striped(20, 2), striped(40, 1), 2)
