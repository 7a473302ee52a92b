"""Comparing models of both families in one report."""

from collections.abc import Sequence

from tqdm import tqdm

from latentia.data import ImageStore
from latentia.report.contestant import Contestant
from latentia.report.evaluate import evaluate
from latentia.report.gallery import MAPPED, SHOWN, make_gallery
from latentia.report.page import Report
from latentia.report.yardstick import choose, make_yardstick


def compare(
    contestants: Sequence[Contestant],
    store: ImageStore,
    *,
    num_samples: int | None = None,
    num_draws: int = 64,
    features: str = "auto",
    seed: int = 0,
    progress: bool = True,
) -> Report:
    """Measure and show several models beside each other.

    Args:
        contestants: At least one, each with a name of its own, all trained on the store's images.
        store: The images.
        num_samples: Images of every set that is compared; without it, as many as there are, at most 1000.
        num_draws: K of the importance-weighted bound of explicit models.
        features: Name of the feature space that distances are taken in, as `make_yardstick` takes it.
        seed: Seed of everything that is drawn.
        progress: Whether to show a progress bar.

    Returns:
        A report: save it as one HTML file, turn it into JSON, or let a notebook show it.

    Raises:
        ValueError: If there is no contestant, two share a name, or one makes images of another shape.
    """
    names = [contestant.name for contestant in contestants]
    if not names:
        raise ValueError("there is nothing to compare: hand in at least one run.")
    if len(set(names)) < len(names):
        raise ValueError(f"two contestants share a name among {', '.join(names)}: give each its own.")
    yardstick = make_yardstick(
        store, num_samples=num_samples, features=features, seed=seed, progress=progress
    )
    evaluations, galleries = [], []
    with tqdm(total=2 * len(names) + 1, disable=not progress, unit="step", leave=False) as bar:
        bar.set_description("real images")
        assert yardstick.bounds
        bar.update()
        for contestant in contestants:
            bar.set_description(f"{contestant.name}: numbers")
            evaluations.append(
                evaluate(contestant, store, num_draws=num_draws, seed=seed, yardstick=yardstick)
            )
            bar.update()
            bar.set_description(f"{contestant.name}: pictures")
            galleries.append(make_gallery(contestant, evaluations[-1], store, seed))
            bar.update()
    shown = min(SHOWN, len(store.split("train")))
    return Report(
        facts=store.facts,
        source=store.source,
        contestants=tuple(contestants),
        evaluations=tuple(evaluations),
        galleries=tuple(galleries),
        real=choose([store.split("train")], shown, seed)[0],
        test_classes=store.split("test").classes(slice(0, MAPPED)),
        seed=seed,
    )
