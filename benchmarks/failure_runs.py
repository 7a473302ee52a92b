"""The runs behind `failures.py`: each failure and its cure, in numbers that a file can hold."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from gaussians import POINTS, judged
from gaussians import draw as draw_points
from torch import Tensor

from latentia import recipes
from latentia.data import prepare
from latentia.losses import GAMES, Game, Penalty, gradient_penalty, r1, r2, squared_slope
from latentia.metrics import RandomFeatures, kernel_distance, measure_memorisation
from latentia.models import AdversarialNetwork
from latentia.protocols import Batch, GenerativeModel
from latentia.recipes.gan.parts import pair
from latentia.training import Adam, Plan, RunFolder, State, TrainingStopped, take_turn

SEED = 0
DRAWS = 500
DrawBatch = Callable[[int, int], Batch]
Numbers = Mapping[str, Any]


def follow(
    plan: Plan, draw: DrawBatch, turns: int, places: Sequence[int], look: Callable[[State], Numbers]
) -> list[dict[str, Any]]:
    """Trains, and says what a look finds after so many turns each, beside the means of all terms since."""
    state, rows, sums = State.fresh(plan, torch.device("cpu")), [], []
    horizon = turns * plan.batch_size * max(o.repeats for o in plan.model.objectives())
    for turn in range(turns + 1):
        if turn in places:
            means = (
                {name: float(torch.stack([s[name] for s in sums]).mean()) for name in sums[0]} if sums else {}
            )
            rows.append({"turns": turn, "images": state.images_seen, "terms": means} | dict(look(state)))
            sums = []
        if turn < turns:
            sums.append(take_turn(state, plan, draw, seed=SEED, horizon=horizon))
    return rows


def evenly(turns: int, looks: int) -> list[int]:
    """So many places from the start to the end of a run."""
    return [round(turns * place / (looks - 1)) for place in range(looks)]


class Digits:
    """The digits of 8 x 8 pixels: some to train on, and all of those that are left, held out.

    Args:
        count: How many to train on; None for the data's own training part.
    """

    def __init__(self, count: int | None = None) -> None:
        store = prepare("digits", progress=False)
        self.facts = store.facts
        splits = [store.split(name).images(slice(None)) for name in ("train", "validation", "test")]
        count, images = count or len(splits[0]), torch.cat(splits)
        self.train, self.held_out = images[:count], images[count:]
        self.features = RandomFeatures(1)
        self.real = self.features(self.held_out)

    def draw(self, position: int, count: int) -> Batch:
        """Training images that are a function of their place in the run."""
        generator = torch.Generator().manual_seed(position)
        return Batch(self.train[torch.randint(len(self.train), (count,), generator=generator)])

    def distance(self, images: Tensor) -> float:
        """Kernel distance to the held-out images, times 1000."""
        return 1000 * kernel_distance(self.real, self.features(images.clamp(-1, 1))).value


@torch.no_grad()
def samples(model: GenerativeModel, count: int = DRAWS) -> Tensor:
    """Draws that differ between looks by what was learned alone."""
    return model.sample(count, generator=torch.Generator().manual_seed(SEED))


def made(recipe: str, digits: Digits, **arguments: Any) -> Plan:
    """A plan of a recipe, freshly initialised from the seed."""
    torch.manual_seed(SEED)
    plan: Plan = recipes.find(recipe)(digits.facts, **arguments)
    return plan


# 1. It never settles ------------------------------------------------------------

DIRAC = {
    "Wasserstein, both at once": (GAMES["wasserstein"], (), None, True),
    "Wasserstein, in turns": (GAMES["wasserstein"], (), None, False),
    "minimax, in turns": (GAMES["minimax"], (), None, False),
    "non-saturating": (GAMES["non_saturating"], (), None, False),
    "Wasserstein, clipped": (GAMES["wasserstein"], (), 1.0, False),
    "Wasserstein, penalty": (GAMES["wasserstein"], (gradient_penalty(1.0),), None, False),
    "non-saturating, R1": (GAMES["non_saturating"], (r1(1.0),), None, False),
    "relativistic, R1 + R2": (GAMES["relativistic"], (r1(0.5), r2(0.5)), None, False),
}
DIRAC_STEPS, DIRAC_RATE = 500, 0.1


def dirac() -> dict[str, list[tuple[float, float]]]:
    """Where the point and the slope of its critic go, by game."""
    return {name: orbit(*setting) for name, setting in DIRAC.items()}


def orbit(
    game: Game, penalties: Sequence[Penalty], clip: float | None, at_once: bool
) -> list[tuple[float, float]]:
    """Plain gradient steps of a generator that is one point, and of a critic that is one slope; data at 0."""
    point, slope = torch.tensor(1.0, requires_grad=True), torch.tensor(1.0, requires_grad=True)
    generator = torch.Generator().manual_seed(SEED)
    real, path = torch.zeros(1, 1, 1, 1), [(1.0, 1.0)]

    def noise(*shape: int) -> Tensor:
        return torch.randn(1, *shape, generator=generator)

    def score(images: Tensor, given: Tensor | None = None) -> Tensor:
        return slope * images.flatten()

    def critic_pays() -> Tensor:
        generated = point.detach().view(1, 1, 1, 1)
        costs = [loss(score(real), score(generated)) for loss in game.critic.values()]
        costs += [p.weight * p(score, real, generated, None, noise) for p in penalties]
        return torch.stack(costs).sum()

    for _ in range(DIRAC_STEPS):
        for_point = gradient(game.generator(score(real), score(point)).sum(), point)
        for_slope = gradient(critic_pays(), slope)
        with torch.no_grad():
            slope -= DIRAC_RATE * for_slope
            if clip is not None:
                slope.clamp_(-clip, clip)
        if not at_once:  # the critic steps first, as in the loop
            for_point = gradient(game.generator(score(real), score(point)).sum(), point)
        with torch.no_grad():
            point -= DIRAC_RATE * for_point
        path.append((point.item(), slope.item()))
    return path


def gradient(loss: Tensor, parameter: Tensor) -> Tensor:
    """Of one number by another."""
    (slope,) = torch.autograd.grad(loss, parameter)
    return slope


# 2. Modes are missing ------------------------------------------------------------

COLLAPSE_TURNS, COLLAPSE_PLACES, SCATTERED = 6_000, (500, 2_000, 6_000), 2_000
COLLAPSE = {
    "gan.minimax": {"network": "mlp", "rate": 1e-3, "width": 128, "num_latents": 2, "batch_size": 256},
    "gan.r3": {
        "gamma": 0.01,
        "rate": 3e-3,
        "width": 128,
        "num_latents": 2,
        "batch_size": 256,
        "half_life": 20_000,
        "cool_down": 0.5,
    },
}


def collapse() -> dict[str, list[dict[str, Any]]]:
    """Samples of the 25 Gaussians through a run of each recipe, modes found, and the part that hits one."""

    def look(state: State) -> Numbers:
        modes, within, _ = judged(state.average.model)
        points = samples(state.average.model, SCATTERED).flatten(1)
        return {"modes": modes, "within": within, "points": points.tolist()}

    rows = {}
    for recipe, arguments in COLLAPSE.items():
        torch.manual_seed(SEED)
        plan = recipes.find(recipe)(POINTS, **arguments)
        rows[recipe] = follow(plan, draw_points, COLLAPSE_TURNS, COLLAPSE_PLACES, look)
    return rows


# 3. The generator's gradient vanishes ------------------------------------------------------------

AHEAD_STEPS, AHEAD_LOOKS = 513, (1, 17, 33, 65, 129, 257, 513)
AHEAD_RATE = 1e-3


def vanishing() -> dict[str, Any]:
    """Norm of the generator's gradient while the critic alone learns; and two runs with a critic ahead."""
    digits = Digits()
    norms = {name: ahead(digits, game) for name, game in GAMES.items()}
    runs = {}
    for game in ("minimax", "non_saturating"):
        plan = made("gan.dcgan", digits, game=game, critic_steps=5)
        runs[game] = follow(plan, digits.draw, 400, evenly(400, 11), averaged(digits))
    return {"norms": norms, "runs": runs}


