"""`latentia evaluate` and `latentia compare`."""

import numpy as np
import pytest

LITTLE = ["--num-samples", 50, "--num-draws", 2]


def test_evaluate_of_an_explicit_model_prints_a_likelihood_and_its_protocol(latentia, vae):
    ended = latentia("evaluate", vae, *LITTLE)
    assert ended.code == 0
    assert "nats an image" in ended.out
    assert "latents are active" in ended.out
    assert "Protocol" in ended.out


def test_evaluate_as_json_is_nothing_but_json(latentia, vae, gan):
    explicit, implicit = (
        latentia("evaluate", vae, "--json", *LITTLE).json(),
        latentia("evaluate", gan, "--json", *LITTLE).json(),
    )
    assert explicit["likelihood"]["mean"] < 0
    assert explicit["latent_use"]["rate"] > 0
    assert implicit["likelihood"] is None
    assert implicit["latent_use"] is None
    assert implicit["family"] == "implicit"


def test_evaluate_is_repeatable(latentia, vae):
    assert (
        latentia("evaluate", vae, "--json", *LITTLE).out == latentia("evaluate", vae, "--json", *LITTLE).out
    )


def test_other_data_with_other_levels_are_refused_for_a_likelihood(latentia, vae, tmp_path):
    np.save(tmp_path / "others.npy", np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8))
    ended = latentia("evaluate", vae, "--data", tmp_path / "others.npy")
    assert ended.code == 2
    assert "17 levels" in ended.err


def test_compare_writes_one_file_that_opens_offline(latentia, vae, gan, tmp_path):
    out = tmp_path / "deep" / "report.html"
    ended = latentia("compare", vae, gan, "--out", out, *LITTLE)
    assert ended.code == 0, ended.err
    page = out.read_text(encoding="utf-8")
    assert "vae.gaussian" in page
    assert "gan.dcgan" in page
    assert "data:image/png;base64" in page
    assert 'src="http' not in page


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["compare", "--out", "r.html"], "at least one run"),
        (["compare", "VAE", "--out", "r.pdf"], "r.html"),
        (["compare", "VAE", "no/run", "--out", "r.html"], "no/run"),
        (["evaluate", "VAE", "--data", "no/where"], "no/where"),
    ],
)
def test_what_cannot_be_judged_is_a_letter(latentia, vae, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    ended = latentia(*(vae if word == "VAE" else word for word in words))
    assert ended.code == 2
    assert said in ended.err
    assert not list(tmp_path.iterdir())


def test_a_diagnosis_speaks_plainly_and_as_json(latentia, vae, gan):
    told = latentia("evaluate", vae, "--diagnose")
    assert told.code == 0, told.err
    assert "latents are active" in told.out
    findings = latentia("evaluate", vae, "--diagnose", "--json").json()
    assert {"posterior", "decoder", "fit"} <= {finding["topic"] for finding in findings}
    refused = latentia("evaluate", gan, "--diagnose")
    assert refused.code == 2
    assert "AdversarialNetwork cannot" in refused.err
