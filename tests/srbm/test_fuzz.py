"""What fuzzing has found stays mended, and fuzzing finds what is wrong; `make fuzz` goes on with it."""

import lzma
import os

import pytest

from tests import fuzz

READERS = fuzz.readers()


@pytest.mark.parametrize(("name", "path"), fuzz.finds(), ids=lambda value: getattr(value, "stem", None) or "")
def test_what_was_once_read_wrongly(name, path, tmp_path):
    changed = tmp_path / "changed"
    changed.write_bytes(lzma.decompress(path.read_bytes()))
    fuzz.read(READERS[name], changed)


def test_the_corpus_is_small_and_its_names_are_its_contents():
    assert len(fuzz.finds()) >= 6
    assert sum(path.stat().st_size for _, path in fuzz.finds()) < 100_000
    for name, path in fuzz.finds():
        assert fuzz.keep(name, lzma.decompress(path.read_bytes()), path.parent) == path


@pytest.mark.parametrize("name", READERS)
def test_sound_files_are_read_and_some_changed_ones(name, tmp_path):
    path, accepted = tmp_path / "changed", []
    path.write_bytes(READERS[name].content)
    assert fuzz.read(READERS[name], path)
    fuzz.batch(READERS[name], path, 20, number=0, accepted=accepted)
    assert len(accepted) >= 20
    assert not all(accepted)


def careless(path):
    """A reader that looks at the length of a file only."""
    if path.stat().st_size != len(READERS["model"].content):
        raise KeyError("another length")
    return READERS["model"].read(path)


def test_a_careless_reader_is_found_and_its_file_kept(tmp_path):
    path = tmp_path / "changed"
    with pytest.raises(KeyError, match="another length"):
        fuzz.batch(READERS["model"]._replace(read=careless), path, 30, number=0)
    kept = fuzz.keep("model", path.read_bytes(), tmp_path / "corpus")
    assert lzma.decompress(kept.read_bytes()) == path.read_bytes()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that can fork")
def test_a_file_that_ends_the_process_is_a_find(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(fuzz, "CORPUS", tmp_path / "corpus")
    monkeypatch.setattr(
        fuzz, "readers", lambda: {"model": READERS["model"]._replace(read=lambda path: os.kill(os.getpid(), 9))}
    )
    assert fuzz.main(["--minutes", "0.0001", "--examples", "3", "--seed", "0"]) == 1
    assert "model, seed 0: exit -9, kept as" in capfd.readouterr().out
    assert len(list((tmp_path / "corpus").iterdir())) == 1