def ahead(digits: Digits, game: Game) -> list[tuple[int, float]]:
    """Steps of the critic, and the norm; the generator's rate is 0, so it stands still."""
    torch.manual_seed(SEED)
    generator, critic = pair("convolutional", digits.facts, num_latents=64, width=16)
    model = AdversarialNetwork(
        image_shape=digits.facts.image_shape, generator=generator, critic=critic, game=game, num_latents=64
    )
    still = {"critic": Adam(AHEAD_RATE, (0.5, 0.999)), "generator": Adam(0.0)}
    plan = Plan(model, still, batch_size=32)
    state, found = State.fresh(plan, torch.device("cpu")), []
    for step in range(1, AHEAD_STEPS + 1):  # `health` looks at every 16th turn, the first one included
        take_turn(state, plan, digits.draw, seed=SEED, horizon=AHEAD_STEPS * 32)
        if step in AHEAD_LOOKS:
            found.append((step, state.health.norms()["generator"]))
    return found


def averaged(digits: Digits) -> Callable[[State], Numbers]:
    """A look at the averaged weights."""
    return lambda state: {"distance": digits.distance(samples(state.average.model))}


# 4. It blows up ------------------------------------------------------------

RATE, FACTOR, BLOWN_TURNS, BLOWN_BATCH = 1e-3, 50, 500, 16


