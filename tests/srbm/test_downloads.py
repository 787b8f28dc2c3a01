"""Downloads from a server on this machine that is honest, broken or hostile."""

import gzip
import hashlib
import http.server
import struct
import subprocess
import sys
import threading

import numpy as np
import pytest

import srbm
from srbm import DatasetError, datasets

pytest.importorskip("pooch")
PIXELS = np.random.default_rng(0).integers(256, size=(3, 784), dtype=np.uint8)
CONTENT = gzip.compress(struct.pack(">4i", 2051, 3, 28, 28) + PIXELS.tobytes(), mtime=0)
FILE = datasets.OfficialFile("images.gz", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT), 3)


class Server(http.server.ThreadingHTTPServer):
    """Answers as `answer` says, a list of chunks after the headers, and counts how often it was asked."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.status, self.chunks, self.length, self.asked = 200, [CONTENT], len(CONTENT), 0
        self.meeting = None


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked += 1
        if self.server.meeting is not None:
            self.server.meeting.wait(60)  # nobody is served before everybody has asked
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(self.server.length))
        self.end_headers()
        try:
            for chunk in self.server.chunks:
                self.wfile.write(chunk)
        except OSError:
            pass  # the client has had enough

    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(datasets, "MNIST_URL", f"http://127.0.0.1:{server.server_address[1]}/")
        monkeypatch.setattr(datasets, "MNIST_FILES", {"train": FILE})
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache" / name)
        monkeypatch.delenv("SRBM_DATA", raising=False)
        yield server
        server.shutdown()


def cached(tmp_path):
    return sorted(file for file in (tmp_path / "cache").rglob("*") if file.is_file())


def test_once(server, tmp_path):
    for _ in range(2):
        np.testing.assert_array_equal(srbm.load_mnist(scale=False), PIXELS)
    assert server.asked == 1
    (file,) = cached(tmp_path)
    assert file.read_bytes() == CONTENT


def test_a_damaged_copy_in_the_cache_is_replaced(server, tmp_path):
    srbm.load_mnist()
    (file,) = cached(tmp_path)
    file.write_bytes(CONTENT[:100])
    np.testing.assert_array_equal(srbm.load_mnist(scale=False), PIXELS)
    assert server.asked == 2


@pytest.mark.parametrize(
    ("status", "chunks", "length", "message"),
    [
        (404, [b"not found"], 9, "404"),
        (503, [], 0, "503"),
        (200, [CONTENT[:1000]], len(CONTENT), "read|incomplete|Incomplete|hash"),  # the connection breaks
        (200, [CONTENT[:1000]], 1000, "hash"),
        (200, [b"<html>sign in</html>"], 20, "hash"),
        (200, [CONTENT[:500] + b"\0" + CONTENT[501:]], len(CONTENT), "hash"),
        (200, [bytes(2**16)] * 2**14, 2**30, "more than the official file has"),
    ],
    ids=["missing", "unavailable", "broken off", "short", "a page", "one byte", "a gigabyte"],
)
def test_what_is_not_the_file_is_not_kept(server, tmp_path, status, chunks, length, message):
    server.status, server.chunks, server.length = status, chunks, length
    with pytest.raises(DatasetError, match=r"images\.gz could not be downloaded from http://.*set SRBM_DATA") as caught:
        srbm.load_mnist()
    assert caught.match(message)
    assert cached(tmp_path) == []
    server.status, server.chunks, server.length = 200, [CONTENT], len(CONTENT)
    np.testing.assert_array_equal(srbm.load_mnist(scale=False), PIXELS)


def test_nobody_answers(server):
    server.shutdown()
    server.server_close()
    with pytest.raises(DatasetError, match="could not be downloaded"):
        srbm.load_mnist()


PROCESS = """
import sys
from pathlib import Path
import pooch
from srbm import datasets, load_mnist
url, cache, *official = sys.argv[1:]
name, sha256, size, images = official
pooch.os_cache = lambda name: Path(cache) / name
datasets.MNIST_URL, datasets.MNIST_FILES = url, {"train": datasets.OfficialFile(name, sha256, int(size), int(images))}
print(int(load_mnist(scale=False).sum()))
"""


def test_two_processes_at_once(server, tmp_path):
    server.meeting = threading.Barrier(2)
    server.chunks = [CONTENT[i : i + 100] for i in range(0, len(CONTENT), 100)]
    command = [sys.executable, "-c", PROCESS, datasets.MNIST_URL, str(tmp_path / "cache"), *map(str, FILE)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for process in both:
        out, err = process.communicate(timeout=120)
        assert (process.returncode, out) == (0, f"{PIXELS.sum()}\n"), err
    assert server.asked == 2  # they did meet
    (file,) = cached(tmp_path)
    assert file.read_bytes() == CONTENT


def test_progress(server, capfd):
    srbm.load_mnist(progress=True)
    assert "100%" in capfd.readouterr().err


def test_a_file_that_is_far_too_long(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "MNIST_FILES", {"train": FILE})
    monkeypatch.setenv("SRBM_DATA", str(tmp_path))
    (tmp_path / "mnist").mkdir()
    with open(tmp_path / "mnist" / "images.gz", "wb") as file:
        file.write(CONTENT)
        file.truncate(2**40)  # takes no room on the disk, but would in memory
    with pytest.raises(DatasetError, match="damaged or not the official file"):
        srbm.load_mnist()
