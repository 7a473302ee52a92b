import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from latentia.data.decoding import Frame, look, render, strictly

GREY, COLOUR = Frame(1, 8, 8), Frame(3, 8, 8)


def encoded(image: Image.Image, form: str = "PNG", **options) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def half(mode: str, left, right) -> Image.Image:
    image = Image.new(mode, (8, 8), left)
    image.paste(right, (4, 0, 8, 8))
    return image


@pytest.mark.parametrize(
    ("mode", "left", "right", "form"),
    [
        ("1", 0, 1, "PNG"),
        ("L", 0, 255, "PNG"),
        ("P", 0, 1, "PNG"),
        ("RGB", (0, 0, 0), (255, 255, 255), "PNG"),
        ("RGBA", (0, 0, 0, 255), (9, 9, 9, 0), "PNG"),  # transparent: the white below shows
        ("LA", (0, 255), (9, 0), "PNG"),
        ("CMYK", (255, 255, 255, 255), (0, 0, 0, 0), "TIFF"),
        ("I;16", 0, 65535, "PNG"),
        ("I", 0, 65535, "TIFF"),
        ("F", 0.0, 1.0, "TIFF"),
        ("YCbCr", (0, 128, 128), (255, 128, 128), "TIFF"),
    ],
)
@pytest.mark.parametrize("frame", [GREY, COLOUR])
def test_every_mode_becomes_black_and_white(mode, left, right, form, frame):
    image = half(mode, left, right)
    if mode == "P":
        image.putpalette([0, 0, 0, 255, 255, 255])
    pixels = render(encoded(image, form), frame)
    assert pixels.shape == (frame.channels, 8, 8)
    assert pixels.dtype == np.uint8
    assert pixels[:, :, :4].max() <= 2
    assert pixels[:, :, 4:].min() >= 253


@pytest.mark.parametrize(("background", "level"), [("white", 255), ("black", 0), ("grey", 128)])
def test_transparent_palette_shows_the_background(background, level):
    image = half("P", 0, 1)
    image.putpalette([200, 0, 0, 0, 0, 200])
    data = encoded(image, transparency=1)
    pixels = render(data, Frame(3, 8, 8, background=background))
    assert look(data).transparent
    assert (pixels[:, :, 4:] == level).all()
    assert pixels[0, 0, 0] == 200


def test_16_bits_are_kept_while_resizing():
    # Two 16-bit levels that are one in 8 bits: their mean, 0.5 x 257 above, tells whether depth was kept.
    values = np.full((16, 16), 100 * 257, dtype=np.uint16)
    values[:, ::2] += 257
    pixels = render(encoded(Image.fromarray(values)), GREY)
    assert set(np.unique(pixels[0, :, 1:-1])) <= {100, 101}
    values[:] = 128 * 257 + 127
    assert (render(encoded(Image.fromarray(values)), GREY) == 128).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation):
    upright = np.zeros((8, 12), dtype=np.uint8)
    upright[:4, :4] = 255
    turn_back = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: np.transpose,
        6: np.rot90,
        7: lambda a: np.rot90(a, 2).T,
        8: lambda a: np.rot90(a, -1),
    }
    stored = Image.fromarray(np.ascontiguousarray(turn_back[orientation](upright)))
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(stored, exif=exif)
    seen = look(data)
    assert (seen.width, seen.height) == (12, 8)
    assert np.array_equal(render(data, Frame(1, 8, 12))[0], upright)


def test_crop_takes_the_centre_and_pad_keeps_all():
    wide = Image.new("RGB", (24, 8), (255, 0, 0))
    wide.paste((0, 255, 0), (8, 0, 16, 8))
    cropped = render(encoded(wide), COLOUR)
    assert (cropped[1] == 255).all()
    assert (cropped[0] == 0).all()
    padded = render(encoded(wide), Frame(3, 8, 8, fit="pad", background="black"))
    assert (padded[:, :2] == 0).all()
    assert (padded[:, 6:] == 0).all()
    assert padded[0, 3:5, 0].min() > 200
    assert padded[1, 3:5, 4].min() > 200


def test_shrinking_is_antialiased():
    stripes = np.zeros((64, 64), dtype=np.uint8)
    stripes[:, ::2] = 255
    pixels = render(encoded(Image.fromarray(stripes)), GREY)
    assert np.abs(pixels.astype(int) - 127).max() < 12, "a comb of black and white becomes grey"


def test_large_photographs_are_halved_while_decoding_without_harm():
    ramp = np.tile(np.linspace(0, 255, 512).astype(np.uint8), (512, 1))
    pixels = render(encoded(Image.fromarray(ramp), "JPEG", quality=95), GREY)
    expected = render(encoded(Image.fromarray(ramp)), GREY)
    assert np.abs(pixels.astype(int) - expected).max() <= 3


def test_animation_says_so_and_gives_its_first_frame():
    first, second = Image.new("L", (8, 8), 0), Image.new("L", (8, 8), 255)
    data = encoded(first, "GIF", save_all=True, append_images=[second])
    assert look(data).frames == 2
    assert (render(data, GREY) == 0).all()


def bomb() -> bytes:
    """The header of a PNG that says 60,000 x 60,000 pixels."""
    body = b"IHDR" + struct.pack(">IIBBBBB", 60000, 60000, 8, 0, 0, 0, 0)
    header = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + header + b"\0\0\0\0IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "zero bytes"),
        (b"just some words\n", "text"),
        (b"\x89PNG\r\n\x1a\n", "not an image|damaged"),
        (b"\x00\x01\x02\x03" * 50, "not an image"),
        (bomb(), "bomb"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "text"),
    ],
    ids=["empty", "words", "magic", "noise", "bomb", "postscript"],
)
def test_bad_files_have_a_reason(data, reason):
    with strictly(), pytest.raises(ValueError, match=reason):
        look(data)


def test_truncated_image_is_not_half_decoded():
    data = encoded(Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)))
    with pytest.raises(ValueError, match="cannot be decoded"):
        render(data[: len(data) // 2], GREY)


MAGICS = (
    b"",
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff\xe0",
    b"GIF89a",
    b"BM",
    b"II*\0",
    b"MM\0*",
    b"P5 9 9 255 ",
)
NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (16, 16), dtype=np.uint8))


def pixels_or_reason(data: bytes) -> np.ndarray | str:
    with strictly():
        try:
            look(data)
            return render(data, GREY)
        except ValueError as error:
            return str(error)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(MAGICS), st.binary(max_size=200))
def test_random_bytes_give_an_image_or_a_reason(magic, tail):
    result = pixels_or_reason(magic + tail)
    assert result if isinstance(result, str) else result.shape == (1, 8, 8)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP"]), st.floats(0, 1), st.integers(0, 255))
def test_one_broken_byte_gives_an_image_or_a_reason(form, place, byte):
    data = bytearray(encoded(NOISE, form))
    data[int(place * (len(data) - 1))] = byte
    result = pixels_or_reason(bytes(data))
    assert result if isinstance(result, str) else result.shape == (1, 8, 8)