def blow_up(folder: Path) -> dict[str, Any]:
    """Runs at the recipe's own rate and at 50 times that, without a guard, and the latter with rescues."""
    digits, found = Digits(), {}
    for name, rate in (("own rate", RATE), ("50 times", FACTOR * RATE)):
        plan = made("gan.r3", digits, rate=rate, batch_size=BLOWN_BATCH)
        found[name] = follow(plan, digits.draw, BLOWN_TURNS, evenly(BLOWN_TURNS, 21), pictured(digits))
    settings = {"rate": FACTOR * RATE, "batch_size": BLOWN_BATCH, "seed": SEED, "show": False}
    run = folder / "rescued"
    with suppress(TrainingStopped):  # the log says so
        recipes.train("gan.r3", "digits", out=run, images=BLOWN_TURNS * BLOWN_BATCH, **settings)
    draws = samples(recipes.load(run), 8)[:, 0].tolist()
    return found | {"rescued": {"log": list(RunFolder(run).history()), "draws": draws}}


def pictured(digits: Digits) -> Callable[[State], Numbers]:
    """A look at the averaged weights, and eight draws."""

    def look(state: State) -> Numbers:
        draws = samples(state.average.model)
        return {"distance": digits.distance(draws), "draws": draws[:8, 0].tolist()}

    return look


# 5. Few images ------------------------------------------------------------

FEW, FEW_TURNS = 100, 4_000
FEW_SETTINGS = {"norm": "batch", "rate": 1e-3}  # a critic that learns by heart
AUGMENTS = ("none", "adaptive", "always")


def few_images() -> dict[str, Any]:
    """Scores of training and held-out images, and the distance, with augmentation and without; and copies."""
    digits, found = Digits(FEW), {}
    for augment in AUGMENTS:
        plan = made("gan.hinge", digits, augment=augment, **FEW_SETTINGS)
        end: dict[str, Tensor] = {}

        def look(state: State, end: dict[str, Tensor] = end) -> Numbers:
            critic = state.average.model.critic
            with torch.no_grad():
                trained, unseen = float(critic(digits.train).mean()), float(critic(digits.held_out).mean())
            end["draws"] = samples(state.average.model)
            return {"trained": trained, "unseen": unseen, "distance": digits.distance(end["draws"])}

        rows = follow(plan, digits.draw, FEW_TURNS, evenly(FEW_TURNS, 21), look)
        copies = measure_memorisation(end["draws"], digits.train, digits.held_out, flips=False)
        found[augment] = {
            "rows": rows,
            "share": copies.share.value,
            "p_value": copies.p_value,
            "verdict": copies.verdict,
            "pairs": beside(end["draws"], digits.train),
        }
    return found


def beside(draws: Tensor, train: Tensor, count: int = 10) -> list[Any]:
    """The first draws, and the training image that is nearest to each."""
    nearest = torch.cdist(draws[:count].flatten(1), train.flatten(1)).argmin(1)
    return [draws[:count, 0].tolist(), train[nearest, 0].tolist()]


# 6, 7 and 8. Which gamma; what one looks at; what losses say ---------------------------

GAMMAS, GAMMA_TURNS = (0.01, 0.1, 1.0, 10.0, 100.0), 2_500


def gammas() -> dict[str, list[dict[str, Any]]]:
    """Runs over gamma: distances of averaged and raw weights, the latter in training mode too, and slopes."""
    digits, found = Digits(), {}

    def look(state: State) -> Numbers:
        model = state.model
        slope = squared_slope(model.critic, digits.held_out).detach().mean().sqrt()
        raw = {}
        for mode in (True, False):
            own = deepcopy(model).train(mode)  # whose statistics drawing may change
            raw["batch" if mode else "raw"] = digits.distance(in_batches(own, 16 if mode else DRAWS))
        draws = samples(state.average.model)
        return raw | {
            "slope": float(slope),
            "distance": digits.distance(draws),
            "draws": draws[:8, 0].tolist(),
        }

    for gamma in GAMMAS:
        plan = made("gan.r3", digits, network="convolutional", gamma=gamma)
        found[str(gamma)] = follow(plan, digits.draw, GAMMA_TURNS, evenly(GAMMA_TURNS, 26), look)
    return found


@torch.no_grad()
def in_batches(model: GenerativeModel, size: int) -> Tensor:
    """Draws of so many at a time, as one who forgets `eval()` draws them."""
    generator = torch.Generator().manual_seed(SEED)
    return torch.cat([model.sample(size, generator=generator) for _ in range(-(-DRAWS // size))])[:DRAWS]
