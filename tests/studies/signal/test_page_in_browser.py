"""The page of failure cases as Chromium shows it, without a driver: its DOM and a screenshot."""

import re
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest
from matplotlib import image

from studies.signal import failures, page
from studies.signal.spec import FailureSpec
from tests.studies.signal.scores import made_up

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs chromium: apt-get install chromium")
# Quiet: it neither asks nor reports anything, and finds no earlier state.
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    """The page of two students, one of which wrote a word that is wider than any window."""
    out = tmp_path_factory.mktemp("page")
    scores = {"A <student>": made_up(), "B": made_up(penalty=3.0)}
    scores["B"].tokens.loc[scores["B"].tokens.text == "it", "text"] = "w" * 400
    picked = [failures.pick(each, 2, name) for name, each in scores.items()]
    html = page.render(FailureSpec(scale_description="a test"), scores, pd.concat(picked))
    (out / "page.html").write_text(html, encoding="utf-8")
    return out / "page.html"


def chromium(path: Path, width: int, *options: str) -> str:
    """What Chromium prints of a file, in a window of that width."""
    with TemporaryDirectory() as profile:
        program = [BROWSER, *QUIET, f"--user-data-dir={profile}", f"--window-size={width},3000", *options]
        return subprocess.run(
            [*program, path.as_uri()], capture_output=True, text=True, check=True, timeout=60
        ).stdout


def test_every_token_of_every_case_is_in_the_dom(written):
    dom = chromium(written, 1000, "--dump-dom")
    cases = [
        each.drop_duplicates("response")
        for each in (failures.pick(made_up(), 2, "A"), failures.pick(made_up(penalty=3.0), 2, "B"))
    ]
    assert len(re.findall(r'<span class="g\d" title="p ', dom)) == sum(case.tokens.sum() for case in cases)
    assert dom.count("<article") == sum(map(len, cases))
    assert "A &lt;student&gt;" in dom


def test_the_screenshot_shows_the_legends_colours(written):
    shot = written.with_name("shot.png")
    chromium(written, 1000, f"--screenshot={shot}")
    channels = np.rint(image.imread(shot)[..., :3] * 255).astype(int)
    pixels = channels @ [256**2, 256, 1]
    for colour in page.COLOURS:
        assert (pixels == int(colour[1:], 16)).sum() > 300, colour  # a swatch is some 20 pixels high


@pytest.mark.parametrize("width", [600, 1400])
def test_nothing_is_wider_than_the_window(written, width):
    measured = written.with_name(f"measured{width}.html")
    script = "<script>document.title = document.documentElement.scrollWidth + '/' + innerWidth</script>"
    measured.write_text(written.read_text().replace("</body>", f"{script}</body>"))
    needed, there = re.search(r"<title>(\d+)/(\d+)</title>", chromium(measured, width, "--dump-dom")).groups()
    assert int(needed) <= int(there) == width
