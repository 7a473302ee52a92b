import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from latentia.cli import main

SMALL = ["--width", "4", "--num-latents", "4"]


class Ended(NamedTuple):
    """How a command ended: its exit code, and what it wrote."""

    code: int
    out: str
    err: str

    def json(self):
        return json.loads(self.out)


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory) -> Path:
    """A cache of prepared data that lasts for these tests."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("LATENTIA_CACHE", str(folder))
        yield folder


@pytest.fixture
def latentia(capsys) -> Callable[..., Ended]:
    """Runs a command in this process."""

    def run(*words: object) -> Ended:
        capsys.readouterr()
        code = main([str(word) for word in words])
        return Ended(code, *capsys.readouterr())

    return run


def _trained(recipe: str, folder: Path) -> Path:
    assert main(["train", recipe, "digits", "--out", str(folder), "--images", "128", *SMALL]) == 0
    return folder


@pytest.fixture(scope="session")
def vae(tmp_path_factory, cache) -> Path:
    """Folder of a VAE that has seen 128 digits."""
    return _trained("vae.gaussian", tmp_path_factory.mktemp("runs") / "vae")


@pytest.fixture(scope="session")
def gan(tmp_path_factory, cache) -> Path:
    """Folder of a GAN that has seen 128 digits."""
    return _trained("gan.dcgan", tmp_path_factory.mktemp("runs") / "gan")
