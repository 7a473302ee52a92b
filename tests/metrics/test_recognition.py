"""Recognition score and classification accuracy score: closed forms and corruption ladders."""

import math

import pytest
import torch

from latentia.metrics import classification_accuracy_score, recognition_score


def _logits(sure, shares, count=400):
    """Answers that are right with probability `sure`, for classes in these shares."""
    classes = torch.arange(len(shares)).repeat_interleave(torch.tensor([int(s * count) for s in shares]))
    given = torch.full((len(classes), len(shares)), (1 - sure) / (len(shares) - 1))
    given[torch.arange(len(classes)), classes] = sure
    return given.log()


def test_it_meets_its_closed_form():
    """With equal shares the marginal is uniform: log score = log c - H(p(y|x))."""
    sure, count = 0.7, 4
    rest = (1 - sure) / (count - 1)
    expected = count * math.exp(sure * math.log(sure) + (count - 1) * rest * math.log(rest))
    found = recognition_score(_logits(sure, [0.25] * 4))
    assert found.value == pytest.approx(expected, rel=1e-6)
    assert recognition_score(torch.zeros(80, 4)).value == pytest.approx(1.0)


def test_its_error_is_that_of_repeated_draws():
    """The jackknife against the spread of the score over fresh draws of samples."""
    generator = torch.Generator().manual_seed(0)
    scores = [recognition_score(2 * torch.randn(500, 5, generator=generator)) for _ in range(60)]
    spread = torch.tensor([score.value for score in scores]).std().item()
    told = torch.tensor([score.error for score in scores]).mean().item()
    assert told == pytest.approx(spread, rel=0.3)


def test_it_falls_with_doubt_and_with_lost_classes():
    doubt = [recognition_score(_logits(sure, [0.25] * 4)).value for sure in (0.97, 0.8, 0.5, 0.25)]
    lost = [
        recognition_score(_logits(0.97, shares)).value
        for shares in ([0.25] * 4, [0.4, 0.4, 0.2, 0], [0.5, 0.5, 0, 0], [1, 0, 0, 0])
    ]
    for ladder in (doubt, lost):
        assert ladder == sorted(ladder, reverse=True)


def test_too_few_samples_are_refused_and_another_metric_is_named():
    with pytest.raises(ValueError, match=r"Draw 80.*kernel_distance"):
        recognition_score(torch.zeros(79, 4))


def test_what_is_learned_from_worse_digits_serves_real_ones_worse(digits):
    """Noise, wrong labels and lost classes, each a ladder that starts at real training digits."""
    images, classes = digits
    learn, told = images[:1000], classes[:1000]
    held_out, right = images[1000:], classes[1000:]
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(learn.shape, generator=generator)
    swapped = torch.rand(len(told), generator=generator)
    random = torch.randint(10, told.shape, generator=generator)
    ladders = {
        "noise": [((learn + amount * noise).clamp(-1, 1), told) for amount in (0, 0.8, 2.0)],
        "wrong labels": [(learn, torch.where(swapped < share, random, told)) for share in (0, 0.5, 0.9)],
        "lost classes": [(learn[told < number], told[told < number]) for number in (10, 7, 4)],
    }
    for name, ladder in ladders.items():
        scores = [classification_accuracy_score(*rung, held_out, right) for rung in ladder]
        values = [score.value for score in scores]
        assert values == sorted(values, reverse=True), f"{name}: {values}"
        assert values[0] > 0.9
    share = scores[0].value
    assert scores[0].error == pytest.approx((share * (1 - share) / len(right)) ** 0.5, rel=0.01)


def test_one_class_alone_teaches_nothing(digits):
    images, classes = digits
    with pytest.raises(ValueError, match="at least 2 classes"):
        classification_accuracy_score(images[:50], torch.zeros_like(classes[:50]), images, classes)
