"""The verdicts of `srbm_book.ledger`: computed, rounded, and refused where there is nothing to compare."""

import numpy as np
import pytest
from IPython.testing.globalipapp import get_ipython

from srbm_book import ledger

ENTRY = 'section = "I"\nchapter = "01_a"\nstatement = "s"\nverdict = "reproduced"\n'


@pytest.fixture(autouse=True)
def own_ledger(tmp_path, monkeypatch):
    file = tmp_path / "ledger.toml"
    file.write_text(f"[eq-33]\n{ENTRY}[eq-34]\n{ENTRY}[x-ours]\n{ENTRY}")
    monkeypatch.setattr(ledger, "LEDGER", file)


def line(capsys, **arguments):
    """The line that `check` prints outside a notebook."""
    assert ledger.check("eq-33", **{"origin": "a test", **arguments}) is None
    return capsys.readouterr().out.rstrip("\n")


@pytest.mark.parametrize(
    ("paper", "ours", "tolerance", "good"),
    [
        (1.0, 1.0 + 1e-13, 1e-12, True),
        (1.0, 1.1, 0.01, False),
        (1.0, np.nan, 1.0, False),
        (1.0, np.inf, 1.0, False),
        (60000, 60000, 0, True),
        (60000, 59999, 0, False),
        (True, np.bool_(True), 0, True),
        (True, False, 0, False),
        ("yes", "yes", 0, True),
        ("yes", "no", 0, False),
        (np.zeros(3), np.zeros(3), 0, True),
        (0.0, np.array([0.0, 0.5]), 0.1, False),
        ([1, 2], [1.0, np.nan], 0.5, False),
    ],
)
def test_verdict(capsys, paper, ours, tolerance, good):
    text = line(capsys, paper=paper, ours=ours, tolerance=tolerance)
    assert text.endswith(": reproduced" if good else ": not reproduced")
    assert text.startswith("\u2713" if good else "\u2717")
    assert "\n" not in text


def test_the_bound_belongs_to_the_tolerance(capsys):
    assert line(capsys, paper=0.0, ours=0.25, tolerance=0.25).endswith(": reproduced")


def test_a_statement_of_ours(capsys):
    ledger.check("x-ours", exact=0.5, ours=0.5, origin="a test")
    ledger.check("x-ours", exact=0.5, ours=0.6, tolerance=0.01, origin="a test")
    good, bad = capsys.readouterr().out.splitlines()
    assert "we find 0.5, as expected" in good
    assert good.endswith(": confirmed")
    assert bad.endswith(": not confirmed")
    for key, arguments in (("x-ours", {"paper": 1}), ("eq-33", {"exact": 1}), ("eq-33", {})):
        with pytest.raises(ValueError, match="paper="):
            ledger.check(key, ours=1, origin="a test", **arguments)


def test_a_condition(capsys):
    assert line(capsys, paper=1, ours=1, condition="N_h = N_v").endswith("reproduced with a condition: N_h = N_v")
    assert line(capsys, paper=1, ours=2, condition="N_h = N_v").endswith(": not reproduced")


def test_a_numerical_test_shows_what_it_rejects(capsys):
    twin = {"paper": 0.7, "says": "twice the rate"}
    text = line(capsys, paper=0.35, ours=0.351, tolerance=0.002, twin=twin)
    assert text.endswith("give or take 0.002; the same test rejects twice the rate (a test): reproduced")
    assert twin == {"paper": 0.7, "says": "twice the rate"}


@pytest.mark.parametrize(
    "twin",
    [
        {"paper": 0.3515, "says": "nearly the same"},
        {"ours": 0.35, "says": "the statement itself"},
    ],
)
def test_a_comparison_that_accepts_its_twin_is_refused(twin):
    with pytest.raises(AssertionError, match="eq-33: the comparison accepts"):
        ledger.check("eq-33", paper=0.35, ours=0.351, tolerance=0.002, origin="a test", twin=twin)


@pytest.mark.parametrize(
    ("twin", "message"),
    [
        ({"paper": 0.7}, "says in words"),
        ({"says": "nothing"}, "changes paper or ours"),
        ({"says": "s", "exact": 1.0}, "changes paper or ours"),
    ],
)
def test_a_twin_says_what_it_changes(twin, message):
    with pytest.raises(ValueError, match=message):
        ledger.check("eq-33", paper=0.35, ours=0.35, tolerance=0.002, origin="a test", twin=twin)


