"""What a class handed in, where nbgrader looks for it: ``python -m commands.collect hand-ins course week1``.

`course` is the folder in which nbgrader works, `week1` an assignment whose `source` was made by ``python -m
commands.student`` and which ``nbgrader generate_assignment`` knows. Names of folders and files are understood as when
we grade (`commands.grading.handins`), and cells that have lost nbgrader's metadata get them back. What nbgrader has
collected itself is left as it is.
"""

import argparse
import shutil
import sys
from datetime import UTC
from pathlib import Path

import nbformat

from commands.grading.guest import copy_files
from commands.grading.handins import STAMP, file_name, hand_ins
from commands.grading.judging import read_notebook, why_not
from commands.grading.nbgrader import mended
from commands.normalise import dumps


def collect(folder: Path, course: Path, assignment: str) -> int:
    """Write the hand-ins in `folder` as submissions of an assignment, and print what is to be said of them."""
    given_out = {path.stem: path for path in sorted((course / "release" / assignment).glob("*.ipynb"))}
    if not given_out:
        raise FileNotFoundError(
            f"{course / 'release' / assignment} holds no notebooks: make them with nbgrader generate_assignment"
        )
    taken: set[str] = set()
    for one in hand_ins(folder, given_out):
        student = file_name(one.student, taken)
        target = course / "submitted" / student / assignment
        if target.exists():
            print(f"{student}: {target} is there already, and stays as it is")
            continue
        for remark in one.remarks:
            print(f"{student}: {remark}")
        if when := one.when():
            target.mkdir(parents=True)
            for path in dict.fromkeys(path.parent for path in one.notebooks.values()) if one.has_folder else ():
                copy_files(path, target)
            (target / STAMP).write_text(f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f} UTC\n", encoding="utf-8")
        for chapter, path in one.notebooks.items():
            try:
                notebook = nbformat.from_dict(read_notebook(path))
                original = nbformat.read(given_out[chapter], as_version=4)
                notebook.cells = mended(notebook.cells, original.cells)
                (target / f"{chapter}.ipynb").write_text(dumps(notebook), encoding="utf-8")
            except Exception as error:  # a file can be wrong in many ways: nbgrader has its own word for it
                print(f"{student}: {path.name} is not a notebook ({why_not(error)}), and is handed on as it is")
                shutil.copyfile(path, target / f"{chapter}.ipynb")
    return len(taken)


def main():
    parser = argparse.ArgumentParser(prog="python -m commands.collect", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="with a folder or a file for each student")
    parser.add_argument("course", type=Path, help="of nbgrader, with the folders source and release")
    parser.add_argument("assignment", help="the name of a folder in them")
    arguments = parser.parse_args()
    try:
        count = collect(arguments.folder.expanduser(), arguments.course.expanduser(), arguments.assignment)
    except FileNotFoundError as error:
        parser.error(str(error))
    print(f"{count} hand-ins: grade them with nbgrader autograde {arguments.assignment}")


if __name__ == "__main__":
    sys.exit(main())
