"""The report as a browser lays it out: on a phone and on a desk."""

import re
import shutil
import subprocess

import pytest
from recipe.recipe_models import perceptron, points

from kerasnorm.recipe import Recipe, fit

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.skipif(BROWSER is None, reason="there is no Chromium on this machine"),
    pytest.mark.usefixtures("without_tracing"),
]
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--virtual-time-budget=3000",
]
MEASURE = """<script>addEventListener("load", () => {
  const images = [...document.images], page = document.documentElement
  document.title = JSON.stringify({
    overflow: page.scrollWidth - page.clientWidth,
    drawn: images.filter(each => each.naturalWidth > 100 && each.width > 100).length,
    text: page.innerText.length,
    low: Math.min(...[...document.querySelectorAll("p, dd, td")].map(
      each => parseFloat(getComputedStyle(each).fontSize))),
  })
})</script>"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    pytest.importorskip("matplotlib")
    names = [f"a class with a long name, {k}" for k in range(3)]
    recipe = Recipe(correction="adjust_logits")
    run = fit(recipe, perceptron(), points(), points(seed=1), 2, verbose=0, seed=0, classes=names)
    path = tmp_path_factory.mktemp("report") / "report.html"
    run.report(path)
    path.write_text(path.read_text().replace("</body>", f"{MEASURE}</body>"))
    return path


@pytest.mark.parametrize("width", [500, 1200])
def test_fits_the_window_and_shows_every_picture(page, width, tmp_path):
    folder = f"--user-data-dir={tmp_path / 'browser'}"
    command = [BROWSER, *QUIET, folder, f"--window-size={width},900", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    title = re.search(r"<title>({.*?})</title>", done.stdout)
    assert title, done.stderr[-500:]
    measured = {
        key: float(value) for key, value in re.findall(r'"(\w+)":([\d.-]+)', title.group(1))
    }
    assert measured["overflow"] == 0
    assert measured["drawn"] == page.read_text().count("<img") == 5
    assert measured["low"] >= 12 and measured["text"] > 500
