"""The tasks of this repository: ``python tasks.py book``, and so on; without a name they are listed.

Nothing has to be installed before: the first task makes an environment in `.venv`, and the Python of it runs all that
a task runs. It is the same on every system; `make book` is a shorter way to type it. This file is read by whatever
Python is at hand, so that one that is too old can be told so: it has no syntax that Python 3.6 does not know.
"""

import inspect
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
LITE, WASM, NBGRADER = VENV / "lite", VENV / "wasm", VENV / "nbgrader"
OLDEST, NEWEST = (3, 11), (3, 14)
SETTINGS = {  # one thread per process: stored outputs are the same on every machine, and two processes run side by side
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONUTF8": "1",  # of all files and outputs, on Windows too
}
PYTEST = ("-m", "pytest", "-q", "-n", "2")
COVERAGE = ("--cov=srbm", "--cov-report=term:skip-covered", "--cov-fail-under=97")
NBVAL = ("--dist", "loadfile", "--nbval", "--nbval-current-env")
TASKS = {}


def task(function):
    """Make a function a task, of the words that follow its name; the first line of what it says is listed."""
    TASKS[function.__name__] = function
    return function


def say(text):
    print(text, flush=True)


def program(environment, name="python", windows=os.name == "nt"):
    """The path of a program of an environment."""
    return environment / "Scripts" / f"{name}.exe" if windows else environment / "bin" / name


def run(*command, **variables):
    """Run a command in the repository; where it fails the task ends with its exit code."""
    environment = dict(os.environ, **SETTINGS, **variables)
    code = subprocess.call([str(word) for word in command], cwd=str(ROOT), env=environment)
    if code:
        sys.exit(code)


def python(*words, **variables):
    """Run the Python of the environment, which is made where it is missing."""
    prepare()
    run(program(VENV), *words, **variables)


def dotted(version):
    return ".".join(map(str, version))


def is_suitable(version):
    return OLDEST <= tuple(version[:2]) <= NEWEST


