"""The vector-quantised autoencoder: a true bound over all codes, a causal prior, and a codebook in use."""

import itertools
import math

import pytest
import torch
from torch import Tensor

from latentia.distributions import Codebook
from latentia.distributions.codes import DEAD, DECAY
from latentia.distributions.distribution import mean_over_first
from latentia.models import QuantisedAutoencoder
from latentia.networks import CausalNetwork
from latentia.protocols import Batch
from latentia.recipes import find
from latentia.training import State, take_turn
from latentia.training.processes import Processes
from latentia.training.turn import StepTurn
from zoo import facts

ALL_IMAGES = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=4))).reshape(16, 1, 2, 2).double()


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def perturb(module: torch.nn.Module, scale: float, seed: int = 1) -> None:
    generator = seeded(seed)
    for parameter in module.parameters():
        parameter.data += scale * torch.randn(parameter.shape, generator=generator)


def built(data, **arguments) -> QuantisedAutoencoder:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = find("vae.vq")(data, **{"width": 4, "prior_width": 6} | arguments).model
    assert isinstance(model, QuantisedAutoencoder)
    return model


def small() -> QuantisedAutoencoder:
    """A row of two codes out of three, and so nine grids, for images of 2 x 4 binary pixels."""
    model = built(facts(2, height=2, width=4), num_codes=3, code_size=2, halvings=1, depth=1, prior_depth=2)
    perturb(model, 0.4)
    model.codebook.sums.copy_(
        torch.tensor([[1.0, 0.0], [-0.5, 0.8], [-0.5, -0.8]]) * model.codebook.counts[:, None]
    )
    return model.double().eval()


IMAGES = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=8))).reshape(256, 1, 2, 4).double()
GRIDS = torch.tensor(list(itertools.product(range(3), repeat=2))).reshape(9, 1, 2)


@torch.no_grad()
def test_the_bound_lies_below_a_likelihood_that_sums_to_one() -> None:
    """Over all images and all grids of codes: log p(x|z(x)) + log p(z(x)) <= log p(x), and p(x) sums to 1."""
    model = small()
    log_prior = model.prior().log_prob_of(GRIDS)
    assert float(log_prior.exp().sum()) == pytest.approx(1, abs=1e-12)
    assert float(log_prior.std()) > 0.1, "some grids are likelier than others"
    latents = model.codebook.look_up(GRIDS).flatten(1)
    log_likelihood = torch.stack(
        [model.decode(one.expand(256, -1)).log_prob(IMAGES) for one in latents.unsqueeze(1)]
    )
    log_evidence = (log_likelihood + log_prior.unsqueeze(1)).logsumexp(0)
    assert float(log_evidence.exp().sum()) == pytest.approx(1, abs=1e-12)
    bound = model.log_prob(IMAGES)
    assert bool((bound < log_evidence).all())
    assert float(bound.exp().sum()) < 1
    codes = model.codebook.nearest(model.encoder(IMAGES))
    assert len({tuple(grid.flatten().tolist()) for grid in codes}) > 1, "not all images have the same codes"
    own = (GRIDS.unsqueeze(1) == codes).flatten(2).all(2).int().argmax(0)
    expected = log_likelihood.gather(0, own.unsqueeze(0)) + log_prior[own]
    assert torch.allclose(bound, expected.squeeze(0))
    weights = model.log_weights(IMAGES, 3)
    assert weights.shape == (3, 256)
    assert torch.equal(weights, bound.expand(3, 256))


@torch.no_grad()
def test_what_encode_and_prior_say_adds_up_to_the_bound() -> None:
    model = small()
    posterior = model.encode(IMAGES)
    latents, log_posterior = posterior.draw_and_log_prob(torch.zeros(5, 256, *posterior.noise_shape))
    assert latents.shape == (5, 256, 4)
    assert bool((log_posterior == 0).all())
    parts = model.decode(latents[0]).log_prob(IMAGES) + model.prior().log_prob(latents)
    assert torch.allclose(parts, model.log_prob(IMAGES).expand(5, 256))
    assert float(posterior.log_prob(posterior.mean + 0.1).max()) == -math.inf


@pytest.mark.parametrize("size", [(3, 4), (1, 5), (4, 1)])
def test_logits_depend_on_the_codes_before_them_and_on_all_of_these(size: tuple[int, int]) -> None:
    """Deep enough for the grid, every earlier position is seen: there is no blind spot."""
    rows, columns = size
    network = CausalNetwork(5, width=6, depth=rows + columns).double()
    perturb(network, 0.2)
    codes = torch.randint(0, 5, (1, rows, columns), generator=seeded(0))
    with torch.no_grad():
        logits = network(codes)
        for position in range(rows * columns):
            changed = codes.clone()
            changed.view(-1)[position] = (changed.view(-1)[position] + 1) % 5
            moved = (network(changed) != logits).any(1).flatten()
            assert moved.tolist() == [other > position for other in range(rows * columns)]


