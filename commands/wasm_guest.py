"""What runs inside the sandbox (see `commands.wasm`): the cells of one chapter without Jupyter, or the unit tests.

There is no IPython in the sandbox, so `check` and `judge` print the line that they display in a notebook.
"""

import ast
import contextlib
import io
import json
import linecache
import os
import sys
import time
import traceback
import types


def found():
    """What computes, in the words of the table of the page that shows it."""
    import numpy
    import scipy

    options = numpy.show_config(mode="dicts")["Build Dependencies"]["blas"]["openblas configuration"].split()
    return {
        "python": sys.version.partition(" ")[0],
        "numpy": numpy.__version__,
        "scipy": scipy.__version__,
        "kernels": {"NumPy": [option for option in options if "=" not in option]},
        "bits": sys.maxsize.bit_length() + 1,
    }


def show(value):
    """The display hook: the text of a value, as a notebook stores it; a picture is drawn as well."""
    if value is None:
        return
    for draw in ("_repr_png_", "_repr_svg_"):
        getattr(value, draw, lambda: None)()
    print(repr(value))


def run_cell(source, name, namespace):
    """Execute one cell in `namespace`; the value of a last expression goes to `sys.displayhook`."""
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)  # for tracebacks
    statements = ast.parse(source, name).body
    last = [statements.pop()] if statements and isinstance(statements[-1], ast.Expr) else []
    exec(compile(ast.Module(statements, []), name, "exec"), namespace)
    exec(compile(ast.Interactive(last), name, "single"), namespace)


def run_cells(sources, namespace):
    """Execute cells one after another, whatever becomes of one.

    Yields a dictionary for each: what it printed, what it wrote to stderr, the name and message of its exception and
    the traceback of it (None for both where there is none), and the seconds it took.
    """
    for number, source in enumerate(sources, 1):
        printed, complained, raised, error = io.StringIO(), io.StringIO(), None, None
        start = time.monotonic()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(complained):
            try:
                run_cell(source, f"<code cell {number}>", namespace)
            except (Exception, KeyboardInterrupt) as exception:
                raised, error = f"{type(exception).__name__}: {exception}", traceback.format_exc()
        yield {
            "printed": printed.getvalue(),
            "stderr": complained.getvalue(),
            "raised": raised,
            "error": error,
            "seconds": time.monotonic() - start,
        }


def run_chapter(cells, results):
    """Execute the sources in the JSON file `cells`; write what computes and what came of each to `results`."""
    sys.displayhook = show
    module = sys.modules["__main__"] = types.ModuleType("__main__")  # the chapter's own
    with open(cells, encoding="utf-8") as file:
        sources = json.load(file)
    with open(results, "w", encoding="utf-8") as file:
        print(json.dumps(found()), file=file)
        for result in run_cells(sources, vars(module)):
            print(json.dumps(result), file=file, flush=True)  # known even if the interpreter ends


class ExpectedToFail:
    """A plugin of pytest: tests whose names start with one of these are tried, and must fail.

    Only those that ask pytest for file descriptors are not tried, because they would leave it in pieces.
    """

    def __init__(self, reasons):
        self.reasons = reasons

    def pytest_collection_modifyitems(self, items):
        import pytest

        for item in items:
            if "capfd" in item.fixturenames:
                item.add_marker(pytest.mark.skip(reason="it needs file descriptors"))
            for name, reason in self.reasons.items():
                if item.nodeid.startswith(name):
                    item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


def run_tests(arguments, reasons):
    """Run pytest without what a sandbox lacks: descriptors to capture, /dev/null to log to, a user."""
    import pytest

    os.getuid = lambda: 0  # pytest asks for it in the name of its temporary folder
    plugins = [f"-pno:{name}" for name in ("cacheprovider", "faulthandler", "logging")]
    return pytest.main(["-q", "--capture=sys", *plugins, *arguments], plugins=[ExpectedToFail(reasons)])
