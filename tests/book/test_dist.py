"""What is in the wheel and the sdist, and where their metadata lead; what is cited is what is released."""

import email
import re
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

import srbm
from book.address import ROOT, Address
from commands import address as commands_address
from commands.dist import FILES, PACKAGES, TESTS, build

PLACE = Address.parse("https://github.com/Somebody/a-book")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return build(tmp_path_factory.mktemp("dist"), "wheel", "sdist", address=PLACE)


@pytest.fixture(scope="module")
def metadata(files):
    with zipfile.ZipFile(files[0]) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


def paths(*folders):
    kept = (path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file())
    return {path.relative_to(ROOT).as_posix() for path in kept if "__pycache__" not in path.parts}


def test_the_wheel_holds_the_packages_their_data_and_both_licences(files):
    names = zipfile.ZipFile(files[0]).namelist()
    inside, own = {name for name in names if ".dist-info/" not in name}, set(names)
    assert inside == paths(*PACKAGES)
    assert {"LICENSE", "LICENSE-TEXT"} <= {Path(name).name for name in own - inside}


def test_the_sdist_holds_the_tests_as_well(files):
    with tarfile.open(files[1]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert paths(*PACKAGES, *TESTS) | set(FILES) <= names
    for path in (ROOT / "tests" / "srbm").glob("*.py"):
        for module in re.findall(r"^(?:from|import) ((?:tests|results)\.\w+)", path.read_text("utf-8"), re.MULTILINE):
            assert {f"{module.replace('.', '/')}{end}" for end in (".py", "/__init__.py", "/helpers.py")} & names, (
                module
            )


def test_metadata_lead_to_the_address(metadata):
    urls = dict(line.split(", ") for line in metadata.get_all("Project-URL"))
    assert urls == {
        "Homepage": PLACE.site,
        "Source": PLACE.url,
        "Issues": PLACE.issues,
        "Changelog": PLACE.file("CHANGELOG.md"),
    }
    text = metadata.get_payload(decode=True).decode()
    targets = re.findall(r"\]\(([^)]*)\)", text)
    assert PLACE.raw("book/static/headline.png") in targets
    assert all(target.startswith(("https://", "#")) for target in targets)
    for target in targets:
        if target.startswith(PLACE.url):
            assert (ROOT / target.partition("/main/")[2]).exists(), target


def test_without_an_address_they_lead_nowhere():
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert commands_address.metadata(pyproject, Address()) == pyproject
    assert "urls" not in tomllib.loads(pyproject)["project"]
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert commands_address.readme(text, Address()) == text


def test_one_version(metadata):
    """Of the package, the citation and the newest entry of the changes."""
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    newest = re.search(r"^## (\S+?),? ", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)[1]
    assert metadata["Version"] == srbm.__version__ == str(cited["version"]) == newest


def test_the_citation_has_the_address_of_the_book():
    """`python tasks.py address` writes it."""
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert commands_address.citation(text, Address.of(ROOT, {})) == text
    moved = commands_address.citation(text, PLACE)
    cited = yaml.safe_load(moved)
    assert (cited["repository-code"], cited["url"]) == (PLACE.url, PLACE.site)
    assert commands_address.citation(moved, Address()) == commands_address.citation(text, Address())


def test_the_address_is_written_wherever_it_is_needed(tmp_path):
    for name in ("chapters/10_interactions.ipynb", "CITATION.cff"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    commands_address.write(tmp_path, PLACE)
    for path in (tmp_path / "chapters/10_interactions.ipynb", tmp_path / "CITATION.cff"):
        assert PLACE.url in path.read_text(encoding="utf-8")
    commands_address.write(tmp_path, Address.of(ROOT, {}))
    for name in ("chapters/10_interactions.ipynb", "CITATION.cff"):
        assert (tmp_path / name).read_bytes() == (ROOT / name).read_bytes()
