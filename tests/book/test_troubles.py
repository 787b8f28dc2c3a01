"""Each trouble of the page happens as the page says."""

import os
import sys
import warnings

import pytest

import srbm
from book.troubles import Trouble, troubles


@pytest.mark.parametrize("trouble", troubles(), ids=lambda trouble: trouble.key)
def test_it_happens(trouble):
    before = os.getcwd(), dict(os.environ), set(sys.modules)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        name, message = trouble.provoke()
    assert name == trouble.error
    assert 20 < len(message) < 400
    assert "/tmp" not in message
    assert message == trouble.provoke()[1]  # the page does not change from build to build
    assert (os.getcwd(), dict(os.environ)) == before[:2]
    assert before[2] <= set(sys.modules)
    assert trouble.what.endswith(".")
    assert trouble.do.endswith(".")


def test_every_exception_of_the_package_is_met():
    own = {name for name in srbm.__all__ if name.endswith(("Error", "Interrupted"))}
    assert own <= {trouble.error for trouble in troubles()}


def test_what_goes_well_is_no_trouble():
    with pytest.raises(AssertionError, match="goes well"):
        Trouble("fine", "Nothing.", "1 + 1", "ValueError", "Nothing.").provoke()


def test_the_page(build, tmp_path, monkeypatch):
    monkeypatch.setattr("book.pages.read_records", lambda _: {})
    texts, _, _ = build(tmp_path, **{"02_t": "# Troubles\n\n```{troubles}\n```\n"})
    assert "an exact solution needs mu^2 >= kappa_max" in texts["02_t"].replace("&gt;", ">")
    assert texts["02_t"].count("NotNormalizableError") == 2
