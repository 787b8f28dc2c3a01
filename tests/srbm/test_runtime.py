"""What the package says of the machine it runs on."""

import platform

import pytest

from srbm._support import runtime

CPUINFO = "processor\t: 0\nmodel name\t: A  Model (R)  of µprocessor \nprocessor\t: 1\nmodel name\t: Another\n"


@pytest.mark.parametrize(("text", "model"), [(CPUINFO, "A Model (R) of µprocessor"), ("BogoMIPS\t: 50\n", None)])
def test_the_processor_is_what_the_system_calls_it(text, model, tmp_path, monkeypatch):
    (tmp_path / "cpuinfo").write_bytes(text.encode())
    monkeypatch.setattr(runtime, "Path", lambda name: tmp_path / name.removeprefix("/proc/"))
    assert runtime.processor() == (model or platform.processor() or platform.machine())


def test_a_system_without_that_file_names_its_architecture(tmp_path, monkeypatch):
    monkeypatch.setattr(runtime, "Path", lambda name: tmp_path / "nothing")
    assert runtime.processor() == (platform.processor() or platform.machine())
