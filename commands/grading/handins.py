"""What a class handed in: one folder with a folder, or a file, for each student.

The name of a file needs to contain that of its chapter. What browsers, JupyterLab, Google Drive and learning platforms
add to it is understood: ``02_bipartite_graph (1).ipynb``, ``Copy of 02_bipartite_graph.ipynb``,
``Ada Noether_4711_assignsubmission_file_02_bipartite_graph-1.ipynb``. A file that is not in a student's folder also
says whose it is, before the name of the chapter or after it.
"""

import os
import re
import unicodedata
from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from commands.grading.values import clean

COPY = re.compile(
    r"\(\d+\)|\b(?:copy|kopie|copie|copia)(?: of| von| de| di)?(?![^\W\d_]) *\d*|(?<![^\W_])\d{1,2}(?![^\W_])",
    re.IGNORECASE,
)
MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_\w*?_?")
CANVAS = re.compile(r"(?P<name>[^\W\d_]+)(?:_LATE)?_(?P<id>\d{2,})_\d{2,}")
IGNORED = ("__MACOSX", "__pycache__")
STAMP = "timestamp.txt"  # in which nbgrader writes when a notebook beside it was handed in
NAME = re.compile(r"[^\w .()-]+")  # what the name of a file does without
NOTEBOOKS = 200  # of one student, that are looked at
LONGEST = 80  # letters of a name


@dataclass(frozen=True)
class HandIn:
    """The notebooks of one student, by chapter, and what is to be said of the files.

    `has_folder` tells whether they lie in a folder of the student's own, with what else the answers may read.
    """

    student: str
    notebooks: dict[str, Path]
    remarks: tuple[str, ...]
    has_folder: bool

    def when(self) -> datetime | None:
        """When the last of the notebooks was handed in, by nbgrader's file beside it or by its own time stamp."""
        return max((_stamped(path, self.has_folder) for path in self.notebooks.values()), default=None)


def _stamped(path: Path, in_own_folder: bool) -> datetime:
    try:
        if not in_own_folder:
            raise FileNotFoundError
        day, time, *zone = path.with_name(STAMP).read_text(encoding="utf-8").split()
        name = zone[0] if zone else "UTC"  # what no zone means to nbgrader
        if name.startswith(("+", "-")):
            return datetime.fromisoformat(f"{day} {time}{name}")
        return datetime.fromisoformat(f"{day} {time}").replace(tzinfo=ZoneInfo(name))
    except (OSError, ValueError, KeyError):  # there is none, or nothing that can be read; KeyError of an unknown zone
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)


@dataclass(frozen=True)
class _Named:
    """What the name of a file says: the chapter, who (empty where it says nothing), and which copy it is."""

    chapter: str
    who: str
    copy: int


def _named(path: Path, chapters: Iterable[str]) -> _Named | None:
    stem = unicodedata.normalize("NFC", path.stem)
    for chapter in chapters:
        words = r"[ _-]+".join(map(re.escape, chapter.split("_")))
        if found := re.search(rf"(?<![^\W_]){words}(?![^\W\d_])", stem, re.IGNORECASE):
            before, after = stem[: found.start()], stem[found.end() :].replace("_", " ").replace("-", " ")
            copies = [int(number[0] if (number := re.findall(r"\d+", mark)) else 1) for mark in COPY.findall(after)]
            before = re.sub(r"^(?:copy of|kopie von|copie de|copia di) +", "", before, flags=re.IGNORECASE)
            who = before.strip(" _-.") or " ".join(COPY.sub(" ", after).split())
            return _Named(chapter, who, max(copies, default=0))
    return None


def _student(text: str) -> tuple[str, str]:
    """The name of a student, and with it what tells apart those who share one, from the name of a folder or file."""
    text = unicodedata.normalize("NFC", text).strip(" _-.")
    for platform in (MOODLE, CANVAS):
        if found := platform.fullmatch(text):
            return found["name"].strip(), f"{found['name'].strip()} {found['id']}"
    return text, text


def _below(folder: Path) -> list[Path]:
    """The notebooks in a folder and in those inside it; links are not followed."""
    found: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in IGNORED)
        notebooks = [Path(place, name) for name in sorted(names) if _is_notebook(name)]
        found += [path for path in notebooks if not path.is_symlink()]
        if len(found) >= NOTEBOOKS:
            break
    return found[:NOTEBOOKS]


def _is_notebook(name: str) -> bool:
    return name.lower().endswith(".ipynb") and not name.startswith(".")


def is_one_copy(folder: Path, chapters: Iterable[str]) -> bool:
    """Whether a folder is the copy of one student: a notebook in it has the name of a chapter and of nobody."""
    chapters = list(chapters)
    named = (_named(path, chapters) for path in folder.iterdir() if _is_notebook(path.name))
    return any(one is not None and not one.who for one in named)


def chosen(paths: Iterable[Path], chapters: Iterable[str]) -> tuple[dict[str, Path], tuple[str, ...]]:
    """Of each chapter the notebook that counts, which is the latest copy, and remarks on the others."""
    chapters, remarks = list(chapters), []
    found: dict[str, list[tuple[int, Path]]] = {}
    for path in paths:
        if named := _named(path, chapters):
            found.setdefault(named.chapter, []).append((named.copy, path))
        else:
            remarks.append(f"{clean(path.name)} has the name of no chapter: it is not graded")
    notebooks = {}
    for chapter in chapters:
        if copies := sorted(found.get(chapter, [])):
            notebooks[chapter] = copies[-1][1]
            if len(copies) > 1:
                others = ", ".join(clean(path.name) for _, path in copies[:-1])
                remarks.append(f"{clean(copies[-1][1].name)} counts, not {others}")
    return notebooks, tuple(remarks)


def unique(name: str, taken: Container[str]) -> str:
    """`name`, with a number behind it if its small letters are `taken`."""
    count, found = 1, name
    while found.casefold() in taken:
        count += 1
        found = f"{name} ({count})"
    return found


def file_name(student: str, taken: set[str]) -> str:
    """A name for the file or folder of a student, added to those that are `taken`, in small letters."""
    name = unique(NAME.sub("_", student).strip(" .") or "nameless", taken)
    taken.add(name.casefold())
    return name


def hand_ins(folder: Path, chapters: Iterable[str]) -> list[HandIn]:
    """What each student of a class handed in, by name; a folder without any notebook is one of them."""
    chapters = list(chapters)
    files: dict[str, list[Path]] = {}  # by what tells students apart
    names, with_folder = {}, set()
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name in IGNORED or path.is_symlink():
            continue
        if path.is_dir():
            name, key = _student(path.name)
            files.setdefault(key, []).extend(_below(path))
            with_folder.add(key)
        elif _is_notebook(path.name):
            named = _named(path, chapters)
            name, key = _student(named.who if named and named.who else path.stem)
            files.setdefault(key, []).append(path)
        else:
            continue
        names[key] = name
    found: list[HandIn] = []
    for key, paths in files.items():
        short = clean(names[key], LONGEST) or "nameless"
        student = short if list(names.values()).count(names[key]) == 1 else clean(key, LONGEST)
        student = unique(student, {one.student.casefold() for one in found})
        notebooks, remarks = chosen(paths, chapters)
        remarks += () if notebooks else ("no notebook has the name of a chapter",)
        found.append(HandIn(student, notebooks, remarks, key in with_folder))
    return sorted(found, key=lambda one: one.student.casefold())
