"""axe-core finds no critical or serious fault of ours in any tab, theme or size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from drivers.lab import SEVEN, Lab

# What ipywidgets makes and leaves no hold on: axe's rule, and where it stands.
THEIRS: dict[str, tuple[str, ...]] = {}


def faults(page: Page) -> list[str]:
    """Critical and serious violations, as rule and element."""
    found = Axe().run(page).response["violations"]
    return [
        f"{each['impact']} {each['id']}: {node['html'][:160]}"
        for each in found
        if each["impact"] in ("critical", "serious")
        for node in each["nodes"]
        if not _is_theirs(each["id"], node)
    ]


def _is_theirs(rule: str, node: dict[str, Any]) -> bool:
    return any(place in node["html"] for place in THEIRS.get(rule, ()))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1280, 900), (390, 844)])
def test_no_tab_has_a_fault(
    open_page: Callable[..., Page], url: str, size: tuple[int, int], scheme: str
) -> None:
    viewport = {"width": size[0], "height": size[1]}
    # The page's policy forbids scripts of others, such as axe.
    lab = Lab(open_page(viewport=viewport, color_scheme=scheme, bypass_csp=True), url)
    expect(lab.page.get_by_role("main")).to_have_count(1)
    expect(lab.page.get_by_role("button", name="Tour")).to_be_visible()  # all is named by now
    assert faults(lab.page) == []
    lab.draw(SEVEN)
    lab.at("ml-my-fold").click()
    lab.at("ml-why-toggle").click()
    expect(lab.at("ml-why-map").first).to_be_visible()
    assert faults(lab.page) == []
    lab.open("Train & Compare")
    expect(lab.at("ml-verdict").locator("table")).to_be_visible()
    assert faults(lab.page) == []
    lab.open("Explore")
    expect(lab.at("ml-samples").locator("img").first).to_be_visible()
    lab.page.locator(".ml-samples .ml-tile").first.click()
    expect(lab.at("ml-pixel-grid")).to_be_visible()
    for fold in ("Averages", "Map", "Outliers", "Handwriting", "Your data"):
        lab.at("ml-folds").get_by_text(fold, exact=True).click()
        expect(lab.at("ml-fold-inside").locator("> *")).to_be_visible()
    assert faults(lab.page) == []


KINDS = {
    "Predict": (".ml-theme select", ".ml-pen .noUi-handle", ".ml-sample", ".ml-info"),
    "Train & Compare": (".ml-epochs input", ".ml-preset button", "summary", ".ml-cell:enabled"),
    "Explore": (".ml-samples select", ".ml-index input", ".ml-tile", ".ml-mark"),
}


@pytest.mark.parametrize("tab", KINDS)
def test_the_focus_is_seen_on_every_kind_of_control(lab: Lab, tab: str) -> None:
    lab.open(tab)
    for kind in KINDS[tab]:
        control = lab.page.locator(f"{kind}:visible").first
        control.evaluate("each => each.focus({ focusVisible: true })")
        outline = control.evaluate("each => getComputedStyle(each).outlineStyle")
        assert outline != "none", kind


def focused(page: Page) -> str:
    """The name of what has the focus, or its tag."""
    found: str = page.evaluate(
        "() => document.activeElement.getAttribute('aria-label')"
        " ?? (document.activeElement.innerText || document.activeElement.tagName)"
    )
    return found


def test_tab_goes_past_the_map(lab: Lab) -> None:
    lab.open("Explore")
    lab.at("ml-folds").get_by_text("Map", exact=True).click()
    expect(lab.at("ml-map-picture").locator("img")).to_be_visible()
    expect(lab.at("ml-map").locator("canvas")).to_have_attribute("tabindex", "-1")
    lab.at("ml-map-section").locator("select").first.focus()
    seen = []
    for _ in range(20):
        lab.page.keyboard.press("Tab")
        seen.append(focused(lab.page))
    assert "What is PCA?" in seen, seen


def test_a_button_that_goes_away_leaves_the_focus_on_the_page(lab: Lab) -> None:
    lab.open("Explore")
    lab.page.locator(".ml-samples .ml-tile:visible").first.focus()
    lab.page.keyboard.press("Enter")
    expect(lab.at("ml-pixel-grid")).to_be_visible()
    lab.at("ml-item").get_by_role("button", name="Close").focus()
    lab.page.keyboard.press("Enter")
    expect(lab.at("ml-pixel-grid")).to_be_hidden()
    lab.page.wait_for_function("() => document.activeElement !== document.body")


def test_answers_are_read_out_by_a_region_that_stays(lab: Lab) -> None:
    lab.draw(SEVEN)
    live = lab.page.locator("#ml-live-status")
    expect(live).to_contain_text("Both models read 7.")
    lab.clear()
    expect(live).to_contain_text("Nothing drawn yet.")
    expect(lab.page.locator(".ml-app [role=status]")).to_have_count(0)


def test_choices_and_folds_say_their_state(lab: Lab) -> None:
    lab.open("Train & Compare")
    quick = lab.at("ml-preset").get_by_role("button", name="Quick")
    expect(quick).to_have_attribute("aria-pressed", "true")
    runs = lab.page.get_by_role("button", name="Runs: show, rename")
    expect(runs).to_have_attribute("aria-expanded", "false")
    runs.focus()
    lab.page.keyboard.press("Enter")
    expect(runs).to_have_attribute("aria-expanded", "true")
    expect(lab.at("ml-history")).to_be_visible()