def made_with(environment):
    """The version of Python that an environment was made with; nothing where there is none that starts."""
    try:
        lines = (environment / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
        shown = next(line.partition("=")[2].strip() for line in lines if line.startswith("version"))
        version = tuple(int(part) for part in shown.split(".")[:2])
    except (OSError, StopIteration, ValueError):
        return ()
    return version if program(environment).exists() else ()  # a link whose Python was removed leads nowhere


def is_ready(environment, *files):
    """Whether an environment can be used, and was finished after all of these files were changed."""
    stamp = environment / ".ready"
    if not stamp.exists() or not is_suitable(made_with(environment)):
        return False
    return all(stamp.stat().st_mtime >= (ROOT / file).stat().st_mtime for file in files)


def make(environment, maker, *steps):
    """Make an environment with the Python `maker` and take the `steps` in it; one that is not finished is removed."""
    fresh = not is_suitable(made_with(environment))
    if fresh:
        shutil.rmtree(str(environment), ignore_errors=True)
    try:
        if fresh:
            run(maker, "-m", "venv", environment)
        for step in steps:
            run(program(environment), *step, PYTHONWARNINGS="ignore")  # those of setuptools are not for users
        (environment / ".ready").touch()
    except BaseException:
        if fresh:
            shutil.rmtree(str(environment), ignore_errors=True)
            say("The environment could not be finished, so it was removed: nothing is left of it.")
        raise


@task
def prepare(*names):
    """the environment alone, in .venv; `prepare lite`, `wasm` and `nbgrader` make those of these tasks as well"""
    if not is_ready(VENV, "requirements.txt", "pyproject.toml"):
        old = made_with(VENV)
        if not is_suitable(old) and not is_suitable(sys.version_info):
            needed, this = " to ".join(map(dotted, (OLDEST, NEWEST))), dotted(sys.version_info[:2])
            sys.exit(
                f"The book needs Python {needed}, and {sys.executable} is {this}: use another one, as in "
                f"`python{dotted(NEWEST)} tasks.py book` or `make PYTHON=python{dotted(NEWEST)} book`."
            )
        again = "Bringing the environment in .venv up to date" if is_suitable(old) else "Making an environment in .venv"
        say(f"{again}: a download of some hundred megabytes, once, which takes a few minutes.")
        pip = ("-m", "pip", "--disable-pip-version-check", "install", "-q")
        # The last step fills matplotlib's font cache: doing so later prints a warning, and a chapter may print none.
        make(
            VENV,
            sys.executable,
            (*pip, "-r", "requirements.txt"),
            (*pip, "--no-deps", "-e", "."),
            ("-c", "import matplotlib.font_manager"),
        )
    # pip would bring a NumPy that the Python for WebAssembly cannot use: it has its own inside.
    for name, folder, options in (("lite", LITE, ()), ("wasm", WASM, ("--no-deps",)), ("nbgrader", NBGRADER, ())):
        file = f"requirements-{name}.txt"
        if name in names and not is_ready(folder, file):
            say(f"Making an environment in .venv/{name}: a download, once.")
            install = ("-m", "pip", "--disable-pip-version-check", "install", "-q")
            make(folder, program(VENV), install + options + ("-r", file))


@task
def book():
    """the rendered book, in _build/html"""
    prepare()
    # Always from nothing: a second build over an old one with -W forgets the warnings of the first.
    shutil.rmtree(str(ROOT / "_build"), ignore_errors=True)
    run(program(VENV, "jupyter-book"), "build", ".", "--all", "-n", "-W", "--keep-going")
    say("Open " + (ROOT / "_build" / "html" / "index.html").as_uri())


@task
def check():
    """the unit tests of the package alone, in a few minutes"""
    python(*PYTEST, "tests/srbm")


@task
def test():
    """everything CI runs: unit tests, notebooks, the book's rules, a clean build, the browser"""
    lint()
    python(*PYTEST, *COVERAGE, "tests/srbm", "tests/book")
    notebooks()
    book()
    python(*PYTEST, "tests/browser")


@task
def notebooks(*chapters):
    """execute the chapters, or those named, and compare their outputs with the stored ones"""
    files = [f"chapters/{Path(chapter).stem}.ipynb" for chapter in chapters] or ["chapters"]
    python(*PYTEST, *NBVAL, *files)


@task
def lint():
    """ruff, and the types of the package"""
    python("-m", "ruff", "check", ".")
    python("-m", "ruff", "format", "--check", "-q", ".")
    python("-m", "mypy")


@task
def execute(*chapters):
    """re-execute the chapters, or those named, and store their outputs"""
    python("-m", "commands.execute", *chapters)


@task
def lab(folder="lab"):
    """the chapters in JupyterLab, copies that may be changed, in lab/ or the folder named"""
    python("-m", "commands.reading", folder)
    run(program(VENV), "-m", "jupyterlab", folder)


@task
def student(folder="student", *exercises):
    """a copy of the chapters without solutions, in student/ or the folder named; of exercises, one for nbgrader"""
    python("-m", "commands.student", folder, *exercises)


@task
def grade(folder="student", *exercises):
    """judge the answers in such a copy, or those of a class to the exercises named, as in `grade class 2.1 2.3=2`"""
    python("-m", "commands.student", "--grade", folder, *exercises)


@task
def collect(folder, course, assignment):
    """what a class handed in, as nbgrader looks for it in the folder of a course: `collect hand-ins course week1`"""
    python("-m", "commands.collect", folder, course, assignment)


@task
def nbgrader():
    """the same hand-ins graded by nbgrader's own release and by `grade`; stores chapters/graders.json (a download)"""
    prepare("nbgrader")
    python("-m", "commands.graders")


@task
def lite():
    """the chapters in the browser (JupyterLite), in _build/lite"""
    prepare("lite")
    python("-m", "commands.lite", "_build/lite", "--jupyter-lite", program(LITE, "jupyter-lite"))
    say("Serve it: python -m http.server --bind 127.0.0.1 --directory _build/lite")


@task
def pdf():
    """the whole book as one PDF, in _build/pdf/srbm.pdf (after `book`; needs Chromium)"""
    python("-m", "commands.pdf", "_build/html", "_build/pdf/srbm.pdf")


@task
def site():
    """what is published: the book with its PDF and the JupyterLite site, in _build/html"""
    os.environ["SRBM_SITE"] = "1"
    book()
    lite()
    pdf()
    shutil.copytree(str(ROOT / "_build" / "lite"), str(ROOT / "_build" / "html" / "lite"))
    shutil.copy(str(ROOT / "_build" / "pdf" / "srbm.pdf"), str(ROOT / "_build" / "html"))


@task
def anywhere(*chapters):
    """the chapters, or those named, outside the repository, beside the installed wheel (a download)"""
    python("-m", "commands.anywhere", *chapters)


@task
def everywhere(*rows):
    """unit tests and chapters under every arithmetic of this machine, or the rows named (hours; can be resumed)"""
    python("-m", "commands.everywhere", *(("--rows", *rows) if rows else ()))


@task
def wasm(*chapters):
    """unit tests and chapters, or those named, under 32-bit WebAssembly, as in a browser"""
    prepare("wasm")
    python("-m", "commands.wasm", *chapters)


@task
def reseed(*chapters):
    """the chapters, or those named, with all seeds shifted, five times"""
    python("-m", "commands.reseed", *(("--chapters", *chapters) if chapters else ()))


@task
def mutants():
    """wrong formulas that the tests have to notice (half an hour; no part of `test`)"""
    python("-m", "tests.mutants")


@task
def mutation(*words):
    """every line of srbm, or of modules, changed by mutmut, to be noticed by the tests (days; `--sample 15`: hours)"""
    python("-m", "pip", "install", "-q", "mutmut==3.8.1")
    python("-m", "tests.mutation", *words)


@task
def fuzz(minutes="20"):
    """changed files for every reader of srbm, for 20 minutes or those named; what is read wrongly joins the tests"""
    python("-m", "tests.fuzz", "--minutes", minutes)


@task
def bench():
    """paired benchmarks on one thread, peers included; stores benchmarks/results.json"""
    python("-m", "pip", "install", "-q", "-e", ".[bench]")  # PyTorch, on which one of the peers stands, is large
    python("-m", "benchmarks")


@task
def dist():
    """the wheel and the sdist, in dist/"""
    python("-m", "commands.dist")


@task
def address():
    """write the address that _config.yml names wherever the repository needs it"""
    python("-m", "commands.address")


@task
def lock():
    """resolve requirements.in and its like into the .txt of the same name, and ask when each was released last"""
    for name, options in (("", ()), ("-lite", ()), ("-wasm", ("--no-emit-package", "numpy")), ("-nbgrader", ())):
        files = (f"requirements{name}.in", "-o", f"requirements{name}.txt")
        python("-m", "uv", "pip", "compile", "-q", "--universal", "--python-version", "3.11", *options, *files)
    python("-m", "commands.releases")


@task
def clean():
    """remove the environment and everything built"""
    for name in (".venv", "_build", "build", "dist", "srbm.egg-info", ".pytest_cache", ".ruff_cache", ".mypy_cache"):
        shutil.rmtree(str(ROOT / name), ignore_errors=True)


def main(words):
    name, words = (words[0], words[1:]) if words else ("", [])
    if name not in TASKS:
        if name not in ("", "help", "-h", "--help"):
            say(f"There is no task {name}. There are:\n")
        for one, function in TASKS.items():
            say(f"{one:12}{inspect.getdoc(function)}")
        return int(name not in ("", "help", "-h", "--help"))
    try:
        inspect.signature(TASKS[name]).bind(*words)
    except TypeError:
        sys.exit(f"The task {name} takes no such words: {' '.join(words)}")
    TASKS[name](*words)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