def test_the_twin_of_a_truth_value_is_computed():
    with pytest.raises(ValueError, match="on something false"):
        ledger.check("eq-33", paper=True, ours=True, origin="a test", twin={"paper": False, "says": "not"})
    ledger.check("eq-33", paper=True, ours=True, origin="a test", twin={"ours": False, "says": "the wrong sign"})


def test_a_condition_is_believed_when_the_bare_statement_fails(capsys):
    assert line(capsys, paper=1.0, ours=1.0, condition="N_h = N_v", bare={"ours": 2.0}).endswith(
        "with a condition: N_h = N_v"
    )
    with pytest.raises(AssertionError, match="needs no condition"):
        ledger.check("eq-33", paper=1.0, ours=1.0, origin="a test", condition="N_h = N_v", bare={"ours": 1.0})
    with pytest.raises(ValueError, match="there is no condition="):
        ledger.check("eq-33", paper=1.0, ours=1.0, origin="a test", bare={"ours": 2.0})


def test_a_chaotic_path_shows_no_digit_of_its_own(capsys):
    one, other = (line(capsys, paper=0.0, ours=ours, tolerance=4.5, chaotic=True) for ours in (1.2, -3.1))
    assert one == other
    assert "we find 0 to within 4.5" in one
    assert "we find 7, the paper has 0, give or take 4.5" in line(
        capsys, paper=0.0, ours=7.0, tolerance=4.5, chaotic=True
    )


def test_a_tolerance_is_shown_to_two_digits(capsys):
    assert "give or take 0.00016" in line(capsys, paper=0.0, ours=0.0, tolerance=0.000158315)


def test_no_rounding_residue_is_printed(capsys):
    residue = line(capsys, paper=0.0, ours=-3.3e-16, tolerance=1e-12)
    assert residue == line(capsys, paper=0.0, ours=1.7e-15, tolerance=1e-12)
    values = np.linspace(0, 1, 10)
    assert "all 10 values agree to within 1e-12" in line(capsys, paper=values, ours=values + 1e-15, tolerance=1e-12)


def test_values_are_rounded_to_what_the_tolerance_leaves(capsys):
    assert "we find 0.351, the paper has 0.35, give or take 0.002" in line(
        capsys, paper=0.35, ours=0.3512345, tolerance=0.002
    )
    assert "we find 3.14159," in line(capsys, paper=3.14159, ours=np.pi, tolerance=1e-5)
    assert "we find 1234567," in line(capsys, paper=1234567, ours=1234567)


@pytest.mark.parametrize(
    ("values", "tolerance", "summary"),
    [
        ([4.0, 4.38196, 8.0], 1e-3, "4, 4.382, 8"),
        ([9.0, 9.0 + 1e-14, 9.0, 9.0, 9.0], 1e-12, "9"),
        (np.linspace(-1, 2, 7), 0.01, "7 values, -1 to 2"),
        ([True, False], 0, "True, False"),
        ([True] * 3 + [False] * 3, 0, "6 values"),
        ([3, 1, 4, 1, 5], 0, "5 values, 1 to 5"),
    ],
)
def test_the_summary_of_an_array(values, tolerance, summary):
    assert ledger._summary(np.asarray(values), tolerance) == summary


def test_the_worst_pair_is_shown(capsys):
    text = line(capsys, paper=[1.0, 2.0, 3.0], ours=[1.0, 2.5, 3.1], tolerance=0.01)
    assert "of the worst we find 2.5, the paper has 2, give or take 0.01" in text


@pytest.mark.parametrize(
    ("bound", "ours", "good"),
    [
        ({"above": 1.0}, 1.5, True),
        ({"above": 1.0}, 1.0, False),
        ({"below": 1.0}, 0.5, True),
        ({"below": 1.0}, 1.0, False),
        ({"above": [1.0, 2.0]}, [1.1, 2.1], True),
        ({"above": [1.0, 2.0]}, [1.1, 1.9], False),
        ({"below": 3}, [1, 2], True),
        ({"below": 3}, [1, 3], False),
        ({"above": 0.0}, [1.0, np.nan], False),
        ({"above": 0.0}, np.inf, False),
    ],
)
def test_an_inequality(capsys, bound, ours, good):
    assert line(capsys, ours=ours, **bound).endswith(": reproduced" if good else ": not reproduced")


