"""What a reader is told about an answer."""

import numpy as np
import pytest

from srbm_book import judge


def said(capsys, *arguments, **options):
    assert judge(*arguments, **options) is None
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("yours", "right"),
    [
        (2, 2.0),
        (2.0000001, 2.0),
        (np.arange(3), [0, 1, 2]),
        (np.float32(0.5), 0.5),
        (True, True),
        ("infrared", "infrared"),
        (0.0, 0),
        (1e-9, 0),
    ],
)
def test_right(capsys, yours, right):
    assert said(capsys, yours, right) == "Right.\n"


@pytest.mark.parametrize(
    ("yours", "right", "why"),
    [
        (3.0, 2.0, "the value is not the right one"),
        ([1, 2], [1, 3], "the values are not the right ones"),
        ([1, 2, 3], [1, 2], r"the shape is (3,), expected is (2,)"),
        ([[1, 2], [3]], [1, 2], "different lengths"),
        ("2", 2, "a number or an array of numbers is expected, this is of type str"),
        (1, True, "True or False is expected"),
        (False, True, "this is not the right answer"),
        (np.nan, 2.0, "not finite"),
        ([1.0, np.inf], [1.0, 2.0], "not finite"),
        ({"a": 1}, 2, "this is of type dict"),
        (abs, 2, "Did you forget to call it?"),
    ],
)
def test_wrong(capsys, yours, right, why):
    text = said(capsys, yours, right)
    assert text.startswith("Not yet: ")
    assert why in text


@pytest.mark.parametrize("yours", [None, ...])
def test_no_answer(capsys, yours):
    assert said(capsys, yours, 1) == "No answer yet.\n"


def test_a_pitfall_is_named(capsys):
    pitfalls = {"the sign is that of K": -2.0, "the factor 1/2 of Eq. (22) is missing": 4.0}
    assert "factor 1/2" in said(capsys, 4.0, 2.0, pitfalls=pitfalls)
    assert "factor 1/2" not in said(capsys, 5.0, 2.0, pitfalls=pitfalls, hint="look at Eq. (22)")
    assert said(capsys, 2.0, 2.0, pitfalls=pitfalls) == "Right.\n"


def test_a_hint_is_given(capsys):
    assert said(capsys, 5.0, 2.0, hint="look at Eq. (22)").endswith("\nHint: look at Eq. (22)\n")


def test_functions(capsys):
    options = {"on": [1.0, (2.0,)], "pitfalls": {"the square is missing": lambda x: x}}
    assert said(capsys, lambda x: x * x, np.square, **options) == "Right.\n"
    assert "the square is missing" in said(capsys, lambda x: x, np.square, **options)
    assert "for the arguments (2.0,)" in said(capsys, lambda x: x**3, np.square, **options)
    assert "raised ZeroDivisionError" in said(capsys, lambda x: x / 0, np.square, **options)
    assert "a function is expected" in said(capsys, 4.0, np.square, **options)


def test_the_tolerance_is_relative(capsys):
    assert said(capsys, 1000.1, 1000.0, tolerance=1e-3) == "Right.\n"
    assert said(capsys, 1.1, 1.0, tolerance=1e-3).startswith("Not yet")
