"""``table`` prints the rows of numbers that a chapter shows: one way for all of them, with a name for each column."""


def table(columns, rows):
    """Print `rows` under the names of their columns, words to the left and numbers to the right.

    Parameters
    ----------
    columns : dict
        From the name of each column to the format of its numbers, as in ``{"N_h": "d", "mu^2": ".4f"}``.
    rows : iterable of sequences
        A number or a string for each column; a string is shown as it is.
    """
    formats, rows = list(columns.values()), [list(row) for row in rows]
    for row in rows:
        if len(row) != len(columns):
            raise ValueError(f"a row needs {len(columns)} entries, one for each of {', '.join(columns)}; got {row}")
    words = [all(isinstance(row[i], str) for row in rows) and not how for i, how in enumerate(formats)]
    shown = [
        [entry if isinstance(entry, str) else format(entry, how) for entry, how in zip(row, formats, strict=True)]
        for row in rows
    ]
    lines = [list(columns), *shown]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        fields = (
            entry.ljust(width) if word else entry.rjust(width)
            for entry, width, word in zip(line, widths, words, strict=True)
        )
        print("  ".join(fields).rstrip())
