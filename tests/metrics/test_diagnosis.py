"""The doctor: models made ill on purpose, and one that is healthy by construction."""

import math

import pytest
import torch

from latentia.metrics import diagnose
from latentia.metrics.diagnosis import log_of_training
from latentia.models import LinearVariationalAutoencoder, VariationalAutoencoder
from zoo import SHAPE, ZOO

LEVELS, LATENTS = 256, 3


def healthy() -> LinearVariationalAutoencoder:
    """A linear model whose posterior is the true one, to be examined on its own draws."""
    torch.manual_seed(0)
    model = LinearVariationalAutoencoder(image_shape=SHAPE, num_latents=LATENTS, levels=LEVELS)
    directions = torch.linalg.qr(torch.randn(math.prod(SHAPE), LATENTS))[0]
    model.loadings.data.copy_(directions * torch.tensor([1.2, 0.9, 0.6]))
    model.likelihood.log_std.data.fill_(math.log(0.1))
    variance = float(model.likelihood.shared_std().detach()) ** 2
    inner = torch.eye(LATENTS) + model.loadings.data.T @ model.loadings.data / variance
    model.recognition.data.copy_(torch.linalg.solve(inner, model.loadings.data.T) / variance)
    model.latent_log_std.data.copy_(-0.5 * inner.diagonal().log())
    return model.eval()


def images(model: LinearVariationalAutoencoder, seed: int) -> torch.Tensor:
    with torch.no_grad():
        return model.sample(300, generator=torch.Generator().manual_seed(seed))


def unhealthy_topics(model: object, train: torch.Tensor, held_out: torch.Tensor) -> set[str]:
    findings = diagnose(model, train, held_out, levels=LEVELS)
    assert [f.healthy for f in findings] == sorted(f.healthy for f in findings), "what matters comes first"
    assert all(bool(f.advice) != f.healthy for f in findings)
    return {f.topic for f in findings if not f.healthy}


def test_a_healthy_model_is_left_in_peace() -> None:
    model = healthy()
    findings = diagnose(model, images(model, 1), images(model, 2), levels=LEVELS)
    assert all(finding.healthy for finding in findings), "\n".join(map(str, findings))
    assert "3 of 3 latents are active" in str(findings[0])


def test_a_collapsed_posterior_and_a_deaf_decoder() -> None:
    model = healthy()
    train, held_out = images(model, 1), images(model, 2)
    model.recognition.data.zero_()
    model.latent_log_std.data.zero_()
    model.loadings.data.zero_()
    assert {"posterior", "decoder"} <= unhealthy_topics(model, train, held_out)


def test_an_aggregate_that_left_the_prior() -> None:
    model = healthy()
    train, held_out = images(model, 1), images(model, 2)
    model.recognition.data *= 3
    model.loadings.data /= 3
    assert "prior" in unhealthy_topics(model, train, held_out)


@pytest.mark.parametrize(("log_std", "said"), [(-20.0, "certain"), (20.0, "run away")])
def test_a_variance_at_either_end(log_std: float, said: str) -> None:
    model = healthy()
    train, held_out = images(model, 1), images(model, 2)
    model.likelihood.log_std.data.fill_(log_std)
    findings = {f.topic: f for f in diagnose(model, train, held_out, levels=LEVELS)}
    assert not findings["sigma"].healthy
    assert said in findings["sigma"].meaning


def test_images_learned_by_heart() -> None:
    model = healthy()
    assert "fit" in unhealthy_topics(model, images(model, 1), (images(model, 2) * 1.3).clamp(-1, 1))


def test_a_posterior_far_from_the_true_one() -> None:
    model = healthy()
    train, held_out = images(model, 1), images(model, 2)
    model.latent_log_std.data += 2.5
    assert "draws" in unhealthy_topics(model, train, held_out)


def rows(bounds: list[float], skipped: float = 0) -> list[dict[str, object]]:
    return [{"validation": {"bound": bound}, "skipped": {"one": skipped}} for bound in bounds]


@pytest.mark.parametrize(
    ("bounds", "healthy", "said"),
    [
        ([-300, -200, -150, -120, -100, -80, -70, -60], False, "still improving"),
        ([-300, -200, -120, -101, -100.2, -100.1, -100.1, -100.0], True, "settled"),
        ([-300, -200, -120, -100, -105, -110, -120, -130], False, "too long"),
    ],
)
def test_the_length_of_a_run(bounds: list[float], healthy: bool, said: str) -> None:
    (finding,) = log_of_training(rows(bounds))
    assert finding.healthy is healthy
    assert said in finding.meaning


def test_steps_that_were_passed_over() -> None:
    assert [f.topic for f in log_of_training(rows([1.0], 3))] == ["steps"]
    assert log_of_training(rows([1.0], 30))[0].healthy is False
    assert log_of_training([]) == []


def test_a_network_is_examined_like_any_other() -> None:
    model = ZOO["vae.gaussian"]().model.eval()
    assert isinstance(model, VariationalAutoencoder)
    levels = torch.randint(0, 17, (60, *SHAPE), generator=torch.Generator().manual_seed(0))
    seen = levels.float() / 8 - 1
    topics = {f.topic for f in diagnose(model, seen, seen, levels=17)}
    assert topics == {"posterior", "decoder", "prior", "sigma", "fit", "draws"}


def test_an_implicit_model_has_no_such_ailments() -> None:
    with pytest.raises(ValueError, match=r"diagnose needs a model that can say how likely"):
        diagnose(ZOO["gan.dcgan"]().model.eval(), torch.zeros(4, *SHAPE), torch.zeros(4, *SHAPE), levels=17)
