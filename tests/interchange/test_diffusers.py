"""The AutoencoderKL layout: its names and fields, there and back, and as diffusers itself opens it."""

import importlib.util
import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from latentia.cli import main
from latentia.interchange import export_autoencoder, import_autoencoder
from latentia.interchange.diffusers import CONFIG, WEIGHTS
from latentia.models import ImageAutoencoder
from latentia.recipes import find
from zoo import ZOO, facts

SHAPE = (3, 16, 16)
OPENS = pytest.mark.skipif(
    importlib.util.find_spec("diffusers") is None, reason="needs diffusers: pip install 'latentia[diffusers]'"
)
IMAGES = torch.rand(2, *SHAPE, generator=torch.Generator().manual_seed(0)) * 2 - 1


def model(**arguments: object) -> ImageAutoencoder:
    torch.manual_seed(0)
    made = find("hybrid.autoencoder_kl")(facts(256, channels=3, height=16, width=16), width=8, **arguments)
    assert isinstance(made.model, ImageAutoencoder)
    made.model.latent_prior.centre.fill_(0.25)
    made.model.latent_prior.variance.fill_(4.0)
    return made.model.eval().requires_grad_(False)


def test_fields_of_the_configuration(tmp_path) -> None:
    folder = export_autoencoder(model(attention=True, latent_channels=5), tmp_path / "vae")
    config = json.loads((folder / CONFIG).read_text())
    assert config["scaling_factor"] == pytest.approx(0.5)
    assert config["shift_factor"] == pytest.approx(0.25)
    del config["scaling_factor"], config["shift_factor"]
    assert config == {
        "_class_name": "AutoencoderKL",
        "act_fn": "silu",
        "block_out_channels": [8, 16, 16],
        "down_block_types": ["DownEncoderBlock2D"] * 3,
        "force_upcast": True,
        "in_channels": 3,
        "latent_channels": 5,
        "layers_per_block": 1,
        "mid_block_add_attention": True,
        "norm_num_groups": 2,
        "out_channels": 3,
        "sample_size": 16,
        "up_block_types": ["UpDecoderBlock2D"] * 3,
        "use_post_quant_conv": True,
        "use_quant_conv": True,
    }


BLOCK = ["norm1", "conv1", "norm2", "conv2"]
ATTENTION = ["group_norm", "to_q", "to_k", "to_v", "to_out.0"]


def expected_names() -> set[str]:
    """Names of the layers of the layout with three widths, of which the first two differ."""
    middle = [f"mid_block.resnets.{i}.{part}" for i in (0, 1) for part in BLOCK]
    middle += [f"mid_block.attentions.0.{part}" for part in ATTENTION]
    ends = ["conv_in", "conv_norm_out", "conv_out"]
    encoder = [f"down_blocks.{level}.resnets.0.{part}" for level in range(3) for part in BLOCK]
    encoder += ["down_blocks.1.resnets.0.conv_shortcut"]
    encoder += [f"down_blocks.{level}.downsamplers.0.conv" for level in (0, 1)]
    pairs = [(level, index) for level in range(3) for index in (0, 1)]
    decoder = [f"up_blocks.{level}.resnets.{index}.{part}" for level, index in pairs for part in BLOCK]
    decoder += ["up_blocks.2.resnets.0.conv_shortcut"]
    decoder += [f"up_blocks.{level}.upsamplers.0.conv" for level in (0, 1)]
    layers = [f"encoder.{name}" for name in encoder + middle + ends]
    layers += [f"decoder.{name}" for name in decoder + middle + ends] + ["quant_conv", "post_quant_conv"]
    return {f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias")}


def test_names_of_the_weights(tmp_path) -> None:
    weights = load_file(export_autoencoder(model(attention=True), tmp_path / "vae") / WEIGHTS)
    assert set(weights) == expected_names()
    assert weights["quant_conv.weight"].shape == (8, 8, 1, 1)
    assert weights["encoder.mid_block.attentions.0.to_q.weight"].shape == (16, 16)


@pytest.mark.parametrize("attention", [False, True])
def test_there_and_back(attention, tmp_path) -> None:
    ours = model(attention=attention)
    back = import_autoencoder(export_autoencoder(ours, tmp_path / "vae"), SHAPE)
    latents = ours.encode(IMAGES)
    assert torch.equal(latents.mean, back.encode(IMAGES).mean)
    assert torch.equal(ours.decode(latents.mean).mean, back.decode(latents.mean).mean)
    assert float(back.latent_prior.scale) == pytest.approx(2.0)
    assert float(back.latent_prior.centre) == pytest.approx(0.25)
    assert back.sample(2).shape == (2, *SHAPE)


def test_a_layout_without_its_1_x_1_convolutions(tmp_path) -> None:
    folder = export_autoencoder(model(), tmp_path / "vae")
    weights, config = load_file(folder / WEIGHTS), json.loads((folder / CONFIG).read_text())
    save_file({name: value for name, value in weights.items() if "quant_conv" not in name}, folder / WEIGHTS)
    without = {"use_quant_conv": False, "use_post_quant_conv": False}
    (folder / CONFIG).write_text(json.dumps(config | without))
    back = import_autoencoder(folder, SHAPE)
    assert torch.allclose(back.encoder.quant_conv(IMAGES[:, :1].expand(2, 8, 16, 16)), IMAGES[:, :1])


def test_old_names_of_attention(tmp_path) -> None:
    ours = model(attention=True)
    folder = export_autoencoder(ours, tmp_path / "vae")
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    weights = load_file(folder / WEIGHTS)
    for new, name in old.items():
        weights = {key.replace(f".{new}.", f".{name}."): value for key, value in weights.items()}
    save_file(weights, folder / WEIGHTS)
    assert torch.equal(ours.encode(IMAGES).mean, import_autoencoder(folder, SHAPE).encode(IMAGES).mean)


@OPENS
@pytest.mark.parametrize("attention", [False, True])
def test_diffusers_opens_it(attention, tmp_path) -> None:
    from diffusers import AutoencoderKL

    ours = model(attention=attention)
    theirs = AutoencoderKL.from_pretrained(export_autoencoder(ours, tmp_path / "vae"))
    _agree(ours, theirs)
    assert theirs.config.scaling_factor == pytest.approx(0.5)


@OPENS
@pytest.mark.parametrize("quant", [False, True])
def test_what_diffusers_saves_is_read(quant, tmp_path) -> None:
    from diffusers import AutoencoderKL

    torch.manual_seed(0)
    theirs = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(8, 16, 32),
        layers_per_block=2,
        norm_num_groups=4,
        use_quant_conv=quant,
        use_post_quant_conv=quant,
    )
    theirs.save_pretrained(tmp_path)
    _agree(import_autoencoder(tmp_path, SHAPE), theirs)


