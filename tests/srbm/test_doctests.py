"""The examples in docstrings are right, each by itself; and what a docstring begins with."""

import ast
import doctest
import importlib
import inspect
import pkgutil
import re

import pytest

import srbm

EVERYWHERE = [srbm, *(importlib.import_module(found.name) for found in pkgutil.walk_packages(srbm.__path__, "srbm."))]


@pytest.mark.parametrize("module", EVERYWHERE, ids=lambda module: module.__name__)
def test_examples_are_right(module):
    """Each by itself: what it uses, it imports."""
    runner = doctest.DocTestRunner()
    for example in doctest.DocTestFinder(exclude_empty=True).find(module):
        example.globs.clear()
        runner.run(example)
    assert runner.summarize(verbose=False).failed == 0


@pytest.mark.parametrize("module", EVERYWHERE, ids=lambda module: module.__name__)
def test_every_docstring_has_a_noun_of_its_own(module):
    tree = ast.parse(inspect.getsource(module))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    texts = [ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, documented)]
    assert [text for text in texts if re.match(r"The same\b|As of\b", text)] == []
