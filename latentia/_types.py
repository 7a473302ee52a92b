"""The vocabulary of shapes: every public signature is written in these words.

Tensors are checked against them at run time in the tests (jaxtyping with beartype); in use they cost
nothing.
"""

from jaxtyping import Float, Int64, UInt8
from torch import Tensor

Images = Float[Tensor, "batch channels height width"]
"""Images as networks see them: values in [-1, 1]."""

Pixels = UInt8[Tensor, "batch channels height width"]
"""Images as screens and files hold them: 0 to 255."""

Latents = Float[Tensor, "batch latents"]
"""One flat vector an image."""

Actions = Float[Tensor, "batch actions"]
"""What is done in each of several environments, as a vector: one-hot, or numbers from -1 to 1."""

Memory = Float[Tensor, "batch memory"]
"""What a model of a world keeps of what was seen and done."""

PerImage = Float[Tensor, "batch"]
"""One number an image: a log-probability in nats, a loss term, a score."""

Known = Float[Tensor, "batch 1 height width"]
"""Where something is known of an image: 1, and 0 elsewhere."""

Measured = Float[Tensor, "batch measured height width"]
"""What was measured of images, of their size, and in one more channel where it is known."""

Given = Int64[Tensor, "batch"] | Float[Tensor, "batch attributes"] | Measured
"""What a conditional model is told of each image: its class, its attributes, or what was measured of it."""
