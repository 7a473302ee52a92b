"""The import law, and what importing costs."""

import resource
import subprocess
import sys

import pytest
from importlinter import cli as import_linter

import latentia

ROOMS = [
    *["cli", "recipes", "report", "interchange", "tasks", "metrics", "training"],
    *["models", "models/ae", "models/vae", "models/gan", "models/hybrid"],
    *["losses", "distributions", "networks", "data"],
]


def test_imports_go_down_only(repository, monkeypatch, capsys):
    monkeypatch.chdir(repository)
    assert import_linter.lint_imports(no_cache=True) == 0, capsys.readouterr().out


def test_an_import_that_goes_up_is_found(repository, tmp_path, monkeypatch, capsys):
    """The law itself can fail: a copy of the contracts over a package that breaks them."""
    package = tmp_path / "latentia"
    for room in ROOMS:
        (package / room).mkdir(parents=True)
        (package / room / "__init__.py").write_text("")
    for module in ("__init__", "__main__", "_types", "protocols"):
        (package / f"{module}.py").write_text("")
    (package / "__init__.py").write_text("import latentia.data\n")  # the face may
    (package / "metrics" / "__init__.py").write_text("import latentia.models\n")
    (tmp_path / "pyproject.toml").write_text((repository / "pyproject.toml").read_text())
    found = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as l; l()", "--no-cache"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 1
    assert "latentia.metrics -> latentia.models" in found.stdout


def _spent_by_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_help_costs_less_than_half_a_second():
    before = _spent_by_children()
    subprocess.run([sys.executable, "-m", "latentia", "--help"], check=True, capture_output=True)
    assert _spent_by_children() - before < 0.5


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["trian"]])
def test_help_imports_nothing_heavy(words):
    program = (
        f"import sys; from latentia.cli import main; main({words!r});"
        "print(sorted({'torch', 'numpy', 'PIL', 'matplotlib', 'sklearn', 'tyro'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_face_names_things_that_exist():
    for name in latentia.__all__:
        assert getattr(latentia, name) is not None
    assert set(latentia._HOMES) <= set(latentia.__all__)
    assert set(latentia.__all__) <= set(dir(latentia))


def test_an_unknown_name_of_the_face_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'trian'"):
        _ = latentia.trian
