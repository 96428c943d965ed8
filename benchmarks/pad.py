"""From mouse-up to the answer on the page: 60 strokes in a row in a real Chromium."""

from __future__ import annotations

import json
import shutil
from itertools import islice

import numpy as np
from playwright.sync_api import sync_playwright

from benchmarks.drawings import rows
from tests.browser.conftest import SWITCHES, served
from tests.browser.lab import Lab

STROKES = 60

# Times, in milliseconds, from each mouse-up on the pad to the change of the counter.
WATCH = """() => {
  window.waits = [];
  const counter = () => document.querySelector('.ml-answer')?.textContent;
  let up = null, seen = counter();
  document.querySelector('.ml-pad canvas').addEventListener(
    'mouseup', event => { up = performance.now() }, { capture: true });
  new MutationObserver(() => {
    if (counter() === seen) return;
    seen = counter();
    if (up !== null) window.waits.push(performance.now() - up);
    up = null;
  }).observe(document.querySelector('.ml-tab-predict'),
    { childList: true, subtree: true, characterData: true });
}"""


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    data = rows()
    drawings = [row["strokes"] for row in data[:: len(data) // STROKES]]
    with served() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=SWITCHES)
        lab = Lab(browser.new_page(viewport={"width": 1200, "height": 900}), url)
        lab.open_predict()
        lab.draw(drawings[0])  # the first answer loads what the others use
        lab.clear()
        lab.page.evaluate(WATCH)
        count = _draw(lab, drawings[1:])
        waits = np.array(json.loads(lab.page.evaluate("() => JSON.stringify(window.waits)")))
        browser.close()
    assert len(waits) == count, f"{count} strokes but {len(waits)} answers"
    p50, p95 = np.percentile(waits, [50, 95])
    print(f"  {count} strokes: p50 {p50:.0f} ms   p95 {p95:.0f} ms   max {waits.max():.0f} ms")


def _draw(lab: Lab, drawings: list) -> int:
    """Draw stroke after stroke, each once the one before is answered; return how many."""
    strokes = [(number, stroke) for number, drawing in enumerate(drawings) for stroke in drawing]
    last = 0
    for number, stroke in islice(strokes, STROKES):
        if number != last:
            lab.clear()
        last = number
        lab.draw([stroke])
    return STROKES
