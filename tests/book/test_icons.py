"""Only the icons that are shown are kept, and a script of another form is reported."""

from types import SimpleNamespace

import pytest

from book import icons

SCRIPT = ('a();const s={sun:[384,512,[9728],"f185","M1 2"],"magnifying-glass":[512,512,[128269,"search"],"f002","M3"],'
          'moon:[512,512,[127769],"f186",["M4","M5"]]};b();')  # fmt: skip


@pytest.mark.parametrize(
    ("used", "left"),
    [
        ({"sun"}, {"sun"}),
        ({"search"}, {"magnifying-glass"}),
        ({"moon", "lg"}, {"moon"}),
        (set(), set()),
    ],
)
def test_what_is_kept(used, left):
    short = icons.trim(SCRIPT, used)
    assert {name for name in ("sun", "magnifying-glass", "moon") if name in short} == left
    assert short.startswith("a();const s={")
    assert short.endswith("};b();")


@pytest.fixture
def site(tmp_path):
    (tmp_path / icons.SCRIPT).parent.mkdir(parents=True)
    (tmp_path / "page.html").write_text('<i class="fa-solid fa-sun fa-lg"></i>')
    return tmp_path


def test_the_built_script(site):
    (site / icons.SCRIPT).write_text(SCRIPT)
    icons.trim_icons(SimpleNamespace(outdir=site), None)
    text = (site / icons.SCRIPT).read_text()
    assert "sun" in text
    assert "moon" not in text


def test_another_form_is_reported(site, monkeypatch):
    warnings = []
    monkeypatch.setattr(icons.logger, "warning", lambda text, *_: warnings.append(text))
    (site / icons.SCRIPT).write_text("icons = new Map()")
    icons.trim_icons(SimpleNamespace(outdir=site), None)
    assert len(warnings) == 1
