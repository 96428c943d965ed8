"""From mouse-up to the answer on the page: 60 strokes in a row in a real Chromium.

Once on a quiet page, and once while it trains; then the updates of the training are counted too.
"""

from __future__ import annotations

import json

import numpy as np
from playwright.sync_api import expect, sync_playwright

from benchmarks.drawings import rows
from drivers.browser import launch, served
from drivers.lab import Lab, Strokes

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


# Counts how often the running model's text and the curves change.
COUNT = """() => {
  window.updates = { text: 0, curves: 0, since: performance.now() };
  const count = (name, what) => new MutationObserver(() => { window.updates[what] += 1 })
    .observe(document.querySelector(name), { childList: true, subtree: true });
  count('.ml-progress-cnn', 'text');
  count('.ml-curves', 'curves');
}"""


SMALL = {"strokes": 2, "training": False}


def main(strokes: int = STROKES, training: bool = True) -> None:
    drawings = [row["strokes"] for row in rows(strokes + 1)]
    with served("--warm", "0") as url, sync_playwright() as playwright:
        browser = launch(playwright)
        lab = Lab(browser.new_page(viewport={"width": 1200, "height": 900}), url)
        lab.open_predict()
        lab.draw(drawings[0])  # the first answer loads what the others use
        lab.clear()
        lab.page.evaluate(WATCH)
        count = _draw(lab, drawings[1:], strokes)
        _print("on a quiet page", lab, count)
        if training:
            _while_training(lab, drawings[1:], strokes)
        browser.close()


def _while_training(lab: Lab, drawings: list[Strokes], strokes: int) -> None:
    _start_training(lab)
    lab.page.evaluate("() => { window.waits = [] }")
    count = _draw(lab, drawings, strokes)
    _print("while it trains", lab, count)
    updates = lab.page.evaluate("() => window.updates")
    seconds = (lab.page.evaluate("() => performance.now()") - updates["since"]) / 1000
    rates = f"text {updates['text'] / seconds:.1f}, curves {updates['curves'] / seconds:.1f}"
    print(f"  updates a second over {seconds:.0f} s of training: {rates}")


def _print(when: str, lab: Lab, count: int) -> None:
    waits = np.array(json.loads(lab.page.evaluate("() => JSON.stringify(window.waits)")))
    assert len(waits) == count, f"{count} strokes but {len(waits)} answers"
    p50, p95 = np.percentile(waits, [50, 95])
    figures = f"p50 {p50:.0f} ms   p95 {p95:.0f} ms   max {waits.max():.0f} ms"
    print(f"  {count} strokes {when}: {figures}")


def _start_training(lab: Lab) -> None:
    """A CNN that trains for minutes, its first steps done."""
    lab.open("Train & Compare")
    epochs = lab.at("ml-epochs").locator("input")
    epochs.fill("30")
    epochs.press("Tab")
    lab.at("ml-models").get_by_label("MLP").uncheck()
    expect(lab.at("ml-results")).to_contain_text("ms", timeout=60_000)  # measured
    lab.at("ml-train").click()
    # TensorFlow loads in seconds, or in minutes where the machine is busy with other things.
    expect(lab.at("ml-progress-cnn")).to_contain_text(" left", timeout=300_000)
    lab.page.evaluate(COUNT)
    lab.open("Predict")
    lab.clear()


def _draw(lab: Lab, drawings: list[Strokes], most: int) -> int:
    """Draw stroke after stroke, each once the one before is answered; return how many."""
    strokes = [(number, stroke) for number, drawing in enumerate(drawings) for stroke in drawing]
    last = 0
    for number, stroke in strokes[:most]:
        if number != last:
            lab.clear()
        last = number
        lab.draw([stroke])
    return min(most, len(strokes))
