"""Zip and tar archives, read where they lie: nothing of them is ever written to disk by its name."""

import bz2
import gzip
import lzma
import tarfile
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Callable
from io import BufferedIOBase
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from latentia.data.contents import Contents
from latentia.data.folders import LARGEST_FILE, is_hidden, is_image_name

_OPENERS: dict[bytes, Callable[[Path], BufferedIOBase]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ": lzma.open,
}
_DAMAGE = (zipfile.BadZipFile, tarfile.TarError, EOFError, RuntimeError, lzma.LZMAError, zlib.error)
_HARMLESS, _MOST_PACKED = 2**30, 200
"""Bytes, and times its own size, beyond both of which what unpacks is no set of images."""
_LINK_IN_ZIP = 0o120000
Members = dict[str, Callable[[], bytes]]
"""From the name of each file in an archive to what reads it."""


def is_archive(path: Path) -> bool:
    """Whether a file is a zip or tar archive, by its content."""
    return zipfile.is_zipfile(path) or _is_tar(path)


def members(path: Path) -> tuple[Members, dict[str, str]]:
    """The files of an archive, and those that are not read, with the reason.

    Links and hidden files are passed over. A compressed tar is unpacked once into an anonymous
    temporary file, because it can only be read from front to back.

    Raises:
        ValueError: If the archive is damaged.
    """
    try:
        found = _zip_members(path) if zipfile.is_zipfile(path) else _tar_members(path)
    except (*_DAMAGE, OSError) as error:
        raise ValueError(f"cannot read the archive {path.name}: {error}. Fetch or pack it again.") from error
    bad = {name: "its name leads out of the archive" for name in found if _leads_out(name)}
    names = sorted(name for name in found if name not in bad and not is_hidden(name))
    return {name: found[name] for name in names}, bad


def list_archive(files: Members, bad: dict[str, str]) -> Contents:
    """The images among the files of an archive, as `members` found them."""
    images = [name for name in files if is_image_name(name)]
    return Contents(images, lambda index: files[images[index]](), bad=bad, ignored=len(files) - len(images))


def _leads_out(name: str) -> bool:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return ".." in parts or name.startswith("/") or bool(PureWindowsPath(name).drive)


def _read_whole(name: str, file: Any) -> bytes:
    data: bytes = file.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise ValueError(f"{name} unpacks to more than {LARGEST_FILE:,} bytes, too large for one image")
    return data


def _zip_members(path: Path) -> Members:
    archive = zipfile.ZipFile(path)

    def reader(info: zipfile.ZipInfo) -> Callable[[], bytes]:
        def read() -> bytes:
            try:
                with archive.open(info) as file:
                    return _read_whole(info.filename, file)
            except _DAMAGE as error:  # a RuntimeError means a password or an unknown compression
                raise ValueError(f"damaged or locked in the archive: {error}") from error

        return read

    return {
        info.filename: reader(info)
        for info in archive.infolist()
        if not info.is_dir() and info.external_attr >> 16 & 0o170000 != _LINK_IN_ZIP
    }


def _is_tar(path: Path) -> bool:
    try:
        return tarfile.is_tarfile(path)
    except (OSError, EOFError, lzma.LZMAError, zlib.error):
        return False


def _tar_members(path: Path) -> Members:
    file = _unpacked(path)
    lock = threading.Lock()

    def reader(info: tarfile.TarInfo) -> Callable[[], bytes]:
        def read() -> bytes:
            if info.size > LARGEST_FILE:
                raise ValueError(f"{info.size:,} bytes, too large for one image")
            with lock:
                file.seek(info.offset_data)
                data = file.read(info.size)
            if len(data) < info.size:
                raise ValueError("the archive ends within this file")
            return data

        return read

    with tarfile.open(fileobj=file) as archive:
        return {info.name: reader(info) for info in archive if info.isreg() and not info.issparse()}


def _unpacked(path: Path) -> BufferedIOBase:
    """The archive without its compression."""
    packed = path.open("rb")
    start = packed.read(8)
    opener = next((opener for magic, opener in _OPENERS.items() if start.startswith(magic)), None)
    if opener is None:
        packed.seek(0)
        return packed
    packed.close()
    plain = tempfile.TemporaryFile()  # noqa: SIM115  (read from until nobody holds it)
    with opener(path) as stream:
        while piece := stream.read(2**20):
            plain.write(piece)
            if plain.tell() > max(_HARMLESS, _MOST_PACKED * path.stat().st_size):
                raise ValueError(
                    f"{path.name} unpacks to over {_MOST_PACKED} times its size: a bomb, no images."
                )
    plain.seek(0)
    return plain
