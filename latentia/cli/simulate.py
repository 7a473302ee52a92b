"""`latentia simulate`: record an environment, learn a world from it, measure how far it foresees."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import torch
import tyro

from latentia import recipes
from latentia.cli.draw import picture
from latentia.cli.flags import Count, Device, Folder, MaybeFile, Run, Switch, call, sentence
from latentia.cli.letters import DONE, INTERRUPTED, WRONG_USE, nearest, say
from latentia.recipes.simulate import DEFAULT_CLIPS, DEFAULT_FRAMES, EYES
from latentia.recipes.world import recording_of, setting_of
from latentia.tasks.simulate import WARM, as_images, foreseen, measure_foresight

Environment = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="ENVIRONMENT")]
Recording = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RECORDING")]


def simulate(words: Sequence[str]) -> int:
    """Record, learn or measure: the first word says which.

    Args:
        words: `record ENVIRONMENT`, `learn RECORDING` or `measure RUN`, and flags.

    Returns:
        The exit code.
    """
    name = words[0] if words else "--help"
    if name in ("-h", "--help"):
        listed = "\n".join(f"  {key:<9}{sentence(function)}" for key, function in ACTIONS.items())
        print(f"usage: latentia simulate ACTION ...\n\nActions:\n{listed}\n\n{HELP}")
        return DONE
    if name not in ACTIONS:
        say(f"There is no action '{name}'{nearest(name, ACTIONS)} Actions: {', '.join(ACTIONS)}.")
        return WRONG_USE
    return call(ACTIONS[name], f"latentia simulate {name}", words[1:])


def record(
    environment: Environment,
    *,
    out: Folder,
    steps: Count = 10_000,
    size: Count = 32,
    crop: tuple[float, float, float, float] = (0.0, 1.0, 0.0, 1.0),
    colour: Switch = False,
    repeat: Count = 1,
    seed: int = 0,
) -> int:
    """Record frames, actions and rewards of an environment of Gymnasium, in which random actions are taken.

    Needs Gymnasium: pip install 'latentia[simulation]'. A policy of your own goes to
    latentia.interchange.gymnasium.record.

    Examples:
      latentia simulate record CartPole-v1 --size 32 --crop 0.4 0.8 0 1 --repeat 2 --out frames

    Args:
        environment: Gymnasium's name of it. It has to render, and its actions to be discrete or bounded.
        out: A folder that is new or empty.
        steps: Actions, at least; the last episode is finished.
        size: Side of the frames, in pixels: a multiple of 4.
        crop: What is kept of the picture: top, bottom, left, right, from 0 to 1.
        colour: Keep colours.
        repeat: Steps that each action is held for.
        seed: Of episodes and actions.
    """
    _require_gymnasium()
    from latentia.interchange import gymnasium as environments  # an extra

    setting = environments.setting_for(environment, size=size, crop=crop, colour=colour, repeat=repeat)
    episodes = environments.record(setting, steps=steps, out=out, seed=seed)
    print(f"{out}: {episodes:,} episodes of {environment}. Next: latentia simulate learn {out} --out RUN")
    return DONE


def learn(
    recording: Recording,
    *,
    out: Folder,
    eyes: str = EYES,
    frames: Count = DEFAULT_FRAMES,
    clips: Count = DEFAULT_CLIPS,
    length: Count = 32,
    num_memory: Count = 128,
    num_mixtures: Count = 1,
    seed: int = 0,
    device: Device = "auto",
) -> int:
    """Learn a world from a recording: eyes for its frames, and what actions lead to.

    `latentia resume RUN` goes on with one that was stopped.

    Examples:
      latentia simulate learn frames --out runs/world
      latentia simulate learn frames --eyes runs/my-eyes --out runs/world

    Args:
        recording: Folder of the recording.
        out: Folder of the run; eyes that are trained now are a run beside it, in OUT-eyes.
        eyes: A recipe whose models encode and decode, or the folder of a run of one.
        frames: Frames that the eyes are shown, repeats counted.
        clips: Clips that the dynamics are shown, repeats counted.
        length: Actions in a clip.
        num_memory: Length of the memory.
        num_mixtures: Gaussians in what is expected next: more than 1 where the environment itself is random.
        seed: Everything random follows from it.
        device: auto (the best there is), cpu, cuda, cuda:1 or mps.
    """
    run = recipes.learn(
        recording,
        out=out,
        eyes=eyes,
        frames=frames,
        clips=clips,
        length=length,
        num_memory=num_memory,
        num_mixtures=num_mixtures,
        seed=seed,
        device=device,
    )
    print(
        f"{run.path}: {run.images_seen:,} clips in {run.seconds:.0f} s. Next: latentia simulate measure {out}"
    )
    return INTERRUPTED if run.interrupted else DONE


def measure(
    run: Run,
    *,
    data: Annotated[Path | None, tyro.conf.arg(metavar="RECORDING")] = None,
    horizon: Count = 10,
    out: MaybeFile = None,
    device: Device = "auto",
) -> int:
    """Measure how far ahead a world foresees held-out episodes, beside copying the last frame.

    Examples:
      latentia simulate measure runs/world --out films.png

    Args:
        run: Folder of the world.
        data: A recording to measure on, all of it, instead of every tenth episode of the run's own.
        horizon: Steps ahead.
        out: Picture of films to write: what happened above what was foreseen.
        device: auto (the best there is), cpu, cuda, cuda:1 or mps.
    """
    opened = recipes.open_run(run, device=device)
    setting_of(opened)
    recording = recording_of(opened.description, data)
    held_out = recording if data else recording.part(held_out=True)
    found = measure_foresight(opened.model, held_out, horizon=horizon)
    print(f"{found.num_clips} predictions; root mean square error of values in [-1, 1]")
    print(f"{'ahead':>6}{'foreseen':>10}{'copied':>10}{'eyes alone':>12}")
    for row in zip(found.ahead, found.predicted, found.copied, found.shown, strict=True):
        if row[0] in (1, 2, 5, 10, 15) or row[0] % 10 == 0 or row[0] == horizon:
            print(f"{row[0]:>6}{row[1]:>10.4f}{row[2]:>10.4f}{row[3]:>12.4f}")
    print(f"chance of the end: {found.ended:.3f} where it came, {found.lived:.4f} where it did not")
    if out is not None:
        long = [e for e in held_out.episodes if len(e.actions) >= WARM + horizon][:4]
        shown = [foreseen(opened.model, e, horizon=horizon).cpu() for e in long]
        real = [as_images(e.frames[WARM + 1 : WARM + 1 + horizon]) for e in long]
        films = [part for pair in zip(real, shown, strict=True) for part in pair]
        picture(torch.cat(films), out, horizon, "rows in pairs: what happened, and what was foreseen")
    return DONE


def _require_gymnasium() -> None:
    try:
        import gymnasium  # noqa: F401
    except ImportError:
        raise ValueError(
            "Recording needs Gymnasium, which is not installed: pip install 'latentia[simulation]'."
        ) from None


ACTIONS: dict[str, Callable[..., int]] = {"record": record, "learn": learn, "measure": measure}
HELP = """\
Examples:
  latentia simulate record CartPole-v1 --crop 0.4 0.8 0 1 --repeat 2 --out frames
  latentia simulate learn frames --out runs/world
  latentia simulate measure runs/world

Then, in Python, where "latentia.interchange.gymnasium" is imported:
  gymnasium.make("latentia/Dream-v0", run="runs/world")"""
