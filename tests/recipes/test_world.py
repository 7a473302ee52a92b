"""A world is learned from a recording, foresees what happens, and resumes bit for bit."""

from dataclasses import replace

import pytest
import torch
from dots import recording, written

from latentia.models.world import World, _counted
from latentia.protocols import Dreams, require
from latentia.recipes import learn, load, open_run, resume, train, world
from latentia.recipes.world import recording_of, setting_of
from latentia.tasks.simulate import Dreaming, foreseen, latents_of_frames, measure_foresight
from latentia.training import Limits, Run, checkpoint

EYES = {"num_latents": 3, "network": "mlp", "width": 64, "rate": 3e-3}
FAST = {"num_memory": 16, "width": 64, "rate": 3e-3, "length": 6, "show": False, "device": "cpu"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        here = tmp_path_factory.mktemp("world")
        patch.setenv("LATENTIA_CACHE", str(here / "cache"))
        yield here


@pytest.fixture(scope="module")
def learned(folder) -> Run:
    frames = written(folder / "frames", num=200)
    return learn(frames, out=folder / "world", eyes_arguments=EYES, frames=20_000, clips=30_000, **FAST)


def test_it_foresees_what_a_copy_of_the_last_frame_does_not(learned) -> None:
    found = measure_foresight(learned.model, recording(200, seed=1), horizon=4)
    assert found.num_clips > 20
    for predicted, copied in zip(found.predicted, found.copied, strict=True):
        assert predicted < 0.5 * copied
    assert found.ended > 0.8
    assert found.lived < 0.1


def test_what_is_foreseen_has_the_shape_of_frames(learned) -> None:
    long = next(e for e in recording(200).episodes if len(e.actions) >= 8)
    assert foreseen(learned.model, long, horizon=4).shape == (4, 1, 8, 8)


def test_dreams_are_as_long_as_episodes(learned) -> None:
    dreaming = Dreaming(learned.model, 200, generator=torch.Generator().manual_seed(0))
    alive, lengths = torch.ones(200, dtype=torch.bool), torch.zeros(200)
    for _ in range(12):
        actions = torch.eye(2)[
            torch.randint(2, (200,), generator=torch.Generator().manual_seed(int(lengths.sum())))
        ]
        rewards, ended = dreaming.step(actions)
        lengths += alive
        paid = rewards[alive].mean()
        alive &= ~ended
    real = sum(len(e.actions) for e in recording(200).episodes) / 200
    assert lengths.mean() == pytest.approx(real, rel=0.2)
    assert paid == pytest.approx(1.0, abs=0.2)  # of those that still go on


def test_the_same_seed_dreams_the_same_and_temperature_zero_needs_none(learned) -> None:
    def dream(seed: int, temperature: float) -> torch.Tensor:
        dreaming = Dreaming(
            learned.model, 4, generator=torch.Generator().manual_seed(seed), temperature=temperature
        )
        dreaming.latents = torch.zeros_like(dreaming.latents)
        for _ in range(3):
            dreaming.step(torch.eye(2)[[0, 1, 0, 1]])
        return dreaming.observations

    assert torch.equal(dream(0, 1.0), dream(0, 1.0))
    assert not torch.equal(dream(0, 1.0), dream(1, 1.0))
    assert torch.equal(dream(0, 0.0), dream(1, 0.0))


def test_some_dreams_begin_anew_and_the_others_go_on(learned) -> None:
    dreaming = Dreaming(learned.model, 2, generator=torch.Generator().manual_seed(0))
    dreaming.step(torch.eye(2))
    before = dreaming.observations
    dreaming.begin(torch.tensor([True, False]))
    assert torch.equal(dreaming.observations[1], before[1])
    assert dreaming.memory[0].abs().sum() == 0


def test_only_the_dynamics_move(learned) -> None:
    eyes = load(learned.path.with_name("world-eyes")).state_dict()
    model = load(learned.path)
    assert isinstance(model, World)
    assert all(torch.equal(value, eyes[name]) for name, value in model.eyes.state_dict().items())
    assert isinstance(model, Dreams)
    assert model.sample(9).shape == (9, 1, 8, 8)


def test_a_moved_folder_opens_alone(learned, tmp_path) -> None:
    alone = tmp_path / "elsewhere"
    alone.mkdir()
    for file in learned.path.iterdir():
        if file.is_file():
            (alone / file.name).write_bytes(file.read_bytes())
    frames = recording().episodes[0].frames
    assert torch.equal(latents_of_frames(load(alone), frames), latents_of_frames(learned.model, frames))


def test_resume_is_the_unbroken_run(learned, folder, monkeypatch) -> None:
    again = {"eyes": learned.path.with_name("world-eyes"), "clips": 2560, **FAST}
    whole = learn(folder / "frames", out=folder / "whole", **again)
    monkeypatch.setattr(world, "Limits", lambda horizon, images, seconds: Limits(horizon, 1280, seconds))
    half = learn(folder / "frames", out=folder / "half", **again)
    assert (half.images_seen, half.horizon) == (1280, whole.horizon)
    monkeypatch.undo()
    assert resume(half.path, show=False, device="cpu").images_seen == whole.images_seen
    assert (half.path / checkpoint.WEIGHTS).read_bytes() == (whole.path / checkpoint.WEIGHTS).read_bytes()


def test_clips_count_once_the_memory_has_seen_enough() -> None:
    real = torch.tensor([[1.0] * 6, [1.0] * 6, [1, 1, 0, 1, 1, 1]])
    first = torch.zeros(3, 6)
    first[1, 0] = first[2, 0] = 1
    assert _counted(real, first).tolist() == [[0, 0, 0, 0, 1, 1], [1] * 6, [1, 1, 0, 0, 0, 0]]


def test_letters(learned, folder, tmp_path) -> None:
    frames = folder / "frames"
    with pytest.raises(ValueError, match="not empty"):
        learn(frames, out=learned.path)
    with pytest.raises(ValueError, match="at least 1 action"):
        learn(frames, out=tmp_path / "a", length=0)
    with pytest.raises(ValueError, match="Record more --steps"):
        learn(written(tmp_path / "few", num=4), out=tmp_path / "a")
    with pytest.raises(ValueError, match="encode"):
        learn(
            frames, out=tmp_path / "a", eyes="gan.dcgan", eyes_arguments={"width": 4}, frames=64, show=False
        )
    with pytest.raises(ValueError, match="leave eyes_arguments out"):
        learn(frames, out=tmp_path / "b", eyes=learned.path.with_name("world-eyes"), eyes_arguments=EYES)
    with pytest.raises(ValueError, match="not a world"):
        setting_of(open_run(learned.path.with_name("world-eyes")))
    with pytest.raises(ValueError, match="simulate learn"):
        require(load(learned.path.with_name("world-eyes")), Dreams, task="simulate")
    described = learned.description
    other = {**described.arguments, "setting": {**described.arguments["setting"], "repeat": 3}}
    with pytest.raises(ValueError, match="Record with the flags of then"):
        recording_of(replace(described, arguments=other))
    with pytest.raises(ValueError, match="temperature is -1"):
        Dreaming(learned.model, 1, generator=torch.Generator(), temperature=-1.0)
    with pytest.raises(ValueError, match="shorter --horizon"):
        measure_foresight(learned.model, recording(), horizon=50)


def test_several_processes_are_refused(learned, folder, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match="in one process"):
        learn(folder / "frames", out=tmp_path / "a")


def test_eyes_of_another_size_are_refused(folder, tmp_path) -> None:
    eyes = train(
        "vae.sigma",
        recording().frames.repeat(2, 2).repeat(2, 3),
        out=tmp_path / "eyes",
        images=64,
        show=False,
        **EYES,
    )
    with pytest.raises(ValueError, match=r"frames are \(1, 8, 8\)"):
        learn(folder / "frames", out=tmp_path / "a", eyes=eyes.path)
