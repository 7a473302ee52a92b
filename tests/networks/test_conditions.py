"""What networks are told: standardised attributes, classes, and their vectors."""

import pytest
import torch

from latentia.networks import Attributes, Chain, Classes, Told
from latentia.networks.conditions import MOST_ROWS, AttributeVectors, Score

NAN = float("nan")
VALUES = torch.tensor([[1.0, 10.0, 3.0, NAN], [3.0, NAN, 3.0, NAN], [5.0, 30.0, 3.0, NAN]])


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_attributes_are_standardised_by_the_training_images_and_unknown_ones_are_their_mean() -> None:
    condition = Attributes(4, 3, VALUES)
    torch.testing.assert_close(condition.mean, torch.tensor([3.0, 20.0, 3.0, 0.0]))
    told = condition(torch.tensor([[3.0, 30.0, 7.0, 1.0], [NAN, 10.0, NAN, NAN]]))
    # The third is the same in all training images, and of none the fourth is known: neither says anything.
    torch.testing.assert_close(told, torch.tensor([[0.0, 1.0, 0.0, 0.0], [0.0, -1.0, 0.0, 0.0]]))
    whole = Attributes(2, 100, torch.randn(100, 2, generator=seeded()) * 7 + 3)
    standardised = whole(torch.randn(100, 2, generator=seeded()) * 7 + 3)
    torch.testing.assert_close(standardised.mean(0), torch.zeros(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(standardised.std(0, correction=0), torch.ones(2))


def test_no_attribute_drowns_the_others() -> None:
    rare = torch.zeros(1000, 1)
    rare[0] = 1
    torch.testing.assert_close(
        Attributes(1, 1000, rare)(rare[:2]), torch.tensor([[10.0], [-0.0316]]), atol=1e-4, rtol=0
    )


def test_attributes_are_drawn_from_those_of_training_images() -> None:
    condition = Attributes(4, 3, VALUES)
    drawn = condition.draw(200, generator=seeded(), device=torch.device("cpu"))
    rows = torch.tensor([[1.0, 10.0, 3.0, 0.0], [3.0, 20.0, 3.0, 0.0], [5.0, 30.0, 3.0, 0.0]])
    counts = (drawn[:, None] == rows).all(2).sum(0)
    assert counts.sum() == 200
    assert counts.min() > 40


def test_a_checkpoint_brings_what_a_model_without_data_lacks() -> None:
    known, bare = Attributes(4, 3, VALUES), Attributes(4, 3)
    assert not bare(VALUES).any()
    bare.load_state_dict(known.state_dict())
    torch.testing.assert_close(bare(VALUES), known(VALUES))
    many = torch.arange(2.0 * MOST_ROWS)[:, None]
    kept = Attributes(1, len(many), many).rows
    assert kept.shape == Attributes(1, len(many)).rows.shape == (MOST_ROWS, 1)
    assert float(kept[-1]) == len(many) - 1


@pytest.mark.parametrize("given", [None, torch.zeros(2, 3), torch.tensor([0, 1])])
def test_what_are_no_attributes_is_a_letter(given: torch.Tensor | None) -> None:
    with pytest.raises(ValueError, match=r"told 4 attributes of every image, and got .*a row of 4 numbers"):
        Attributes(4, 3, VALUES)(given)
    with pytest.raises(ValueError, match=r"network of 4 attributes has to be given those of every image"):
        AttributeVectors(4, 2)(given)


@pytest.mark.parametrize("given", [None, torch.zeros(2, 3)])
def test_what_are_no_classes_is_a_letter(given: torch.Tensor | None) -> None:
    with pytest.raises(ValueError, match=r"the class of every image, a whole number from 0 to 2, and got "):
        Classes(3)(given)


def test_unknown_classes_are_a_letter_out_of_training() -> None:
    with pytest.raises(ValueError, match=r"from -1 to 1; this model knows those from 0 to 2"):
        Classes(3).eval()(torch.tensor([-1, 1]))


def test_vectors_stand_beside_what_they_are_told_with() -> None:
    inputs, given = torch.randn(5, 4, generator=seeded()), torch.randn(5, 3, generator=seeded())
    alone = Told(4, None)
    assert alone.num_outputs == 4
    assert torch.equal(alone(inputs, given), inputs)
    told = Told(4, Attributes(3, 5), size=2)
    outputs = told(inputs, given)
    assert outputs.shape == (5, told.num_outputs) == (5, 6)
    assert torch.equal(outputs[:, :4], inputs)
    vectors = told.vectors
    torch.testing.assert_close(outputs[:, 4:], given @ vectors.weight.T + vectors.bias)


def test_vectors_of_attributes_start_as_spread_as_those_of_classes() -> None:
    standardised = torch.randn(4000, 40, generator=seeded())
    torch.manual_seed(0)
    vectors = Attributes(40, 5).vectors(256, std=0.5, mean=1.0)(standardised)
    assert vectors.mean().item() == pytest.approx(1.0, abs=0.02)
    assert vectors.std().item() == pytest.approx(0.5, rel=0.05)


def test_a_chain_tells_those_that_are_made_for_it() -> None:
    inner = Chain(torch.nn.Linear(2, 4), Told(4, Classes(3)))
    outer = Chain(inner, torch.nn.Linear(8, 1))
    inputs, given = torch.randn(3, 2), torch.tensor([0, 1, 2])
    torch.testing.assert_close(outer(inputs, given), outer[1](inner[1](inner[0](inputs), given)))


def test_a_score_is_projected_on_what_is_told() -> None:
    torch.manual_seed(0)
    score = Score(6, Attributes(3, 5))
    features, given = torch.randn(4, 6), torch.randn(4, 3)
    plain = (features @ score.weight.T + score.bias).squeeze(1)
    torch.testing.assert_close(score(features, given), plain + (score.classes(given) * features).sum(1))