def test_an_inequality_shows_the_number_that_is_closest_to_its_bound(capsys):
    assert "we find 2.8, which is above 1.2 (" in line(capsys, above=1.2345678, ours=2.8456789)
    assert "we find 1.235, which is below 1.265 (" in line(capsys, below=1.2645678, ours=1.2345678)
    assert "we find 73, which is above 1e-06 (" in line(capsys, above=1e-6, ours=73.1)
    assert "we find 0.91, which is not above 1 (" in line(capsys, above=1.0, ours=0.91)
    text = line(capsys, above=[1.0, 2.0, 3.0], ours=[9.0, 2.5, 7.0])
    assert "all 3 values are above their bounds, the closest is 2.5, above 2 (" in text


def test_the_twin_of_an_inequality_is_rejected_by_the_same_bound(capsys):
    false = {"ours": 0.5, "says": "half of it"}
    text = line(capsys, above=1.0, ours=2.0, twin=false)
    assert text.endswith("the same test rejects half of it (a test): reproduced")
    line(capsys, above=1.0, ours=2.0, twin={"above": 3.0, "says": "a bound three times as high"})
    with pytest.raises(AssertionError, match="accepts the falsified twin"):
        line(capsys, above=1.0, ours=2.0, twin={"above": 1.5, "says": "a higher bound"})
    with pytest.raises(ValueError, match="changes above or ours"):
        line(capsys, above=1.0, ours=2.0, twin={"paper": 3.0, "says": "another value"})


def test_an_inequality_on_a_chaotic_path_shows_the_bound_alone(capsys):
    one, other = (line(capsys, above=1.0, ours=ours, chaotic=True) for ours in ([2.0, 3.0], [5.0, 1.1]))
    assert one == other
    assert "both values are above 1 (" in one
    assert "not all 2 values are above 1, the worst is 0.4" in line(capsys, above=1.0, ours=[0.4, 2.0], chaotic=True)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"above": 1.0, "paper": 1.0, "ours": 2.0}, ValueError, "above= or below="),
        ({"above": 1.0, "below": 3.0, "ours": 2.0}, ValueError, "above= or below="),
        ({"above": 1.0, "ours": 2.0, "tolerance": 0.1}, ValueError, "no tolerance"),
        ({"above": False, "ours": True}, TypeError, "a bound is for numbers"),
        ({"above": np.inf, "ours": 2.0}, ValueError, "must be finite"),
    ],
)
def test_a_bound_that_makes_no_sense_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        ledger.check("eq-33", origin="a test", **arguments)


def test_the_record_of_an_inequality_says_on_which_side(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, **options: shown.append(options["metadata"]["srbm"]))
    get_ipython()
    ledger.check("eq-33", above=1.0, ours=2.0, origin="a test")
    ledger.check("x-ours", below=1.0, ours=2.0, origin="a test")
    assert shown == [
        {
            "key": "eq-33",
            "verdict": "reproduced",
            "paper": "above 1",
            "ours": "2",
            "tolerance": "a bound",
            "origin": "a test",
        },
        {
            "key": "x-ours",
            "verdict": "not confirmed",
            "exact": "below 1",
            "ours": "2",
            "tolerance": "a bound",
            "origin": "a test",
        },
    ]


def test_an_unknown_key_lists_its_neighbours():
    with pytest.raises(KeyError, match="eq-33"):
        ledger.check("eq-333", paper=1, ours=1, origin="a test")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"paper": np.zeros(2), "ours": np.zeros(3)}, ValueError),
        ({"paper": [], "ours": []}, ValueError),
        ({"paper": np.nan, "ours": 1.0}, ValueError),
        ({"paper": 1.0, "ours": 1.0, "tolerance": -1}, ValueError),
        ({"paper": 1.0, "ours": "1.0"}, TypeError),
        ({"paper": True, "ours": 1.0}, TypeError),
    ],
)
def test_what_cannot_be_compared_is_refused(arguments, error):
    with pytest.raises(error, match="eq-33"):
        ledger.check("eq-33", origin="a test", **arguments)


def test_in_a_notebook_the_line_is_a_record(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, **options: shown.append((data, options)))
    get_ipython()
    ledger.check("eq-33", paper=0.35, ours=0.3512345, tolerance=0.002, origin="a < b")
    ((data, options),) = shown
    assert 'class="verdict reproduced"' in data["text/html"]
    assert "a &lt; b" in data["text/html"]
    assert options["metadata"]["srbm"] == {
        "key": "eq-33", "verdict": "reproduced", "paper": "0.35", "ours": "0.351", "tolerance": 0.002,
        "origin": "a < b",
    }  # fmt: skip
