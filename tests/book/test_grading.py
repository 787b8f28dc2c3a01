"""What is said of answers, and that no answer can end the grading, fool it or harm another."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbformat import v4

from book.reader import Numbers
from commands.grading.host import LIMITS, NAMESPACES, TIME, UNCONTAINED, containment
from commands.grading.judging import Verdict, cells_of, grade, report
from commands.grading.values import clean, decode, decode_answer, encode, encode_answer
from commands.student import CHAPTERS, student_copy

LONG = " + ".join(["1"] * 100_000)
EXERCISE = """```{{exercise}} *compute*: Twice
:label: {0}
```"""
SOLUTION = """```{{solution-start}} {0}
```"""
SOLUTION_END = """```{solution-end}
```"""


def a_chapter(*labels, judging="a, x, hint='think'"):
    """A chapter of the book whose judges find 2 right; its solutions would spoil the number that they use."""
    cells = [v4.new_code_cell("x = 2", metadata={"tags": ["answers-need"]})]
    for label in labels:
        judge = label.replace("ex", "judge").replace("-", "_")
        cells += [
            v4.new_markdown_cell(EXERCISE.format(label)),
            v4.new_code_cell(f"from srbm_book import judge\ntwo = 2\ndef {judge}(a):\n    judge({judging})",
                             metadata={"tags": ["hide-input", "answers-need"]}),
            v4.new_code_cell(f"{judge}(...)  # your answer", metadata={"tags": ["answer", label]}),
            v4.new_markdown_cell(SOLUTION.format(label)),
            v4.new_code_cell(f"{judge}(x)\nx = 5"),
            v4.new_markdown_cell(SOLUTION_END),
        ]  # fmt: skip
    return v4.new_notebook(cells=cells)


def handed_in(chapter, *answers, before="x = 2", judge=None, others=0):
    """A copy of that chapter with answers, code in the order of the exercises; None deletes the cell.

    `others` is the number of cells between the first of the chapter and its exercises.
    """
    copied = student_copy(chapter, "02_flow", Numbers(Path("no other chapters")))
    first, *rest = [cell for cell in copied.cells if cell.cell_type == "code"]
    first.source = before
    for judged, cell, answer in zip(rest[others::2], rest[others + 1 :: 2], answers, strict=True):
        judged.source = judge or judged.source
        cell.source = answer
    copied.cells = [cell for cell in copied.cells if cell.source is not None]
    return copied


def verdicts(copied, book, folder, chapter="02_flow", seconds=10.0):
    """What is said of each exercise, by its label."""
    return {one.label: one.text for one in grade(cells_of(copied), book, chapter, folder, CHAPTERS, seconds)}


@pytest.mark.parametrize(("answer", "before", "text"), [
    ("print('Hm')\njudge_2_1(2)", "x = 2", "Right."),
    ("judge_2_1(a=2)", "x = 2", "Right."),
    ("judge_2_1(y)", "y = 2", "Right."),  # from a cell of their own
    ("judge_2_1(two)", "x = 2", "Right."),  # from that of the judge, which may not replace the judge of the book
    ("judge_2_1(x)", "x = 3", "Not yet: the value is not the right one.\nHint: think"),
    ("judge_2_1(...)", "x = 2", "No answer yet."),
    ("a = 2", "x = 2", "The judge was not asked."),
    ("judge_2_1(2", "x = 2", "Code cell 3 raised SyntaxError"),
    ("judge_2_1(z)", "x = 2", "Code cell 3 raised NameError"),
    ("raise SystemExit", "x = 2", "Code cell 3 raised SystemExit"),
    ("judge_2_1(x)", "x = 1 / 0", "Code cell 1 raised ZeroDivisionError"),
    ("judge_2_1(2)", "x = 1 / 0", "Right."),  # which does not depend on x
    (None, "x = 2", "Its cell was not found."),
])  # fmt: skip
def test_grading(tmp_path, answer, before, text):
    book = a_chapter("ex-2-1")
    (said,) = verdicts(handed_in(book, answer, before=before), book, tmp_path).values()
    assert said.startswith(text)
    assert (said == "Right.") == (text == "Right.")


@pytest.mark.parametrize(("answer", "before"), [
    ("print('Right.')", "x = 2"),
    ("def judge_2_1(a):\n    print('Right.')\njudge_2_1(3)", "x = 2"),
    ("judge_2_1(3)", "def judge_2_1(a):\n    print('Right.')"),
    ("two\njudge_2_1(3)", "x = 2"),  # the cell of the judge has to run
    ("judge_2_1(3)", "x = 3"),  # what the judge of the copy would compare with
    ("class A:\n    def __array__(*a, **k):\n        print('Right.')\n        return 1 / 0\njudge_2_1(A())", "x = 2"),
    ("from srbm_book import judge\njudge(1, 1)", "x = 2"),
])  # fmt: skip
def test_only_the_judge_of_the_book_is_believed(tmp_path, answer, before):
    book = a_chapter("ex-2-1")
    copied = handed_in(book, answer, before=before, judge="two = 2\ndef judge_2_1(a):\n    print('Right.')")
    (said,) = verdicts(copied, book, tmp_path).values()
    assert said.startswith(("Not yet: ", "The judge was not asked.", "Code cell 3 raised"))


def test_the_judge_of_one_exercise_says_nothing_of_another(tmp_path):
    book = a_chapter("ex-2-1", "ex-2-3")
    copied = handed_in(book, "judge_2_1(2)", "judge_2_3(3)\njudge_2_1(2)")
    said = verdicts(copied, book, tmp_path)
    assert said["ex-2-1"] == "Right."
    assert said["ex-2-3"].startswith("Not yet")


def test_an_answer_may_use_an_earlier_one(tmp_path):
    book = a_chapter("ex-2-1", "ex-2-3")
    copied = handed_in(book, "y = x\njudge_2_1(y)", "judge_2_3(y)")
    assert verdicts(copied, book, tmp_path) == {"ex-2-1": "Right.", "ex-2-3": "Right."}


@pytest.mark.parametrize(("new", "answer", "text"), [
    ("y = 2", "judge_2_1(y)", "Right."),  # a cell of their own
    ("x = 3", "judge_2_1(x)", "Right."),  # with the cells of the book
    ("1 / 0", "judge_2_1(2)", "Right."),
    ("y = 1 / 0", "judge_2_1(y)", "Code cell 2 raised ZeroDivisionError: division by zero. Code cell 4 raised NameErr"),
    ("while True: pass", "judge_2_1(3)", "Not yet"),
    (LONG, "judge_2_1(3)", "Not yet"),
    ("import os\nos._exit(0)", "judge_2_1(y)", "Code cell 4 raised NameError"),
])  # fmt: skip
def test_cells_of_their_own(tmp_path, new, answer, text):
    book = a_chapter("ex-2-1")
    copied = handed_in(book, answer)
    at = 1 + next(index for index, cell in enumerate(copied.cells) if cell.source == "x = 2")
    copied.cells.insert(at, v4.new_code_cell(new))
    (said,) = verdicts(copied, book, tmp_path, seconds=1.0).values()
    assert said.startswith(text)


def test_cells_that_no_answer_of_the_book_needs_are_executed_for_a_name_that_is_missing(tmp_path):
    book = a_chapter("ex-2-1")
    book.cells[1:1] = [v4.new_code_cell("y = 2"), v4.new_code_cell("open('log', 'w')")]
    copied = handed_in(book, "judge_2_1(y)", others=2)
    assert verdicts(copied, book, tmp_path) == {"ex-2-1": "Right."}


def test_an_answer_finds_the_files_beside_it(tmp_path):
    (tmp_path / "mine.py").write_text("two = int(open('two.txt').read())\n")
    (tmp_path / "two.txt").write_text("2")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/zero")
    book = a_chapter("ex-2-1")
    path = list(sys.path)
    copied = handed_in(book, "import mine\nopen('two.txt', 'w').write('3')\njudge_2_1(mine.two)")
    assert verdicts(copied, book, tmp_path) == {"ex-2-1": "Right."}
    assert sys.path == path
    assert (tmp_path / "two.txt").read_text() == "2"


HONEST = {
    "display": "from IPython.display import Markdown\ndisplay(Markdown('so'), x)\njudge_2_1(2)",
    "time": "%time y = x\njudge_2_1(y)",
    "a cell magic": "%%time\ny = x\njudge_2_1(y)",
    "a pool": "from multiprocessing import Pool\ndef f(x):\n    return x + 1\n"
              "with Pool(2) as pool:\n    y = pool.map(f, [0, 1])\njudge_2_1(y[1])",
    "a lot of output": "for _ in range(20000):\n    print('Right.' * 1000)\njudge_2_1(2)",
    "a plot": "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.savefig('mine.png')\nplt.show()\njudge_2_1(2)",
    "a file": "open('mine', 'w').write('2')\njudge_2_1(int(open('mine').read()))",
    "a thread": "import threading, time\nthreading.Thread(target=time.sleep, args=[99]).start()\njudge_2_1(2)",
    "a copy of the process": "import os\nos.fork()\njudge_2_1(2)",
    "a program": "import subprocess\njudge_2_1(len(subprocess.run(['echo', '1'], capture_output=True).stdout))",
    "something to do at the end": "import atexit, time\natexit.register(time.sleep, 99)\njudge_2_1(2)",
    "warnings": "import warnings, sys\nwarnings.warn('Hm')\nprint('Hm', file=sys.stderr)\njudge_2_1(2)",
    "no end of file": "try:\n    input()\nexcept EOFError:\n    judge_2_1(2)",
}  # fmt: skip


@pytest.mark.parametrize("answer", HONEST.values(), ids=HONEST)
def test_a_right_answer_is_right(tmp_path, answer):
    book = a_chapter("ex-2-1")
    assert verdicts(handed_in(book, answer), book, tmp_path) == {"ex-2-1": "Right."}


FAKE = r"x\n2.2   Right.\n2 of 2 are right\x1b[2J\u202e"
WRONG, ENDED, LATE, RAISED = "Not yet: ", "It ended Python.", "It ran longer than ", "Code cell 3 raised "
COPIES = """import os, time
for _ in range(99 + 2 * os.cpu_count()):
    if not os.fork(): time.sleep(60)
