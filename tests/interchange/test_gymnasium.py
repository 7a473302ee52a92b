"""Dreams are environments by Gymnasium's own checker; recordings and the real thing look as dreams do."""

import warnings

import numpy as np
import pytest

pytest.importorskip("gymnasium", reason="needs Gymnasium: pip install 'latentia[simulation]'")
pytest.importorskip("pygame", reason="CartPole is drawn with pygame: pip install 'latentia[simulation]'")

import gymnasium
from dots import written
from gymnasium.utils.env_checker import check_env

from latentia.cli import main
from latentia.data.recording import read_recording
from latentia.interchange.gymnasium import DREAM, Frames, RealEnv, record, register, setting_for
from latentia.recipes import learn, train

TINY = {"frames": 256, "clips": 256, "length": 4, "num_memory": 8, "width": 8, "show": False, "device": "cpu"}
EYES = {"num_latents": 3, "network": "mlp", "width": 16}


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("dreams")
        patch.setenv("LATENTIA_CACHE", str(folder / "cache"))
        patch.setenv("SDL_VIDEODRIVER", "dummy")
        yield folder


@pytest.fixture(scope="module")
def world(here):
    """A world of CartPole that has learned next to nothing."""
    setting = setting_for("CartPole-v1", size=16, crop=(0.4, 0.8, 0.0, 1.0), repeat=2)
    assert record(setting, steps=150, out=here / "frames") >= 10
    return learn(here / "frames", out=here / "world", eyes_arguments=EYES, **TINY)


def test_the_setting_says_what_gymnasium_knows(world) -> None:
    recording = read_recording(world.source)
    assert (recording.setting.num_actions, recording.setting.max_steps) == (2, 250)
    episode = recording.episodes[0]
    assert episode.frames.shape == (len(episode.actions) + 1, 1, 16, 16)
    assert episode.terminated
    assert set(episode.rewards[:-1].tolist()) == {2.0}  # two steps of the environment an action
    assert len(np.unique(episode.frames)) > 10


def test_recordings_of_one_seed_are_equal(world, here) -> None:
    setting = read_recording(world.source).setting
    record(setting, steps=20, out=here / "again")
    mine, theirs = read_recording(here / "again").episodes[0], read_recording(world.source).episodes[0]
    assert np.array_equal(mine.frames, theirs.frames)
    assert np.array_equal(mine.actions, theirs.actions)


@pytest.mark.parametrize(
    "settings",
    [{}, {"observe": "pixels"}, {"temperature": 0.0}, {"render_mode": "rgb_array"}],
)
def test_gymnasium_finds_nothing_wrong(world, settings) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gymnasium.make(DREAM, run=str(world.path), **settings).unwrapped)


def test_a_vector_of_dreams_is_as_many_dreams(world) -> None:
    dreams = gymnasium.make_vec(DREAM, num_envs=5, run=str(world.path), max_steps=4)
    seen, _ = dreams.reset(seed=1)
    assert seen.shape == (5, 3 + 8)
    assert dreams.observation_space.contains(seen)
    for _ in range(4):
        seen, rewards, terminated, truncated, _ = dreams.step(np.zeros(5, int))
    assert dreams.observation_space.contains(seen)
    over = terminated | truncated
    assert over.any()
    again, rewards, terminated, truncated, _ = dreams.step(np.zeros(5, int))
    assert (rewards[over] == 0).all()
    assert not (terminated | truncated)[over].any()
    assert (again[over, 3:] == 0).all()  # memory is empty where a dream begins


def test_a_dream_is_cut_off_where_the_real_environment_is(world) -> None:
    dream = gymnasium.make(DREAM, run=str(world.path), max_steps=3, temperature=0.0)
    dream.reset(seed=0)
    ends = [dream.step(0)[2:4] for _ in range(3)]
    assert ends[-1] == (False, True) or any(terminated for terminated, _ in ends)


def test_the_real_environment_looks_as_dreams_do(world, here) -> None:
    dream = gymnasium.make(DREAM, run=str(world.path))
    real = RealEnv(world)
    assert real.observation_space == dream.observation_space
    assert real.action_space.n == dream.action_space.n
    seen, _ = real.reset(seed=0)
    assert real.observation_space.contains(seen)
    assert (seen[3:] == 0).all()
    seen, reward, *_ = real.step(1)
    assert reward == 2.0
    assert (seen[3:] != 0).any()
    sizes = []
    record(
        real.setting,
        steps=30,
        out=here / "acted",
        environment=real,
        policy=lambda s: sizes.append(len(s)) or 0,
    )
    assert set(sizes) == {11}
    assert read_recording(here / "acted").episodes[0].frames.shape[1:] == (1, 16, 16)


def test_colour_and_continuous_actions(here) -> None:
    setting = setting_for("Pendulum-v1", size=16, colour=True)
    assert (setting.low, setting.high) == ((-2.0,), (2.0,))
    frame, _ = Frames(setting).reset(seed=0)
    assert frame.shape == (3, 16, 16)
    record(setting, steps=1, out=here / "pendulum")
    actions = read_recording(here / "pendulum").episodes[0].actions
    assert actions.shape == (200, 1)
    assert np.abs(actions).max() <= 1


def test_letters(world, here) -> None:
    with pytest.raises(ValueError, match="cannot make"):
        setting_for("CartPole-v99")
    with pytest.raises(ValueError, match="steps is 0"):
        record(setting_for("CartPole-v1"), steps=0, out=here / "none")
    with pytest.raises(ValueError, match="'latents' or 'pixels'"):
        gymnasium.make(DREAM, run=str(world.path), observe="sound")
    with pytest.raises(ValueError, match="temperature is -1"):
        gymnasium.make(DREAM, run=str(world.path), temperature=-1.0)
    images = train("vae.sigma", "digits", out=here / "digits", images=64, show=False, **EYES)
    with pytest.raises(ValueError, match="not a world"):
        gymnasium.make(DREAM, run=str(images.path))
    register()  # once more changes nothing


def test_the_command_line_from_end_to_end(here, capsys) -> None:
    frames, run = here / "cli-frames", here / "cli-world"
    record_words = ["CartPole-v1", "--size", "16", "--steps", "200", "--repeat", "2", "--out", str(frames)]
    assert main(["simulate", "record", *record_words]) == 0
    few = ["--frames", "128", "--clips", "128", "--length", "4", "--num-memory", "8", "--device", "cpu"]
    assert main(["simulate", "learn", str(frames), "--out", str(run), *few]) == 0
    picture = here / "films.png"
    assert (
        main(
            ["simulate", "measure", str(run), "--data", str(frames), "--horizon", "3", "--out", str(picture)]
        )
        == 0
    )
    told = capsys.readouterr().out
    assert "chance of the end" in told
    assert picture.is_file()
    assert main(["simulate", "measure", str(here / "digits")]) == 2
    assert main(["simulate", "dance"]) == 2
    assert main(["simulate"]) == 0
    assert main(["simulate", "learn", str(written(here / "few", num=4)), "--out", str(here / "x")]) == 2
