import ast
import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the checkout."""
    return Path(__file__).parents[2]


@pytest.fixture(scope="session")
def trees(repository) -> dict[Path, ast.Module]:
    """Every module of the package, parsed."""
    return {path: ast.parse(path.read_text()) for path in sorted((repository / "latentia").rglob("*.py"))}


@pytest.fixture(scope="session")
def tracked_texts(repository) -> dict[str, str]:
    """Every text file that belongs to the repository, or would if it were added."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout, so there is no list of files that belong to it")
    texts = {}
    for name in listed.stdout.splitlines():
        try:
            texts[name] = (repository / name).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError):  # a picture; a file that was removed
            continue
    return texts