@torch.no_grad()
def test_logits_do_not_depend_on_rows_below() -> None:
    network = CausalNetwork(5, width=6, depth=2).double()
    perturb(network, 0.2)
    codes = torch.randint(0, 5, (2, 4, 3), generator=seeded(0))
    assert torch.allclose(network(codes[:, :2]), network(codes)[:, :, :2])


@torch.no_grad()
def test_draws_have_the_probabilities_that_the_prior_states() -> None:
    prior, draws = small().prior(), 40_000
    drawn = prior.draw(torch.randn(draws, *prior.noise_shape, generator=seeded(4)).double())
    grids = prior.codebook.nearest(drawn.reshape(draws, 2, 1, 2))
    counts = torch.bincount((3 * grids[:, 0, 0] + grids[:, 0, 1]), minlength=9)
    expected = draws * prior.log_prob_of(GRIDS).exp()
    chi_square = ((counts - expected).square() / expected).sum()
    assert float(chi_square) < 26.1  # of 8 degrees of freedom, once in a thousand


@torch.no_grad()
def test_colder_draws_begin_likelier_and_the_coldest_is_the_mean() -> None:
    prior = small().prior()
    noise = torch.randn(2000, *prior.noise_shape, generator=seeded(4)).double()
    first = prior.log_prob_of(GRIDS).exp().unflatten(0, (3, 3)).sum(1)
    likely = []
    for temperature in (0.0, 0.4, 1.0):
        drawn = prior.draw(temperature * noise).reshape(2000, 2, 1, 2)
        likely.append(float(first[prior.codebook.nearest(drawn)[:, 0, 0]].mean()))
    assert likely[0] > likely[1] > likely[2]
    assert likely[0] == pytest.approx(float(first.max()))
    assert torch.equal(prior.draw(0 * noise), prior.mean.expand(2000, -1))


def test_at_the_start_all_grids_are_equally_likely() -> None:
    model = built(facts(), num_codes=8, code_size=3)
    grids = torch.randint(0, 8, (6, 2, 2), generator=seeded(0))
    assert torch.allclose(model.prior().log_prob_of(grids), torch.full((6,), -4 * math.log(8)))


def test_a_codebook_finds_the_nearest_code() -> None:
    codebook = Codebook(7, 3)
    vectors = torch.randn(5, 3, 2, 4, generator=seeded(0))
    flat = vectors.movedim(1, -1).reshape(-1, 3)
    expected = torch.cdist(flat, codebook.vectors()).argmin(1).reshape(5, 2, 4)
    assert torch.equal(codebook.nearest(vectors), expected)
    assert torch.equal(codebook.look_up(expected)[2, :, 1, 3], codebook.vectors()[expected[2, 1, 3]])


def test_codes_are_the_running_means_of_what_was_nearest() -> None:
    """N <- decay N + (1 - decay) n and m <- decay m + (1 - decay) sum z, up to one common factor."""
    codebook = Codebook(2, 1).double()
    counts, sums = torch.ones(2).double(), torch.tensor([[-1.0], [1.0]]).double()
    codebook.counts.copy_(counts)
    codebook.sums.copy_(sums)
    for seed in range(5):
        vectors = torch.randn(4, 1, 2, 3, generator=seeded(seed)).double()
        indices = codebook.nearest(vectors)
        codebook.note(vectors, indices, mean_over_first)
        codebook.fold()
        scale = 2 / 24  # shares of all positions, times the number of codes
        for code in range(2):
            mine = vectors[:, 0][indices == code]
            counts[code] = DECAY * counts[code] + (1 - DECAY) * scale * len(mine)
            sums[code] = DECAY * sums[code] + (1 - DECAY) * scale * mine.sum()
    assert torch.allclose(codebook.vectors(), sums / counts.unsqueeze(1))
    codebook.fold()
    assert torch.allclose(codebook.counts, counts), "a note is folded once"


def test_all_codes_come_into_use_and_find_the_clusters() -> None:
    """From codes that lie together, far from data of eight clusters, of which the first took everything."""
    centres = 5 + 3 * torch.randn(8, 2, generator=seeded(1))
    codebook = Codebook(8, 2)
    codebook.sums.mul_(0.01)
    for turn in range(300):
        generator = seeded(turn)
        which = torch.randint(0, 8, (16, 2, 2), generator=generator)
        noise = 0.05 * torch.randn(16, 2, 2, 2, generator=generator)
        vectors = centres[which].movedim(-1, 1) + noise
        use = codebook.note(vectors, codebook.nearest(vectors), mean_over_first)
        codebook.fold()
    assert float(use.min()) > DEAD / 8
    apart = torch.cdist(centres, codebook.vectors()).min(1).values
    assert float(apart.mean()) < 0.5