@torch.no_grad()
def _agree(ours: ImageAutoencoder, theirs) -> None:
    mine, other = ours.encode(IMAGES), theirs.encode(IMAGES).latent_dist
    assert torch.allclose(mine.mean, other.mean.flatten(1), rtol=0, atol=1e-5)
    assert torch.allclose(mine.log_std.exp(), other.std.flatten(1), rtol=0, atol=1e-5)
    images = theirs.decode(other.mean).sample.clamp(-1, 1)
    assert torch.allclose(ours.decode(mine.mean).mean, images, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["vae.gaussian", "hybrid.vqgan"])
def test_other_models_are_refused(name, tmp_path) -> None:
    with pytest.raises(ValueError, match=r"AutoencoderKL layout.*is none.*hybrid\.autoencoder_kl"):
        export_autoencoder(ZOO[name]().model, tmp_path / "vae")
    assert not (tmp_path / "vae").exists()


def test_a_folder_with_something_in_it_is_left_alone(tmp_path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ValueError, match="not an empty folder"):
        export_autoencoder(model(), tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_what_cannot_be_read_is_a_letter(tmp_path) -> None:
    with pytest.raises(ValueError, match=r"has no config\.json.*the one called vae"):
        import_autoencoder(tmp_path, SHAPE)
    folder = export_autoencoder(model(), tmp_path / "vae")
    with pytest.raises(ValueError, match=r"in_channels 3, and only 1"):
        import_autoencoder(folder, (1, 16, 16))
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps({**config, "_class_name": "AutoencoderTiny"}))
    with pytest.raises(ValueError, match="_class_name 'AutoencoderTiny', and only 'AutoencoderKL'"):
        import_autoencoder(folder, SHAPE)
    (folder / CONFIG).write_text(json.dumps({**config, "layers_per_block": 2}))
    with pytest.raises(ValueError, match=r"not those of the configuration.*missing, unknown.*decoder\.up"):
        import_autoencoder(folder, SHAPE)


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
def test_damaged_files_are_letters(name, tmp_path) -> None:
    folder = export_autoencoder(model(), tmp_path / "vae")
    (folder / name).write_bytes((folder / name).read_bytes()[:100])
    with pytest.raises(ValueError, match="is damaged"):
        import_autoencoder(folder, SHAPE)
    (folder / CONFIG).write_text("[]")
    with pytest.raises(ValueError, match="holds a list and no configuration"):
        import_autoencoder(folder, SHAPE)


def test_the_command_exports_a_run(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("LATENTIA_CACHE", str(tmp_path / "cache"))
    small = ["--width", "4", "--critic-width", "4", "--prior-width", "8", "--prior-depth", "1"]
    words = ["train", "hybrid.autoencoder_kl", "digits", "--images", "32", *small]
    assert main([*words, "--out", str(tmp_path / "run")]) == 0
    assert main(["export", str(tmp_path / "run"), "--to", "diffusers", "--out", str(tmp_path / "vae")]) == 0
    assert "the autoencoder of hybrid.autoencoder_kl" in capsys.readouterr().out
    assert import_autoencoder(tmp_path / "vae", (1, 8, 8)).image_shape == (1, 8, 8)
