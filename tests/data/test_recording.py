"""Recordings survive the disk, say what is wrong with them, and are cut into clips that end with episodes."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from dots import SETTING, recording, written

from latentia.data import Supply
from latentia.data.recording import ABOUT, Clips, Setting, read_recording, write_about


def test_what_is_written_is_read(tmp_path) -> None:
    read = read_recording(written(tmp_path / "frames"))
    assert read.setting == SETTING
    for mine, theirs in zip(read.episodes, recording().episodes, strict=True):
        assert mine.terminated == theirs.terminated
        for name in ("frames", "actions", "rewards"):
            assert np.array_equal(getattr(mine, name), getattr(theirs, name))


def test_every_tenth_episode_is_held_out() -> None:
    whole = recording()
    assert whole.part(held_out=True).episodes == whole.episodes[9::10]
    assert len(whole.part(held_out=False).episodes) == 36


def test_a_continuous_action_lies_between_minus_one_and_one() -> None:
    setting = Setting("Pendulum-v1", num_actions=1, low=(-2.0,), high=(2.0,))
    assert setting.vectors(np.array([[-2.0], [1.0]])).tolist() == [[-1.0], [0.5]]
    assert Setting.from_json(
        json.loads(json.dumps({"environment": "x", "crop": [0, 1, 0, 1], "low": [], "high": []}))
    )


def test_clips_say_what_followed_and_stop_where_the_episode_does() -> None:
    whole = recording()
    latents = torch.arange(len(whole.frames)).float().unsqueeze(1)
    clips = Clips.of(whole, latents, length=3)
    assert isinstance(clips, Supply)
    assert len(clips) == whole.num_steps
    assert clips.images(slice(0, 2)).shape == (2, *clips.image_shape)
    first = whole.episodes[0]
    steps = len(first.actions)
    last = clips.given(torch.tensor([steps - 1])).unflatten(1, (4, -1))[0]
    assert last[0].tolist() == [
        *first.actions[-1].tolist(),
        1.0,
        float(first.terminated),
        1.0,
        float(steps == 1),
    ]
    assert last[1, :-1].tolist() == [0.0] * 5  # the last frame: nothing follows
    assert last[2, -1] == 1.0  # the next episode begins
    at_the_end = clips.images(torch.tensor([len(clips) - 1]))
    assert at_the_end[0, 0, -1] == 0  # padding


@pytest.mark.parametrize(
    ("wrong", "letter"),
    [
        ({"crop": (0.5, 0.5, 0.0, 1.0)}, "crop is .* 0.4 0.8 0 1"),
        ({"size": 30}, "multiple of 4"),
        ({"repeat": 0}, "held for 1 step"),
    ],
)
def test_refused_settings(wrong, letter) -> None:
    with pytest.raises(ValueError, match=letter):
        replace(SETTING, **wrong)


def test_refused_folders(tmp_path) -> None:
    with pytest.raises(ValueError, match="simulate record"):
        read_recording(tmp_path)
    folder = written(tmp_path / "frames")
    with pytest.raises(ValueError, match="not empty"):
        write_about(folder, SETTING)
    shard = folder / "episodes-00001.npz"
    shard.write_bytes(shard.read_bytes()[:100])
    with pytest.raises(ValueError, match="damaged"):
        read_recording(folder)
    for about, letter in (("{}", "damaged"), ('{"format": 2}', "its format is 2, and 1 is read")):
        (folder / ABOUT).write_text(about)
        with pytest.raises(ValueError, match=letter):
            read_recording(folder)
    write_about(tmp_path / "empty", SETTING)
    with pytest.raises(ValueError, match="no episode"):
        read_recording(tmp_path / "empty")


def test_recordings_of_two_settings_do_not_join() -> None:
    one = recording()
    assert one.joined(one).num_steps == 2 * one.num_steps
    with pytest.raises(ValueError, match="same flags"):
        one.joined(replace(one, setting=replace(SETTING, repeat=2)))