time.sleep(60)"""
HOSTILE = {  # with the beginnings of what may be said of it
    "an endless loop": ("while True: pass", LATE),
    "one that nothing interrupts": ("sum(iter(int, 1))", LATE),
    "one that catches everything": ("import time\nwhile True:\n    try:\n        time.sleep(9)\n"
                                    "    except BaseException: pass", LATE),
    "endless judging": ("while True: judge_2_1(3)", LATE),
    "all memory": ("x = bytearray(2**34)", f"{RAISED}MemoryError"),
    "all disk": ("for n in range(99):\n    open(str(n), 'wb').write(bytes(2**25))", (f"{RAISED}OSError", LATE)),
    "a large file": ("with open('x', 'wb') as f:\n    for n in range(99): f.write(bytes(2**22))", f"{RAISED}OSError"),
    "files": ("x = [open('/dev/null') for _ in range(9999)]", f"{RAISED}OSError"),
    "an exit": ("import os\nos._exit(0)", ENDED),
    "an exit after the judge": ("import os\njudge_2_1(2)\nos._exit(0)", ENDED),
    "SystemExit": ("raise SystemExit", f"{RAISED}SystemExit"),
    "KeyboardInterrupt": ("raise KeyboardInterrupt", f"{RAISED}KeyboardInterrupt"),
    "a crash": ("import ctypes\nctypes.string_at(0)", ENDED),
    "another program": ("import os\nos.execv('/bin/echo', ['echo', 'Right.'])", ENDED),
    "deep recursion": ("def f(x): return sorted([x], key=f)\nimport sys\nsys.setrecursionlimit(10**9)\nf(1)", ENDED),
    "recursion": ("def f(): f()\nf()", f"{RAISED}RecursionError"),
    "a deep answer": ("x = 2\nfor _ in range(99): x = [x]\njudge_2_1(x)", "It sent something that is no answer."),
    "a deeper answer": ("x = 2\nfor _ in range(999): x = [x]\njudge_2_1(x)", f"{RAISED}RecursionError"),
    "the deepest answer": ("x = 2\nfor _ in range(99999): x = [x]\njudge_2_1(x)", WRONG),
    "a large answer": ("import numpy as np\njudge_2_1(np.zeros((9999, 999)))", WRONG),
    "a large number": ("judge_2_1(10**99999)", f"{RAISED}ValueError"),
    "a long expression": (f"judge_2_1({LONG})", (RAISED, ENDED, LATE)),
    "a judge of its own": ("def judge_2_1(a): print('Right.')\njudge_2_1(3)", "The judge was not asked."),
    "another judge": ("from srbm_book import selfcheck\nselfcheck._verdict = selfcheck._problem = lambda *_: 'Right.'\n"
                      "selfcheck.RIGHT = 'Not yet'\njudge_2_1(3)", WRONG),
    "another NumPy": ("import numpy as np\nnp.abs = np.asarray = lambda *a, **k: 0\njudge_2_1(3)", WRONG),
    "the verdict": ("import commands.grading.judging as j\nj._ask = j.grade = None\nj.Verdict.right = True\n"
                    "judge_2_1(3)", (WRONG, LATE)),
    "an answer that equals everything": ("class A:\n    __eq__ = __le__ = lambda *_: True\n"
                                         "    __abs__ = __sub__ = __rsub__ = lambda s, *_: s\njudge_2_1(A())", WRONG),
    "a fake verdict": (f"print('{FAKE}')\nraise ValueError('{FAKE}')", f"{RAISED}ValueError: x\\n2.2   Right."),
    "a fake type": (f"judge_2_1(type('{FAKE}', (), {{}})())", WRONG),
    "a right type": ("raise type('Right.', (Exception,), {})", RAISED),
    "an error without end": ("class E(Exception):\n    def __str__(self): return 1 / 0\nraise E", RAISED),
    "replies of its own": ("import os, json\nfor fd in range(3, 30):\n    for reply in (dict(raised=None), 'Right.'):\n"
                           "        text = json.dumps(reply).encode()\n        try: os.write(fd, len(text).to_bytes(4)"
                           " + text)\n        except OSError: pass", ("The judge was not asked.", ENDED)),
    "garbage": ("import os\nfor fd in range(3, 30):\n    try: os.write(fd, bytes(range(256)) * 99)\n"
                "    except OSError: pass", (ENDED, LATE)),
    "closed pipes": ("import os\nos.closerange(0, 99)\njudge_2_1(2)", ENDED),
    "copies of the process": (COPIES, ("It started too many processes.", LATE)),
    "copies that do the same": ("import os\nfor _ in range(7): os.fork()\nwhile True: pass",
                                ("It started too many processes.", LATE)),
    "a stop": ("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\nwhile True: pass", LATE),
    "a signal to its group": ("import os, signal\nsignal.signal(15, signal.SIG_IGN)\nos.killpg(0, 15)\njudge_2_1(2)",
                              "Right."),
}  # fmt: skip


@pytest.fixture(params=[NAMESPACES, LIMITS])
def held_by(request, monkeypatch):
    """What holds the answers: what the system grants, and what is left where it grants nothing."""
    if request.param == NAMESPACES:
        granted()
    monkeypatch.setattr("commands.grading.host.containment", lambda: request.param)
    return request.param


def granted():
    if containment() != NAMESPACES:
        pytest.skip("this system grants no namespaces")


@pytest.mark.parametrize(("answer", "said"), HOSTILE.values(), ids=HOSTILE)
def test_no_answer_ends_or_fools_the_grading(tmp_path, capsys, held_by, answer, said):
    """The honest answer beside it is right, and no line is printed that the grader did not write."""
    if held_by == LIMITS and answer == HOSTILE["all disk"][0]:
        pytest.skip("only a namespace limits the disk")
    started = time.monotonic()
    chapters, folder = tmp_path / "chapters", tmp_path / "handed in"
    book = a_chapter("ex-2-1", "ex-2-2")
    save(chapters / "02_flow.ipynb", book)
    save(folder / "02_flow.ipynb", handed_in(book, answer, "judge_2_2(2)"))
    # Where a limit is to be met it is short; elsewhere a busy machine must not meet it.
    report(folder, chapters, seconds=4.0 if LATE in said else 20.0)
    hostile, honest, count = re.sub(r"\nHint: think", "", capsys.readouterr().out).splitlines()
    assert hostile.removeprefix("2.1   ").startswith(said)
    assert hostile.isprintable()
    assert len(hostile) < 500
    assert honest == "2.2   Right."
    assert count == f"{1 + (said == 'Right.')} of 2 are right"
    assert time.monotonic() - started < 60


FUNCTIONS = {
    "right": ("lambda n: 2 * n", "Right."),
    "a lie about its type": ("type('Right.', (), {'__call__': lambda s, n: 3})()", WRONG),
    "an error": (f"lambda n: {{}}['{FAKE}']", "Not yet: your function raised KeyError"),
    "an exit": ("lambda n: __import__('sys').exit()", "Not yet: your function raised SystemExit"),
    "an end": ("lambda n: __import__('os')._exit(0)", ENDED),
    "no end": ("lambda n: sum(iter(int, 1))", LATE),
    "a judge": ("lambda n: judge_2_1(2)", "No answer yet."),
    "a function": ("lambda n: lambda: 2", WRONG),
    "much": ("lambda n: [n] * 10**6", WRONG),
}


@pytest.mark.parametrize(("answer", "said"), FUNCTIONS.values(), ids=FUNCTIONS)
def test_functions(tmp_path, answer, said):
    book = a_chapter("ex-2-1", judging="a, lambda n: x * n, on=[1, 3]")
    (text,) = verdicts(handed_in(book, f"judge_2_1({answer})"), book, tmp_path, seconds=4.0).values()
    assert text.startswith(said)
    assert text.isprintable()


def test_no_answer_harms_another(tmp_path):
    """Nor does a module that was handed in, or what the answers of one chapter did those of another."""
    (tmp_path / "srbm_book.py").write_text("1 / 0")
    book = a_chapter("ex-2-1", "ex-2-2", "ex-2-3", "ex-2-4")
    copied = handed_in(
        book,
        "import numpy\nnumpy.asarray = None\nx = 3\njudge_2_1(2)",
        "import os\nos._exit(0)",
        "judge_2_3(x)",
        "judge_2_4(4)",
    )
    said = verdicts(copied, book, tmp_path)
    assert said.pop("ex-2-4").startswith(WRONG)
    assert said == {"ex-2-1": "Right.", "ex-2-2": ENDED, "ex-2-3": "Right."}


def alive(mark):
    """The processes with a mark in their names."""
    shown = subprocess.run(["ps", "-eo", "comm"], capture_output=True, text=True, check=True).stdout
    return [name for name in shown.splitlines() if mark in name]


STAYING = {
    "sessions": ("if not os.fork():\n    os.setsid()\n    if not os.fork(): time.sleep(60)\n    os._exit(0)\n"
                 "judge_2_1(2)", "Right."),
    "copies": ("for _ in range(7): os.fork()\nwhile True: pass", ("It started", LATE)),
    "an end": ("if os.fork(): os._exit(0)\ntime.sleep(60)", ENDED),
    "files": ("os.makedirs('a/b')\nopen('a/b/c', 'w')\nos.chmod('a', 0)\njudge_2_1(2)", "Right."),
}  # fmt: skip


@pytest.mark.parametrize(("answer", "said"), STAYING.values(), ids=STAYING)
def test_nothing_stays(tmp_path, held_by, answer, said):
    """No process, in whatever session it is, and no file."""
    mark = f"stay{os.getpid()}"
    book = a_chapter("ex-2-1")
    named = f"import os, time\nopen('/proc/self/comm', 'w').write({mark!r})\n{answer}"
    (text,) = verdicts(handed_in(book, named), book, tmp_path, seconds=4.0).values()
    assert text.startswith(said)
    assert not alive(mark)
    assert not list(Path(tempfile.gettempdir()).glob(f"answers-{os.getpid()}-*"))


@pytest.fixture
def outside(tmp_path):
    """What an answer may want to reach: a file, a process, a port and a socket."""
    granted()
    got = []
    before = signal.signal(signal.SIGUSR1, lambda *_: got.append("signal"))
    with socket.create_server(("127.0.0.1", 0)) as port, socket.socket(socket.AF_UNIX) as local:
        local.bind(str(tmp_path / "socket"))
        local.listen()
        (tmp_path / "file").write_text("old")
        yield {"folder": str(tmp_path), "process": os.getpid(), "port": port.getsockname()[1]}
        assert (tmp_path / "file").read_text() == "old"
        assert not (tmp_path / "new").exists()
        for server in (port, local):
            server.settimeout(0.01)
            with pytest.raises(TimeoutError):
                server.accept()
    signal.signal(signal.SIGUSR1, before)
    assert got == []


REACHING = [
    ("open('{folder}/new', 'w')", "OSError: [Errno 30]"),
    ("open('{folder}/file', 'w')", "OSError: [Errno 30]"),
    ("import os\nos.remove('{folder}/file')", "OSError: [Errno 30]"),
    ("import os\nos.kill({process}, 10)", "ProcessLookupError"),
    ("open('/proc/{process}/mem', 'wb')", "FileNotFoundError"),
    ("import socket\nsocket.create_connection(('127.0.0.1', {port}))", "OSError"),
    ("import socket\nsocket.socket(socket.AF_UNIX).connect('{folder}/socket')", "ConnectionRefusedError"),
    ("import os\nassert os.listdir('/dev/pts')", "AssertionError"),
    ("import os\nassert os.listdir('/run')", "AssertionError"),
    ("import ctypes\nassert not ctypes.CDLL(None).mount(None, b'/', None, 0x1020, None)", "AssertionError"),
    (
        "import ctypes\nc = ctypes.CDLL(None)\nc.unshare(0x10020000)\nc.mount(None, b'/', None, 0x1020, None)\n"
        "open('{folder}/new', 'w')",
        "OSError: [Errno 30]",
    ),
]


@pytest.mark.parametrize(("answer", "error"), REACHING)
def test_a_namespace_ends_at_its_folder(tmp_path, outside, answer, error):
    book = a_chapter("ex-2-1")
    (said,) = verdicts(handed_in(book, answer.format(**outside)), book, tmp_path).values()
    assert said.startswith(f"Code cell 3 raised {error}")


@pytest.mark.parametrize("held", [LIMITS, TIME])
def test_what_is_not_contained_is_said(book, monkeypatch, capsys, held):
    monkeypatch.setattr("commands.grading.judging.containment", lambda: held)
    report(book[1], book[0])
    said = capsys.readouterr()
    assert said.err == f"{UNCONTAINED[held]}\n"
    assert "trust" in said.err
    assert said.out.endswith("1 of 3 are right\n")


def test_the_number_of_processes_is_limited(tmp_path):
    book = a_chapter("ex-2-1")
    said = verdicts(handed_in(book, COPIES), book, tmp_path, seconds=60.0)
    assert said == {"ex-2-1": "It started too many processes."}


def test_what_all_processes_occupy_is_limited(tmp_path):
    """In a process where little is allowed, since occupying much would harm the tests."""
    script = f"""
