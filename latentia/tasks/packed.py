"""The file of compressed images: a header that says what is in it, and the words of the coder's stack."""

import struct
import zlib
from dataclasses import dataclass

import numpy as np

MAGIC = b"latentia packed\x01"  # the last byte is the version of the format
_FIELDS = struct.Struct("<IHHHHI16s16s")
_CHECK = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Packed:
    """Compressed images as they lie in a file.

    Attributes:
        num_images: How many.
        image_shape: (channels, height, width).
        levels: Levels of a pixel.
        lent: Words that the stack held at first and that the coder has used: what starting the chain cost.
        model: Digest of the model's weights, without which nothing can be read.
        contents: Digest of the images' levels.
        words: The stack, less those of its first words that were never used.
    """

    num_images: int
    image_shape: tuple[int, int, int]
    levels: int
    lent: int
    model: bytes
    contents: bytes
    words: np.ndarray

    @property
    def bits_per_dim(self) -> float:
        """Size of the whole file, in bits a dimension of the images."""
        return 8 * len(self.to_bytes()) / self._num_dims

    @property
    def net_bits_per_dim(self) -> float:
        """The same without the header and without what was lent to start the chain."""
        return 32 * (len(self.words) - self.lent) / self._num_dims

    def to_bytes(self) -> bytes:
        """The file."""
        header = _FIELDS.pack(
            self.num_images,
            *self.image_shape,
            self.levels,
            self.lent,
            self.model,
            self.contents,
        )
        body = header + self.words.astype("<u4").tobytes()
        return MAGIC + _CHECK.pack(zlib.crc32(body)) + body

    @classmethod
    def from_bytes(cls, data: bytes) -> "Packed":
        """Read a file.

        Raises:
            ValueError: If it is no such file, or not a whole one.
        """
        if not data.startswith(MAGIC):
            raise ValueError("This is another file than `latentia compress` of this version writes.")
        body = data[len(MAGIC) + _CHECK.size :]
        if len(body) < _FIELDS.size or _CHECK.unpack_from(data, len(MAGIC))[0] != zlib.crc32(body):
            raise ValueError("The compressed file is cut short or damaged. Copy it again.")
        num_images, channels, height, width, levels, lent, model, contents = _FIELDS.unpack_from(body)
        words = np.frombuffer(body, "<u4", offset=_FIELDS.size).astype(np.uint32)
        return cls(num_images, (channels, height, width), levels, lent, model, contents, words)

    @property
    def _num_dims(self) -> int:
        channels, height, width = self.image_shape
        return self.num_images * channels * height * width
