"""The importance-weighted evaluator against pythae's `get_nll`, on the same models and the same images.

    python benchmarks/likelihood_evaluator.py DATA_ROOT

Needs `pip install pythae==0.1.2` and MNIST under DATA_ROOT (see docs/data.md). Two models are trained for a
moment; pythae gets their weights, in layers of torch as its users have them, and once more in our own layers,
so that one sees what the evaluator does and what the layers do. Both evaluators run on one thread and take
turns, so that other programs slow both alike; seconds are those of the processor. The column "same noise" is
the largest difference of the two bounds of an image when both are handed the same draws of noise.
"""

import argparse
import itertools
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from torch import Tensor, nn

import latentia
from latentia.data import Preparation, prepare
from latentia.losses import importance_weighted_bound, log_importance_weights
from latentia.metrics import evaluate_likelihood
from latentia.models import VariationalAutoencoder
from latentia.networks import ConvolutionalDecoder
from latentia.networks.convolutional import Doubling

NETWORKS = {
    "MLP 784-200-200-50": {"network": "mlp", "width": 200, "num_latents": 50},
    "convolutional, as in `vae.beta`": {"network": "convolutional", "width": 32, "num_latents": 32},
}
TURNS = 4


class Encoder(BaseEncoder):
    """Our encoder as pythae calls it: images in [0, 1], the logarithm of the variance."""

    def __init__(self, model: VariationalAutoencoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> ModelOutput:
        posterior = self.model.encode(2 * images - 1)
        return ModelOutput(embedding=posterior.mean, log_covariance=2 * posterior.log_std)


class Decoder(BaseDecoder):
    """A decoder as pythae calls it: probabilities of white pixels."""

    def __init__(self, network: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.network, self.head = network, head

    def forward(self, latents: Tensor) -> ModelOutput:
        return ModelOutput(reconstruction=torch.sigmoid(self.head(self.network(latents)).logits))


def in_layers_of_torch(network: nn.Module) -> nn.Module:
    """A decoder with the same weights and nothing but layers of torch."""
    if not isinstance(network, ConvolutionalDecoder):
        return network
    layers = [network.first, nn.Unflatten(1, network.base)]
    for layer in network.levels:
        if isinstance(layer, Doubling):
            plain = nn.ConvTranspose2d(layer.in_channels, layer.out_channels, 4, stride=2, padding=1)
            plain.load_state_dict(layer.state_dict())
            layers.append(plain)
        else:
            layers.append(layer)
    return nn.Sequential(*layers)


def as_peers(model: VariationalAutoencoder, num_latents: int) -> dict[str, VAE]:
    """The same weights in pythae's model, by what its decoder is made of."""
    config = VAEConfig(input_dim=model.image_shape, latent_dim=num_latents, reconstruction_loss="bce")
    network, head = model.decoder
    decoders = {"layers of torch": in_layers_of_torch(network), "our layers": network}
    if decoders["layers of torch"] is network:
        del decoders["our layers"]
    return {name: VAE(config, Encoder(model), Decoder(d, head)).eval() for name, d in decoders.items()}


def timed(work: Callable[[], float]) -> tuple[float, float]:
    """A result, and the seconds of the processor that it took."""
    started = time.process_time()
    return work(), time.process_time() - started


@torch.inference_mode()
def compare(model: VariationalAutoencoder, peer: VAE, images: Tensor, draws: int, batch: int) -> list[float]:
    """Turn by turn: our bound of all images, then the peer's of a part of them.

    Returns:
        Our bound and its deviation over seeds, the peer's, our seconds an image and the peer's.
    """
    ours, theirs = [], []
    parts = images.chunk(TURNS)
    evaluate_likelihood(model, images[:2], levels=2, split="test", num_draws=draws)
    for seed, part in enumerate(parts):

        def our_bound(seed: int = seed) -> float:
            return evaluate_likelihood(model, images, levels=2, split="test", num_draws=draws, seed=seed).mean

        def their_bound(part: Tensor = part) -> float:
            return float(peer.get_nll((part + 1) / 2, n_samples=draws, batch_size=batch))

        ours.append(timed(our_bound))
        theirs.append(timed(their_bound))
    bounds = [bound for bound, _ in ours]
    return [
        statistics.fmean(bounds),
        statistics.stdev(bounds),
        sum(bound * len(part) for (bound, _), part in zip(theirs, parts, strict=True)) / len(images),
        sum(seconds for _, seconds in ours) / len(images) / len(ours),
        sum(seconds for _, seconds in theirs) / len(images),
    ]


@torch.inference_mode()
def difference(model: VariationalAutoencoder, peer: VAE, image: Tensor, draws: int, batch: int) -> float:
    """Our bound of one image less the peer's, when both are handed the same noise: in nats."""
    posterior = model.encode(image)
    noise = torch.randn(draws, 1, *posterior.noise_shape)
    log_weights = log_importance_weights(image, posterior, model.prior(), model.decode, noise)
    parts = iter(noise.squeeze(1).split(batch))
    peer._sample_gauss = lambda mean, std: (mean + std * next(parts), None)
    theirs = float(peer.get_nll((image + 1) / 2, n_samples=draws, batch_size=batch))
    del peer._sample_gauss
    return importance_weighted_bound(log_weights).item() - theirs


def main() -> None:
    """Trains both models and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data_root", type=Path)
    parser.add_argument("--num-images", type=int, default=20)
    parser.add_argument("--num-draws", type=int, default=5000)
    parser.add_argument("--train-images", type=int, default=60_000)
    parser.add_argument("--batches", type=int, nargs="+", default=[100, 500], help="batch sizes of the peer")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    os.environ["LATENTIA_DATA"] = str(options.data_root)
    preparation = Preparation(binarise="static")
    images = prepare("mnist", preparation).split("test").images(slice(0, options.num_images))
    titles = ["model", "pythae's layers", "its batch", "ours, nats", "pythae, nats", "same noise"]
    titles += ["ours, s an image", "pythae, s an image", "faster"]
    print(f"| {' | '.join(titles)} |\n|{' --- |' * len(titles)}")
    for name, arguments in NETWORKS.items():
        with tempfile.TemporaryDirectory() as folder:
            model = latentia.train(
                "vae.beta",
                "mnist",
                out=Path(folder) / "run",
                images=options.train_images,
                preparation=preparation,
                **arguments,
            ).model.eval()
        peers = as_peers(model, int(arguments["num_latents"]))
        for (layers, peer), batch in itertools.product(peers.items(), options.batches):
            ours, deviation, theirs, our_seconds, their_seconds = compare(
                model, peer, images, options.num_draws, batch
            )
            gap = max(
                abs(difference(model, peer, image[None], options.num_draws, batch)) for image in images[:3]
            )
            print(
                f"| {name} | {layers} | {batch} | {ours:.3f} ± {deviation:.3f} | {theirs:.3f} | {gap:.0e} "
                f"| {our_seconds:.3f} | {their_seconds:.3f} | {their_seconds / our_seconds:.2f} x |",
                flush=True,
            )


if __name__ == "__main__":
    main()
