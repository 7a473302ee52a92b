"""What stands in the repository's files, and what must not."""

import ast
import re
from pathlib import Path

FORBIDDEN_ROOMS = {"utils", "util", "common", "core", "helpers", "helper", "misc"}
LONGEST_FILE = 400
LONGEST_FUNCTION = 60

# Written so that this file does not match itself.
MACHINE_PATHS = re.compile(r"(?<![\w.-])/(?:wor[k]|tm[p]/venv|roo[t]|home/[a-z]+)/|file://" r"/[a-z]")
PLACEHOLDERS = re.compile(r"@[A-Z][A-Z0-9_]*@")
PACKAGE_HOSTS = re.compile(r"pypi\.or[g]|pythonhosted\.or[g]|download\.pytorch\.or[g]|conda\.anaconda\.or[g]")


def test_no_room_is_a_drawer_for_leftovers(trees):
    names = {
        part.removesuffix(".py") for path in trees for part in path.parts[path.parts.index("latentia") :]
    }
    assert not names & FORBIDDEN_ROOMS


def test_files_stay_short(trees):
    long = {str(path): n for path in trees if (n := len(path.read_text().splitlines())) > LONGEST_FILE}
    assert not long


def _code_lines(function: ast.FunctionDef) -> int:
    docstring = function.body[0] if ast.get_docstring(function) else None
    documented = docstring.end_lineno - docstring.lineno + 1 if docstring else 0
    return function.end_lineno - function.lineno + 1 - documented


def test_functions_stay_short(trees):
    long = {
        f"{path}:{node.name}": _code_lines(node)
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and _code_lines(node) > LONGEST_FUNCTION
    }
    assert not long


def test_no_machine_paths_and_no_package_hosts(tracked_texts):
    found = {
        f"{name}:{number}": line.strip()
        for name, text in tracked_texts.items()
        for number, line in enumerate(text.splitlines(), 1)
        if MACHINE_PATHS.search(line) or PACKAGE_HOSTS.search(line)
    }
    assert not found


def test_no_number_waits_to_be_filled_in(tracked_texts):
    left = {name: found for name, text in tracked_texts.items() if (found := PLACEHOLDERS.findall(text))}
    assert not left


def test_the_patterns_find_what_they_are_for():
    assert PLACEHOLDERS.search("trained for @" + "MINUTES@ minutes")
    assert MACHINE_PATHS.search("/" + "root/x")
    assert MACHINE_PATHS.search("/" + "home/anna/x")
    assert PACKAGE_HOSTS.search("https://" + "pypi" + ".org/simple")
    assert not MACHINE_PATHS.search("runs/work/out")


def unsafe_reads(tree: ast.Module) -> list[str]:
    """Every use of pickle in a module: imports of it, torch.load, allow_pickle set to anything but False."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [a.name for a in node.names if a.name.split(".")[0] in UNSAFE_MODULES]
        elif isinstance(node, ast.ImportFrom):
            found += [str(node.module)] if str(node.module).split(".")[0] in UNSAFE_MODULES else []
        elif isinstance(node, ast.Call):
            found += _unsafe_call(node)
    return found


UNSAFE_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def _unsafe_call(call: ast.Call) -> list[str]:
    name = ast.unparse(call.func)
    keywords = {k.arg: k.value for k in call.keywords}
    refuses = (
        isinstance(keywords.get("allow_pickle"), ast.Constant) and keywords["allow_pickle"].value is False
    )
    if name in ("np.load", "numpy.load") and not refuses:
        return [f"{name} without allow_pickle=False"]
    if "allow_pickle" in keywords and not refuses:
        return [f"{name} with allow_pickle"]
    return [name] if name in ("torch.load", "torch.save") else []


def test_no_pickle_is_ever_read(trees):
    found = {str(path): uses for path, tree in trees.items() if (uses := unsafe_reads(tree))}
    assert not found


def test_a_pickle_would_be_found():
    for line in (
        "import pickle",
        "from pickle import loads",
        "torch.load('x')",
        "np.load('x')",
        "np.load('x', allow_pickle=True)",
        "numpy.lib.format.open_memmap('x', allow_pickle=yes)",
    ):
        assert unsafe_reads(ast.parse(line)), line
    assert not unsafe_reads(ast.parse("np.load('x', allow_pickle=False, mmap_mode='r')"))


def test_nothing_postpones_annotations(trees):
    """Postponed annotations are strings, which shape checks at run time cannot read."""
    assert not [str(p) for p in trees if "from __future__ import annotations" in p.read_text()]


def test_every_page_that_the_docs_link_to_is_there(repository):
    missing = {
        f"{page.relative_to(repository)} -> {target}"
        for page in [*repository.glob("*.md"), *repository.glob("docs/**/*.md")]
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text())
        if "://" not in target and not (page.parent / target).exists()
    }
    assert not missing


def test_the_version_is_said_once(repository):
    assert 'dynamic = ["version"]' in (repository / "pyproject.toml").read_text()
    assert Path(repository / "CHANGELOG.md").exists()


def test_constraints_pin_every_version_and_name_no_machine(repository):
    lines = (repository / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.match(r"^[a-z0-9-]+==[0-9][^ ]*( ; .+)?$", line) for line in pins)
    assert any(line.startswith("torch==") for line in pins)
    assert not [line for line in pins if line.startswith(("nvidia", "cuda", "triton", "torchvision"))]
