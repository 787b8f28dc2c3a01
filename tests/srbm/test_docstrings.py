"""Docstrings say all that a caller needs, in the form of numpydoc."""

import ast
import functools
import importlib
import inspect
import pkgutil
import textwrap
import types
import warnings

import pytest

import srbm
from srbm import figures
from srbm.estimator import ScalarRBMEstimator

docscrape = pytest.importorskip("numpydoc.docscrape")

FOR_USERS = [
    importlib.import_module(name)
    for name in sorted(
        {getattr(srbm, name).__module__ for name in srbm.__all__}
        | {"srbm.machine", "srbm.random", "srbm.estimator"}
        | {
            f"{figures.__name__}.{found.name}"
            for found in pkgutil.iter_modules(figures.__path__)
            if found.name[0] != "_"
        }
    )
]
MACHINERY = ("srbm.training.loop", "srbm.training.strategies")
"""Of these modules users see only what `srbm` itself has."""
BARE = {"show_class_members": False, "show_inherited_class_members": False}


def public(module):
    """(name, thing) for the public classes and functions that a module defines, and for their public members."""
    for name, thing in vars(module).items():
        if name.startswith("_") or getattr(thing, "__module__", None) != module.__name__:
            continue
        if module.__name__ in MACHINERY and name not in srbm.__all__:
            continue
        if inspect.isfunction(thing) or inspect.isclass(thing):
            yield f"{module.__name__}.{name}", thing
        if inspect.isclass(thing):
            for label, member in vars(thing).items():
                member = member.__func__ if isinstance(member, classmethod) else member
                computed = isinstance(member, (property, functools.cached_property))
                if not label.startswith("_") and ((computed and member.__doc__) or inspect.isfunction(member)):
                    yield f"{module.__name__}.{name}.{label}", member


def problems(thing, example=False):
    """What is missing in the docstring of a function, a class or a property, or wrong."""
    kind = docscrape.ClassDoc if inspect.isclass(thing) else docscrape.FunctionDoc
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        parsed = kind(thing, inspect.getdoc(thing) or "", config=BARE)
    yield from (str(warning.message) for warning in said)
    (summary, *more) = parsed["Summary"] or [""]
    if more or not summary.endswith("."):
        yield f"the first paragraph must be one line that ends in a full stop, got {summary!r}"
    if isinstance(thing, (property, functools.cached_property)):
        if ": " in summary:
            yield f"what stands before a colon would be taken for a type: {summary}"
        return
    described = parsed["Parameters"] + parsed["Attributes"]
    if [name for one in described for name in one.name.split(", ")] != _parameters(thing):
        yield f"described are {[one.name for one in described]}, but the parameters are {_parameters(thing)}"
    yield from (f"{one.name} has no type or no description" for one in [*described, *parsed["Raises"]]
                if not one.type or not "".join(one.desc).strip())  # fmt: skip
    if inspect.isfunction(thing):
        returns = inspect.signature(thing).return_annotation not in (None, "None", inspect.Signature.empty)
        if returns != any("".join(one.desc).strip() for one in parsed["Returns"]):
            yield (
                "what is returned needs a section Returns with a type and a description"
                if returns
                else ("there is a section Returns, but nothing is returned")
            )
        unsaid = _raised(thing) - {one.type for one in parsed["Raises"]}
        yield from (f"{name} is raised and not among Raises" for name in sorted(unsaid))
    if example and ">>> " not in "\n".join(parsed["Examples"]):
        yield "there is no example"


def _parameters(thing):
    if inspect.isclass(thing) and isinstance(thing.__init__, types.WrapperDescriptorType):  # written in C
        return list(getattr(thing, "_fields", []))
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    return [
        stars.get(parameter.kind, "") + name
        for name, parameter in inspect.signature(thing).parameters.items()
        if name not in ("self", "cls") and not name.startswith("_")
    ]


def _raised(function):
    """The exceptions that are raised in the body of a function itself."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    return {node.exc.func.id for node in ast.walk(tree) if isinstance(node, ast.Raise)
            and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name)} - {"type"}  # fmt: skip


NAMED = dict(sorted(pair for module in FOR_USERS for pair in public(module)))
EXEMPLARY = [getattr(srbm, name) for name in srbm.__all__] + [figures.Panel, figures.slider, ScalarRBMEstimator]


@pytest.mark.parametrize("name", NAMED)
def test_all_is_described(name):
    assert list(problems(NAMED[name], example=NAMED[name] in EXEMPLARY)) == []


def right(a, b=1):
    """A sum.

    Parameters
    ----------
    a : int
        One.
    b : int
        Another.

    Returns
    -------
    int
        Both.

    Raises
    ------
    ValueError
        For nothing.

    Examples
    --------
    >>> right(1, 1)
    2
    """
    if a == b == 0:
        raise ValueError("nothing")
    return a + b


right.__annotations__["return"] = "int"


def test_a_right_docstring_is_accepted():
    assert list(problems(right, example=True)) == []


@pytest.mark.parametrize(("old", "new"), [
    ("A sum.", "A sum"),
    ("A sum.", "A sum\nof two."),
    ("b : int\n    Another.\n", ""),
    ("b : int", "c : int"),
    ("b : int\n    Another.", "b : int"),
    ("b : int", "b"),
    ("a : int\n    One.\nb : int\n", "b : int\n    One.\na : int\n"),
    ("Returns\n-------\nint\n    Both.\n", ""),
    ("    Both.\n", ""),
    ("ValueError", "TypeError"),
    (">>> right(1, 1)", "right(1, 1)"),
    ("Examples\n--------", "Example\n-------"),
])  # fmt: skip
def test_a_falsified_docstring_is_refused(monkeypatch, old, new):
    text = inspect.cleandoc(right.__doc__)  # as Python 3.13 stores it
    assert old in text
    monkeypatch.setattr(right, "__doc__", text.replace(old, new))
    assert list(problems(right, example=True))


def test_what_returns_nothing_says_so(monkeypatch):
    monkeypatch.setitem(right.__annotations__, "return", "None")
    assert list(problems(right)) == ["there is a section Returns, but nothing is returned"]


def test_a_property_is_no_type():
    assert list(problems(property(right, doc="K = W W^T: Eq. (9).")))
    assert list(problems(property(right, doc="Kernel K of Eq. (9)."))) == []
