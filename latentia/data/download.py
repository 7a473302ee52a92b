"""Fetches a published file once: checked, and under its name only when it is whole."""

import hashlib
import os
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path

from tqdm import tqdm

_PIECE = 2**18
_PATIENCE = 30.0
"""Seconds without a byte after which a server is given up."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A file on a server.

    Attributes:
        url: Its address.
        sha256: What its bytes must add up to, as hexadecimal digits.
        file: Name to keep it under; without it, the last part of the address.
    """

    url: str
    sha256: str
    file: str = ""

    @property
    def name(self) -> str:
        """Name that the file is kept under."""
        return self.file or self.url.rsplit("/", 1)[-1]


def fetch(remote: Remote, folder: Path, *, progress: bool = True) -> Path:
    """Download a file into a folder, if it does not lie there already.

    Args:
        remote: What to fetch.
        folder: Where to keep it; made where it does not exist.
        progress: Whether a bar is shown.

    Returns:
        The file.

    Raises:
        ValueError: If the server cannot be reached, if the bytes are not those expected, or if the folder
            cannot be written to.
    """
    path = folder / remote.name
    if path.is_file():
        return path
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f"{remote.name}-", dir=folder)
    except OSError as error:
        letter = f"cannot write to {folder}: {error.strerror}. Set LATENTIA_CACHE to another folder."
        raise ValueError(letter) from error
    try:
        with os.fdopen(handle, "wb") as out:
            found = _copy(remote, out, progress=progress)
        if found != remote.sha256:
            raise ValueError(
                f"{remote.url} has the SHA-256 {found}, expected {remote.sha256}: it is damaged or another "
                "file. Try again, or put your own copy under --data-root."
            )
        os.replace(temporary, path)
    except (urllib.error.URLError, OSError) as error:
        raise ValueError(
            f"cannot download {remote.url}: {getattr(error, 'reason', error)}. Check the connection, or put "
            "the file into a folder of its name and point --data-root or LATENTIA_DATA to the folder above."
        ) from error
    finally:
        Path(temporary).unlink(missing_ok=True)
    return path


def _copy(remote: Remote, out: BufferedIOBase, *, progress: bool) -> str:
    """Write the server's bytes, and return their SHA-256."""
    digest = hashlib.sha256()
    with urllib.request.urlopen(remote.url, timeout=_PATIENCE) as answer:
        total = int(answer.headers.get("Content-Length") or 0) or None
        with tqdm(
            total=total, desc=f"downloading {remote.name}", unit="B", unit_scale=True, disable=not progress
        ) as bar:
            while piece := answer.read(_PIECE):
                out.write(piece)
                digest.update(piece)
                bar.update(len(piece))
    return digest.hexdigest()
