"""The wheel of `srbm` and `srbm_book`, built without a network."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("srbm", "srbm_book")
FILES = ("pyproject.toml", "README.md", "LICENSE", "LICENSE-TEXT")


def build_wheel(folder: Path) -> Path:
    """Build the wheel in `folder`, from a copy of the sources, so that nothing of an older build gets in."""
    source = folder / "source"
    for name in PACKAGES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copyfile(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, "-w", folder, source], check=True, stderr=subprocess.DEVNULL)
    (wheel,) = folder.glob("srbm-*.whl")
    return wheel
