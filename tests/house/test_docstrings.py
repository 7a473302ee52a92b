"""Everything public is documented, and every argument of a recipe."""

import ast
import inspect
import re

import pytest

from latentia import recipes
from latentia.cli.flags import flag_names, keywords
from latentia.cli.train import command


def _public(body: list[ast.stmt], prefix: str = "") -> list[tuple[str, ast.AST]]:
    """Public functions and classes of a module, methods of its public classes included."""
    found = []
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            found.append((prefix + node.name, node))
            if isinstance(node, ast.ClassDef):
                found += _public(node.body, f"{node.name}.")
    return found


def _declared(trees) -> set[str]:
    """Names of methods that a base class documents; an override need not repeat it."""
    return {
        name.split(".")[1]
        for tree in trees.values()
        for name, node in _public(tree.body)
        if "." in name and ast.get_docstring(node)
    }


INHERITED = {"forward"}  # torch's own


def test_everything_public_is_documented(trees):
    documented_elsewhere = _declared(trees) | INHERITED
    missing = [
        f"{path}:{node.lineno} {name}"
        for path, tree in trees.items()
        for name, node in _public(tree.body)
        if not (ast.get_docstring(node) or name.split(".")[-1] in documented_elsewhere or _forwards(node))
    ]
    assert not missing, "\n".join(missing)


def _forwards(node: ast.AST) -> bool:
    """Whether it is a property that only hands on what another object documents under the same name."""
    if not isinstance(node, ast.FunctionDef) or not any(
        ast.unparse(decorator) == "property" for decorator in node.decorator_list
    ):
        return False
    only = node.body[0]
    return (
        isinstance(only, ast.Return)
        and isinstance(only.value, ast.Attribute)
        and only.value.attr == node.name
    )


def test_every_module_says_what_it_is(trees):
    assert not [str(path) for path, tree in trees.items() if not ast.get_docstring(tree)]


def test_arguments_that_a_docstring_names_exist(trees):
    """An Args section that has drifted from its signature misleads more than none."""
    drifted = [
        f"{path}:{node.lineno} {name}: {argument}"
        for path, tree in trees.items()
        for name, node in _public(tree.body)
        if isinstance(node, ast.FunctionDef)
        for argument in documented_arguments(ast.get_docstring(node) or "")
        if argument not in _parameters(node)
    ]
    assert not drifted


def _parameters(function: ast.FunctionDef) -> set[str]:
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    rest = [a for a in (arguments.vararg, arguments.kwarg) if a]
    return {a.arg for a in [*named, *rest]}


def documented_arguments(docstring: str) -> list[str]:
    """Names in the Args section of a Google-style docstring."""
    section = re.search(r"^Args:\n(.*?)(?=^\S|\Z)", inspect.cleandoc(docstring), re.DOTALL | re.MULTILINE)
    return re.findall(r"^    \*{0,2}(\w+):", section[1], re.MULTILINE) if section else []


@pytest.mark.parametrize("name", recipes.names())
class TestRecipe:
    def test_documents_every_argument(self, name):
        own = inspect.signature(keywords(recipes.find(name))).parameters
        assert own.keys() <= set(documented_arguments(recipes.find(name).__doc__))

    def test_has_defaults_that_json_can_hold(self, name):
        for parameter in inspect.signature(keywords(recipes.find(name))).parameters.values():
            assert isinstance(parameter.default, bool | int | float | str | tuple | type(None)), parameter

    def test_flags_equal_its_signature(self, name, capsys):
        from latentia.cli import main

        assert main(["train", name, "--help"]) == 0
        shown = set(re.findall(r"(--[a-z][a-z0-9-]*)", capsys.readouterr().out))
        shown = {flag for flag in shown if not flag.startswith("--no-")} - {"--help"}
        expected = flag_names(keywords(recipes.find(name)))
        assert expected <= shown
        for other in set(recipes.names()) - {name}:
            assert not (flag_names(keywords(recipes.find(other))) - expected) & shown
        assert command(name).__doc__
