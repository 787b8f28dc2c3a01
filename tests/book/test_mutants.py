"""The keys of mutants, by which some are known to change nothing: one each, whatever the layout of the code."""

import ast

import pytest

from tests.mutants import EQUIVALENT, FORMULAS, ROOT, mutations


def keys(module, source):
    names = set(FORMULAS[module][0].split())
    return [f"{module}.{key}" for key, *_ in mutations(ast.parse(source), names)]


@pytest.mark.parametrize("module", FORMULAS)
def test_keys_depend_on_the_code_and_not_on_its_lines(module):
    source = (ROOT / (module.replace(".", "/") + ".py")).read_text(encoding="utf-8")
    found = keys(module, source)
    assert len(set(found)) == len(found) > 0
    assert found == keys(module, ast.unparse(ast.parse(source)))
    functions = [node.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    assert set(FORMULAS[module][0].split()) <= set(functions)
    assert not {key for key in EQUIVALENT if key.startswith(f"{module}.")} - set(found)


def test_every_key_is_of_a_module_with_mutants():
    assert all(any(key.startswith(f"{module}.") for module in FORMULAS) for key in EQUIVALENT)


def test_the_same_change_in_two_places_has_two_keys():
    tree = ast.parse("def f(x):\n    return (x - 1) * (\n        x - 1)\n")
    assert [key for key, *_ in mutations(tree, {"f"})] == [
        "f (x - 1) * (x - 1)  ->  (x - 1) / (x - 1)",
        "f x - 1  ->  x + 1",
        "f x - 1  ->  x + 1 (2)",
        "f x - 1  ->  x - 2",
        "f x - 1  ->  x - 2 (2)",
    ]
