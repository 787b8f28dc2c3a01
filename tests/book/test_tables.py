"""The tables of the chapters: aligned, named, and refused where a row has a hole."""

import numpy as np
import pytest

from srbm_book import table


def test_words_stand_left_and_numbers_right(capsys):
    table({"lattice": "", "N_h": "d", "mu^2": ".2f"}, [("ring", 10, 7.249), ("4 x 4", np.int64(8), np.float64(16))])
    assert capsys.readouterr().out == ("lattice  N_h   mu^2\nring      10   7.25\n4 x 4      8  16.00\n")


def test_a_string_among_numbers_is_shown_as_it_is(capsys):
    table({"B": "d", "lost at epoch": "d"}, [(32, 18), (2048, "-")])
    assert capsys.readouterr().out == "   B  lost at epoch\n  32             18\n2048              -\n"


def test_a_row_with_a_hole_is_refused():
    with pytest.raises(ValueError, match="2 entries, one for each of B, rate"):
        table({"B": "d", "rate": ".1f"}, [(32,)])
