"""Linear probes: the optimum that other solvers find, and choices made on the labels at hand alone."""

import pytest
import torch
from scipy.optimize import minimize
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC

from latentia.tasks.linear_probe import (
    LinearProbe,
    choose_count,
    folds,
    nearest_classes,
    standardise,
)


@pytest.fixture
def clouds():
    """Features of three classes that overlap, and their labels."""
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(240, 12, generator=generator)
    labels = torch.arange(240) % 3
    features[:, :3] += 1.5 * torch.nn.functional.one_hot(labels, 3)
    standardise(features)
    return features, labels


def _objective(weights, bias, features, labels, strength):
    signs = 2 * torch.nn.functional.one_hot(labels, 3).double() - 1
    short = (1 - signs * (features.double() @ weights + bias)).clamp_min(0)
    return weights.square().sum() / 2 + strength * short.square().sum()


@pytest.mark.parametrize("strength", [0.1, 1.0, 100.0])
def test_it_is_as_good_as_scipy_and_liblinear_find(clouds, strength):
    features, labels = clouds
    probe = LinearProbe.fit(features, labels, 3, strengths=(strength,))
    ours = _objective(probe.weights.double(), probe.bias.double(), features, labels, strength).item()

    def loss(flat):
        both = torch.tensor(flat, requires_grad=True)
        value = _objective(both[:36].view(12, 3), both[36:], features, labels, strength)
        (gradient,) = torch.autograd.grad(value, both)
        return value.item(), gradient.numpy()

    best = minimize(loss, [0.0] * 39, jac=True, method="L-BFGS-B", options={"maxiter": 5000})
    assert ours == pytest.approx(best.fun, rel=1e-5)
    # LIBLINEAR regularises the bias too, by so little that one cannot see it.
    peer = LinearSVC(C=strength, dual=False, intercept_scaling=1e3, tol=1e-8, max_iter=100_000)
    peer.fit(features.numpy(), labels.numpy())
    weights, bias = torch.tensor(peer.coef_.T), torch.tensor(peer.intercept_)
    assert ours <= _objective(weights.double(), bias.double(), features, labels, strength).item() * (1 + 1e-5)
    assert (probe.predict(features).numpy() == peer.predict(features.numpy())).mean() > 0.99


def test_few_images_of_many_features_have_the_same_machine_in_their_own_span():
    features = torch.randn(30, 400, generator=torch.Generator().manual_seed(1))
    labels = torch.arange(30) % 3
    standardise(features)
    probe = LinearProbe.fit(features, labels, 3, strengths=(1.0,))
    many = features.repeat(14, 1)  # more than there are features, so that no span is taken
    same = LinearProbe.fit(many, labels.repeat(14), 3, strengths=(1.0 / 14,))
    torch.testing.assert_close(probe.weights, same.weights, atol=2e-3, rtol=0)
    torch.testing.assert_close(probe.bias, same.bias, atol=2e-3, rtol=0)


def test_the_strength_is_chosen_by_held_out_labels():
    generator = torch.Generator().manual_seed(2)
    noise = torch.randn(100, 200, generator=generator)
    labels = torch.arange(100) % 2
    noise[:, 0] += 3.0 * labels
    standardise(noise)
    chosen = LinearProbe.fit(noise, labels, 2, strengths=(1.0, 1e5)).strength
    assert LinearProbe.fit(noise, labels, 2, strengths=(1e5,)).strength == 1e5
    assert chosen == 1.0  # both fit all labels at hand, and the stronger one fits the noise


def test_parts_have_the_same_share_of_each_class():
    part = folds(torch.tensor([0] * 10 + [1] * 5))
    assert part[:10].bincount().tolist() == [2] * 5
    assert part[10:].bincount().tolist() == [1] * 5


def test_standardised_features_have_length_one_on_average_and_constant_ones_vanish():
    generator = torch.Generator().manual_seed(3)
    train, test = torch.randn(50, 6, generator=generator) * 30 + 5, torch.randn(20, 6, generator=generator)
    train[:, 2], test[:, 2] = 7.0, 9.0
    expected = (test - train.mean(0)) / train.std(0, correction=0) / 6**0.5
    standardise(train, test)
    assert train.square().sum(1).mean() == pytest.approx(5 / 6, rel=1e-4)
    assert (test[:, 2] == 0).all()
    others = [0, 1, 3, 4, 5]
    torch.testing.assert_close(test[:, others], expected[:, others])


def test_neighbours_are_those_of_scikit_learn(clouds):
    features, labels = clouds
    train, test = features[:200], features[200:]
    for count in (1, 7):
        peer = KNeighborsClassifier(count, metric="cosine", algorithm="brute").fit(train, labels[:200])
        ours = nearest_classes(train, labels[:200], test, 3, count=count)
        told, votes = torch.from_numpy(peer.predict(test)), torch.from_numpy(peer.predict_proba(test))
        clear = votes.topk(2).values.diff().abs().flatten() > 0  # ties may be broken either way
        assert (ours == told)[clear].all()


def test_an_image_is_not_its_own_neighbour():
    features = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0], [0.7, 0.72]])
    labels = torch.tensor([0, 0, 1, 1, 0])
    assert choose_count(features, labels, 2, counts=(1, 3)) in (1, 3)
    one = features[:1]
    assert choose_count(one, labels[:1], 2) == 1


def test_letters():
    with pytest.raises(ValueError, match="all of the 3 classes"):
        LinearProbe.fit(torch.zeros(4, 2), torch.tensor([0, 0, 1, 1]), 3)
    with pytest.raises(ValueError, match="above 0"):
        LinearProbe.fit(torch.zeros(4, 2), torch.tensor([0, 0, 1, 1]), 2, strengths=(0.0,))
    with pytest.raises(ValueError, match="at least 1"):
        nearest_classes(torch.zeros(4, 2), torch.zeros(4).long(), torch.zeros(1, 2), 2, count=0)
