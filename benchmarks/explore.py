"""Explore on all of MNIST in a real Chromium: from a click to the picture; the kernel's cost."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import psutil
from playwright.sync_api import expect, sync_playwright

from drivers.browser import launch, served
from drivers.lab import Lab
from drivers.server import kernels
from mnistlab import load_default

CLICKS = 20

# Milliseconds from the next click or choice to the next change of an element.
WATCH = """name => new Promise(done => {
  let begun = null;
  const begin = () => { begun ??= performance.now() };
  for (const kind of ['click', 'change'])
    document.addEventListener(kind, begin, { capture: true, once: true });
  const seen = new MutationObserver(() => {
    if (begun === null) return;
    seen.disconnect();
    requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - begun)));
  });
  seen.observe(document.querySelector(name),
    { childList: true, subtree: true, characterData: true, attributes: true });
})"""

# Milliseconds from the next click until something is there to see.
APPEARS = """what => new Promise(done => {
  document.addEventListener('click', () => {
    const begun = performance.now();
    const look = () => document.querySelector(what)?.offsetParent
      ? done(performance.now() - begun) : requestAnimationFrame(look);
    look();
  }, { capture: true, once: true });
})"""


SMALL = {"clicks": 1}


def main(clicks: int = CLICKS) -> None:
    with served("--warm", "0") as url, sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page(viewport={"width": 1200, "height": 1400})
        Lab(page, url)  # caches what the next page finds
        lab = Lab(browser.new_page(viewport={"width": 1200, "height": 1400}), url)
        lab.open("Explore")
        expect(lab.at("ml-samples").locator("img").first).to_be_visible()
        before = _kernel_megabytes()
        samples = lab.at("ml-samples")
        digits = samples.locator("select").nth(0)
        _report("filter", [
            _wait(lab, ".ml-samples", partial(digits.select_option, index=1 + d % 10))
            for d in range(clicks)
        ])  # fmt: skip
        digits.select_option(index=0)
        expect(samples).to_contain_text(f"1 to 50 of {len(load_default().x_train):,}")
        _report("page", [
            _wait(lab, ".ml-samples", lambda: lab.at("ml-next").click()) for _ in range(clicks)
        ])  # fmt: skip
        tiles = samples.locator(".ml-tile:visible")
        first = _wait(lab, ".ml-item", lambda: tiles.nth(0).click())
        print(f"  the first image opened: {first:.0f} ms (loads LiteRT and both models)")
        _report("open", [
            _wait(lab, ".ml-item", tiles.nth(1 + n).click) for n in range(clicks)
        ])  # fmt: skip
        for fold, what in (
            ("Averages", ".ml-averages img"),
            ("Map", ".ml-map-picture img"),
            ("Handwriting", ".ml-handwriting .ml-table"),
            ("Outliers", ".ml-odd img"),
        ):
            lab.page.evaluate(f"() => {{ window.wait = ({APPEARS})('{what}') }}")
            lab.at("ml-folds").locator(".ml-doors").first.get_by_text(fold, exact=True).click()
            print(f"  {fold} opened: {lab.page.evaluate('() => window.wait'):.0f} ms")
        print(f"  the kernel: {before:.0f} MB before, {_kernel_megabytes():.0f} MB after all (PSS)")
        browser.close()


def _wait(lab: Lab, name: str, act: Callable[[], object]) -> float:
    handle = lab.page.evaluate_handle(f"() => {{ window.wait = ({WATCH})('{name}') }}")
    act()
    milliseconds = float(lab.page.evaluate("() => window.wait"))
    handle.dispose()
    return milliseconds


def _report(what: str, waits: list[float]) -> None:
    p50, p95 = np.percentile(waits, [50, 95])
    print(f"  {what}: p50 {p50:.0f} ms   p95 {p95:.0f} ms   max {max(waits):.0f} ms")


def _kernel_megabytes() -> float:
    """Of the newest kernel below this process."""
    below = psutil.Process().children(recursive=True)
    found = [kernel for process in below for kernel in kernels(process)]
    newest = max(found, key=lambda kernel: kernel.create_time())
    return float(newest.memory_full_info().pss / 2**20)
