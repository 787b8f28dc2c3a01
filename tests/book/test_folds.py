"""What of a code cell is folded, and what stands for it."""

from docutils import nodes

from book.folds import fold_cells, mark_equations, pieces

CELL = """import numpy as np
from srbm import train

x = 1
# why this tolerance
origin = "rounding"
check("eq-33", paper=1, ours=x,
      origin=origin)
table({"a": "d"}, [[1]])
y = 2"""
LINE = (
    '<div class="verdict {css}" id="check-{key}">{mark} <code>{key}</code> It holds. '
    "<span>we find 1, as the paper has it (rounding)</span> <b>{verdict}</b></div>"
)


def test_a_cell_in_pieces():
    found = pieces(CELL)
    assert [(piece.kind, piece.keys) for piece in found] == [
        ("import", []), (None, []), ("check", ["eq-33"]), (None, []),
    ]  # fmt: skip
    assert found[2].text.startswith("# why this tolerance")  # a comment belongs to what follows it
    assert found[3].text == 'table({"a": "d"}, [[1]])\ny = 2'  # too short to fold
    assert "\n".join(line for piece in found for line in piece.lines) == CELL


def test_what_is_not_python_is_left_alone():
    assert [piece.kind for piece in pieces("%%time\nx = ")] == [None]
    assert [piece.kind for piece in pieces("")] == [None]


def test_the_name_of_a_table():
    (piece,) = pieces('table({"N_h": "d",\n       "mu^2": ".2f"}, rows)')
    assert (piece.kind, piece.columns) == ("table", ["N_h", "mu^2"])


def cell(source, *lines, **attributes):
    """A document with one code cell, as MyST-NB makes it."""
    block = nodes.literal_block(source, source, language="python")
    made = nodes.container("", nodes.container("", block, classes=["cell_input"]), classes=["cell"], **attributes)
    outputs = nodes.container("", classes=["cell_output"], nb_element="cell_code_output")
    for line in lines:
        raw = nodes.raw("", line, format="html")
        bundle = nodes.container("", nodes.container("", raw, mime_type="text/html"), nb_element="mime_bundle")
        outputs += bundle
    if lines:
        made += outputs
    document = nodes.document(None, None)
    document += made
    return document


def line(key, css="reproduced", mark="✓", verdict="reproduced"):
    return LINE.format(key=key, css=css, mark=mark, verdict=verdict)


def test_a_check_that_came_out_well_is_one_line():
    document = cell(CELL, line("eq-33"))
    fold_cells(None, document)
    text = document.astext()
    assert text.count('id="check-eq-33"') == 1
    assert '<summary><span class="verdict reproduced" id="check-eq-33">✓ <code>eq-33</code> It holds.</span>' in text
    assert "we find 1, as the paper has it (rounding): <b>reproduced</b>" in text
    assert "<summary>imports</summary>" in text
    assert not [box for box in document.findall(nodes.container) if "cell_output" in box["classes"]]


def test_a_condition_keeps_its_line():
    condition = line("eq-33", "with-condition", "◐", "reproduced with a condition: N_h = N_v")
    document = cell(CELL, condition)
    fold_cells(None, document)
    assert condition in document.astext()
    assert "<summary>the comparison of <code>eq-33</code></summary>" in document.astext()


def test_a_cell_that_is_hidden_anyway_keeps_its_code():
    document = cell(CELL, line("eq-33"), hide_mode="input")
    fold_cells(None, document)
    assert CELL in document.astext()
    assert '<details class="verdict reproduced" id="check-eq-33"><summary>✓ <code>eq-33</code> It holds.' in (
        document.astext()
    )


def test_pages_without_a_ledger_get_no_marks(tmp_path):
    class App:
        srcdir = tmp_path

    context = {"body": '<div id="equation-eq-33">\n<span class="eqno">(33)</span></div>'}
    before = dict(context)
    mark_equations(App, "chapters/page", None, context, None)
    assert context == before


def test_a_cell_that_prints_a_table_is_known():
    for source, expected in (('table({"a": "d"}, [[1]])', True), ("for x in rows:\n    table(x, y)", True),
                             ("print(stable(1))", False)):  # fmt: skip
        document = cell(source)
        fold_cells(None, document)
        (box,) = (found for found in document.findall(nodes.container) if "cell" in found["classes"])
        assert ("has-table" in box["classes"]) == expected