from pathlib import Path
from commands.grading import confine, host
confine.MEMORY = 2**20
try:
    with host.Guest(Path({str(tmp_path)!r}), "judge", 9.0) as guest:
        guest.execute("import time; time.sleep(9)", "cell", None)
except (host.Ended, RuntimeError) as ended:
    print(ended)
"""
    (tmp_path / "limited.py").write_text(
        "import multiprocessing\nfrom commands.grading import host\n"
        "host._context = lambda: multiprocessing.get_context('fork')\n" + script
    )
    run = [sys.executable, tmp_path / "limited.py"]
    environment = os.environ | {"PYTHONPATH": str(CHAPTERS.parent)}
    done = subprocess.run(run, env=environment, capture_output=True, text=True, check=True)
    assert "It used too much memory." in done.stdout


@pytest.mark.parametrize("value", [
    None, ..., True, 2, 2.5, float("inf"), 1j, "infrared", [1, [2.0, ...]], (None, "a"), np.float32(0.5), np.True_,
    np.arange(6).reshape(2, 3).T, np.array(["a", "bc"]), np.zeros((0, 3)),
])  # fmt: skip
def test_a_value_comes_back(value):
    back = decode(encode(value))
    np.testing.assert_equal(back, value)
    assert isinstance(back, type(value)) or type(value) is complex


def test_of_other_things_the_name_comes_back():
    functions = []
    assert type(decode(encode({"a": 1}))).__name__ == "dict"
    assert type(decode(encode_answer(np.zeros(5000), []))).__name__ == "ndarray of more than 4096 entries"
    assert decode(encode([abs, len], functions), functions.__getitem__) == [abs, len]


@pytest.mark.parametrize("data", [
    {}, {"a": 1}, {"type": 1}, {"function": "0"}, {"list": 3}, {"array": "AAAA", "dtype": "O", "shape": [1]},
    {"array": "AAAAAAAAAAA=", "dtype": "<f8", "shape": [2]}, {"array": "AAAAAAAAAAA=", "dtype": "<f8", "shape": ["1"]},
    {"array": "!", "dtype": "<f8", "shape": []}, {"array": "", "dtype": "V0", "shape": []}, {"list": [0] * 5000},
    {"array": "AAAA", "dtype": "nothing", "shape": [1]}, {"list": [{"list": [{"tuple": [{"a": 1}]}]}]},
])  # fmt: skip
def test_what_is_no_answer_is_refused(data):
    with pytest.raises(ValueError, match=r"\w+"):
        decode_answer(data, abs)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain µ²", "plain µ²"),
        ("a\nb\x1b[0m\r", r"a\nb\x1b[0m\r"),
        ("\u202e\u2028\ud800", r"\u202e\u2028\ud800"),
        ("x" * 9999, "x" * 300 + "..."),
        ("\n" * 9999, r"\n" * 150 + "..."),
    ],
)
def test_one_line_is_shown(text, shown):
    assert clean(text) == shown


@pytest.fixture
def book(tmp_path):
    """The chapters of a small book, beside which a folder was handed in with one right answer."""
    chapters, folder = tmp_path / "chapters", tmp_path / "handed in"
    for number, name in enumerate(["02_flow", "03_training", "A_algorithm"], 2):
        label = "ex-A-1" if name[0] == "A" else f"ex-{number}-1"
        save(chapters / f"{name}.ipynb", a_chapter(label))
    save(folder / "02_flow.ipynb", handed_in(a_chapter("ex-2-1"), "judge_2_1(2)"))
    return chapters, folder


def save(path, notebook):
    path.parent.mkdir(exist_ok=True)
    path.write_text(nbformat.writes(notebook))


def printed_lines(capsys, folder, chapters):
    report(folder, chapters)
    return capsys.readouterr().out.splitlines()


def test_a_report(book, capsys):
    """All exercises count; a notebook that cannot be read costs its own, and one without a chapter is named."""
    chapters, folder = book
    (folder / "A_algorithm.ipynb").write_text("<<<<<<< HEAD")
    save(folder / "Untitled.ipynb", v4.new_notebook())
    assert printed_lines(capsys, folder, chapters) == [
        "Untitled.ipynb has the name of no chapter: it is not graded",
        "03_training.ipynb was not found: its exercises (3.1) are not graded",
        "A_algorithm.ipynb is not a notebook (NotJSONError: Notebook does not appear to be JSON: '<<<<<<< HEAD'): "
        "its exercises (A.1) are not graded",
        "2.1   Right.",
        "1 of 3 are right",
    ]


def test_a_verdict_is_shown_before_the_next_is_known(book, monkeypatch, capsys):
    def slow(*arguments):
        yield Verdict("ex-2-1", "Right.")
        assert "2.1   Right." in capsys.readouterr().out
        yield Verdict("ex-A-1", "No answer yet.")

    monkeypatch.setattr("commands.grading.judging.grade", slow)
    chapters, folder = book
    assert printed_lines(capsys, folder, chapters) == ["A.1   No answer yet.", "1 of 3 are right"]


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"\xff\xfe", b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}']
)
@pytest.mark.filterwarnings("ignore")  # nbformat's, on what it reads
def test_what_is_no_notebook(book, capsys, content):
    chapters, folder = book
    (folder / "02_flow.ipynb").unlink()
    (folder / "03_training.ipynb").write_bytes(content)
    (line,) = [line for line in printed_lines(capsys, folder, chapters) if "03_training" in line]
    assert re.fullmatch(r"03_training.ipynb is not a notebook \(\w+: .*\): its exercises \(3.1\) are not graded", line)


@pytest.mark.parametrize("make", [
    lambda path: os.mkfifo(path),
    lambda path: path.symlink_to("/dev/zero"),
    lambda path: path.mkdir(),
    lambda path: path.write_text('{"cells": ' + "[" * 99999),
    lambda path: os.truncate(os.open(path, os.O_CREAT | os.O_WRONLY), 2**40),
    lambda path: path.write_text('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "code", '
                                 '"metadata": {"tags": 5}, "source": "", "outputs": [], "execution_count": null}]}'),
], ids=["a pipe", "a device", "a folder", "depth", "size", "tags"])  # fmt: skip
@pytest.mark.filterwarnings("ignore")  # nbformat's, on what it reads
def test_a_notebook_that_would_harm_is_not_read(book, capsys, make):
    chapters, folder = book
    make(folder / "03_training.ipynb")
    *lines, count = printed_lines(capsys, folder, chapters)
    assert any("03_training.ipynb is not a notebook (" in line for line in lines)
    assert count == "1 of 3 are right"


def test_a_name_of_a_file_is_no_verdict(book, capsys):
    chapters, folder = book
    (folder / "x\n3.1   Right.\x1b.ipynb").touch()
    lines = printed_lines(capsys, folder, chapters)
    assert r"x\n3.1   Right.\x1b.ipynb has the name of no chapter: it is not graded" in lines