def test_a_moved_code_lies_beside_a_busy_one_and_follows_at_once() -> None:
    codebook = Codebook(3, 2)
    codebook.counts.copy_(torch.tensor([2.0, 1.0, 1e-3]))
    codebook.sums.copy_(codebook.counts[:, None] * torch.tensor([[1.0, 1.0], [5.0, 5.0], [9.0, 9.0]]))
    first = torch.tensor([[1.0, 1.0], [1.0, 1.0], [5.0, 5.0]]).T.reshape(1, 2, 1, 3)
    codebook.note(first, codebook.nearest(first), mean_over_first)
    codebook.fold()
    vectors = codebook.vectors()
    assert torch.allclose(vectors[:2], torch.tensor([[1.0, 1.0], [5.0, 5.0]]))
    assert torch.allclose(vectors[2], torch.tensor([1.08, 1.08]))
    spread = torch.tensor([[0.0, 0.0], [2.0, 2.0], [5.0, 5.0]]).T.reshape(1, 2, 1, 3)
    for _ in range(20):
        codebook.note(spread, codebook.nearest(spread), mean_over_first)
        codebook.fold()
    assert float(codebook.vectors()[2, 0]) > 1.7, "the one that came last has gone most of its way"
    assert float(codebook.vectors()[0, 0]) > 0.8, "the one that it relieves moves as slowly as ever"


def batch_of(num_images: int) -> Batch:
    return Batch(torch.randint(0, 17, (num_images, 1, 8, 8), generator=seeded(6)).float() / 8 - 1)


def terms_of(model: QuantisedAutoencoder, batch: Batch) -> dict[str, Tensor]:
    turn = StepTurn(0, 1, 3, torch.device("cpu"), Processes(), len(batch))
    return dict(model.objectives()[0].terms(batch, turn))


def test_the_encoder_is_given_the_gradient_at_the_codes() -> None:
    """The distortion moves the encoder as if its vectors were the codes: straight through."""
    model, batch = built(facts(), num_codes=8, code_size=3, likelihood="categorical"), batch_of(6)
    perturb(model, 0.1)
    vectors: list[Tensor] = []

    def kept(module: object, inputs: object, output: Tensor) -> None:
        output.retain_grad()
        vectors.append(output)

    model.encoder.register_forward_hook(kept)
    terms_of(model, batch)["distortion"].sum().backward()
    codes = model.codebook.look_up(model.codebook.nearest(vectors[0].detach())).requires_grad_()
    (-model.decode(codes.flatten(1)).log_prob(batch.images).sum()).backward()
    assert vectors[0].grad is not None
    assert codes.grad is not None
    assert torch.allclose(vectors[0].grad, codes.grad, rtol=1e-4, atol=1e-6)
    assert float(codes.grad.abs().max()) > 0


def test_the_commitment_is_the_squared_distance_to_the_codes() -> None:
    model, batch = built(facts(), num_codes=8, code_size=3), batch_of(6)
    commitment = terms_of(model, batch)["commitment"]
    vectors = model.encoder(batch.images)
    flat = vectors.movedim(1, -1).reshape(6, -1, 3)
    nearest = torch.cdist(flat, model.codebook.vectors().expand(6, -1, -1)).min(2).values
    assert torch.allclose(commitment, nearest.square().sum(1), rtol=1e-4)


def test_the_entropy_of_codes_is_one_number_an_image_and_its_mean_is_the_batches() -> None:
    model, batch = built(facts(), num_codes=8, code_size=3), batch_of(16)
    entropy = terms_of(model, batch)["code_entropy"]
    codes = model.codebook.nearest(model.encoder(batch.images))
    shares = torch.bincount(codes.flatten(), minlength=8) / codes.numel()
    expected = torch.distributions.Categorical(probs=shares).entropy()
    assert entropy.shape == (16,)
    assert float(entropy.detach().mean()) == pytest.approx(float(expected), rel=1e-4)


def test_the_codebook_does_not_depend_on_how_a_batch_is_divided() -> None:
    found = []
    for pieces in (1, 2, 4):
        with torch.random.fork_rng():
            torch.manual_seed(3)
            plan = find("vae.vq")(
                facts(), width=4, num_codes=8, code_size=3, prior_width=4, prior_depth=1, batch_size=32
            )
        state = State.fresh(plan, torch.device("cpu"))
        for _ in range(2):
            take_turn(state, plan, lambda at, n: batch_of(32), seed=0, horizon=64, micro_batches=pieces)
        found.append(state.model.codebook.vectors())
    assert torch.allclose(found[0], found[1], rtol=1e-4, atol=1e-5)
    assert torch.allclose(found[0], found[2], rtol=1e-4, atol=1e-5)


def test_images_whose_sides_cannot_be_halved_so_often_are_a_letter() -> None:
    with pytest.raises(ValueError, match=r"6 x 8 px cannot be halved 2 times.*multiples of 4"):
        built(facts(height=6))


@pytest.mark.parametrize(
    ("arguments", "letter"),
    [
        ({"num_codes": 1}, "num_codes is 1; it has to be 2 or more"),
        ({"commitment": 0.0}, "commitment is 0.0; it has to be greater than 0"),
        ({"prior_depth": 0}, "prior_depth is 0; it has to be 1 or more"),
        ({"halvings": -1}, "halvings is -1; it has to be 0 or more"),
        ({"likelihood": "bernoulli"}, "Bernoulli likelihood is a probability of binary images"),
    ],
)
def test_arguments_out_of_range_are_letters(arguments: dict[str, object], letter: str) -> None:
    with pytest.raises(ValueError, match=letter):
        built(facts(), **arguments)
