"""Lossless compression of images with a model: bits back on a stack of bits.

The length of the file is the model's evidence lower bound turned into bits, and so a check of it that no
formula of ours can cheat: what was left out would not come back.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from latentia._types import Images
from latentia.distributions.levels import nearest_level
from latentia.tasks.bits_back import Chain, stored_value
from latentia.tasks.packed import Packed


def compress(model: nn.Module, images: Images) -> bytes:
    """Images as few bytes, from which `decompress` makes the same images with the same model.

    One image after another: latents are popped off the stack with q(z|x), which gives back the bits that
    choosing them took; then the pixels are pushed with p(x|z) and the latents with p(z). An image adds
    -log p(x|z) - log p(z) + log q(z|x), whose mean is the negative evidence lower bound. The stack
    begins with known words, and what the first images pop of them is the only cost above that.

    Args:
        model: One that encodes and decodes, with Gaussian latents, in evaluation mode.
        images: At stored levels, in [-1, 1], at least one, on the model's device.

    Returns:
        A file's content, header included.

    Raises:
        ValueError: If the model or the images do not fit, or the library `constriction` is missing.

    Note:
        Images are read again with the same weights, the same versions of the libraries and the same kind
        of processor, since a network's output has to be the same to the last bit. A digest in the file
        tells when it was not.

    Source:
        Townsend et al. 2019 (arXiv:1901.04866), section 2. Differs in that the cells of
        latents are equally wide, not equally probable.
    """
    chain = Chain.of(model)
    levels = chain.levels()
    images = _as_stored(images, levels)
    first_words = chain.first_words()
    coder = chain.stream.stack.AnsCoder(first_words)
    with _repeatable():
        chain.push(coder, images)
    words = coder.get_compressed()
    shared = min(len(words), len(first_words))
    differs = words[:shared] != first_words[:shared]
    unused = int(differs.argmax()) if differs.any() else shared
    return Packed(
        num_images=len(images),
        image_shape=(images.shape[1], images.shape[2], images.shape[3]),
        levels=levels,
        lent=len(first_words) - unused,
        model=_digest_of_weights(model),
        contents=_digest_of_levels(images, levels),
        words=words[unused:],
    ).to_bytes()


def decompress(model: nn.Module, data: bytes) -> Images:
    """The images that `compress` made into bytes, bit for bit and in their order.

    Args:
        model: The one that compressed them, in evaluation mode.
        data: What `compress` returned.

    Raises:
        ValueError: If the data is damaged or not of this kind, the model is another one, or the library
            `constriction` is missing.
    """
    packed = Packed.from_bytes(data)
    if packed.model != _digest_of_weights(model):
        raise ValueError(
            "These images were compressed with another model: its weights differ. Name the run that "
            "compressed them, as it was then."
        )
    chain = Chain.of(model)
    first_words = chain.first_words()
    words = np.concatenate([first_words[: len(first_words) - packed.lent], packed.words])
    coder = chain.stream.stack.AnsCoder(words)
    with _repeatable():
        images = chain.pop(coder, packed.num_images, packed.image_shape)
    if _digest_of_levels(images, packed.levels) != packed.contents:
        raise ValueError(
            "What came out is not what was compressed: the file is damaged, or this machine or its version "
            "of PyTorch computes other last bits than the one that wrote it. Decompress it there."
        )
    return images


def _as_stored(images: Images, levels: int) -> Images:
    """Images as they will be read, to the last bit of their values."""
    if not len(images):
        raise ValueError("There are no images to compress; at least 1 is expected.")
    stored = stored_value(nearest_level(images, levels), levels)
    if not torch.allclose(images, stored, rtol=0, atol=1e-5):
        raise ValueError(
            f"Some pixels lie between the {levels} levels that the model knows, and would not come back. "
            f"Compress images as the store gives them, unchanged."
        )
    return stored


@contextmanager
def _repeatable() -> Iterator[None]:
    """One thread and no gradients: sums then always run in the same order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.no_grad():
            yield
    finally:
        torch.set_num_threads(threads)


def _digest_of_levels(images: Images, levels: int) -> bytes:
    level = nearest_level(images, levels).to(torch.uint8).cpu().contiguous()
    return hashlib.sha256(level.numpy().tobytes()).digest()[:16]


def _digest_of_weights(model: nn.Module) -> bytes:
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.digest()[:16]
