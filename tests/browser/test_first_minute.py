"""What a newcomer meets: a light page that can be drawn on at once, and that stays where it is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from drivers.lab import SECONDS, SEVEN, Lab, draw_stroke

MOST_REQUESTS, MOST_BYTES, MOST_BYTES_AGAIN = 60, 1_600_000, 60_000
PHONE = {"width": 390, "height": 844}

# Every shift of the layout, those that follow an input too.
WATCH_SHIFTS = """() => {
  window.shifts = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.shifts += entry.value;
  }).observe({ type: 'layout-shift' });
}"""


def transfers(page: Page) -> list[int]:
    """The bytes of each request of a page, which grows as they end."""
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    sizes: list[int] = []
    network.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    return sizes


def test_a_first_visit_is_light_and_a_return_visit_lighter(chromium: Browser, url: str) -> None:
    with chromium.new_context() as context:  # not `open_page`, whose pages have no cache
        page = context.new_page()
        sizes = transfers(page)
        Lab(page, url).draw(SEVEN)
        assert len(sizes) <= MOST_REQUESTS
        assert sum(sizes) <= MOST_BYTES
        sizes.clear()
        Lab(page, url)
        assert sum(sizes) <= MOST_BYTES_AGAIN


def test_all_scripts_of_the_page_come_in_one_file(open_page: Callable[..., Page], url: str) -> None:
    page = open_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    lab = Lab(page, url)
    for tab in ("Train & Compare", "Explore", "Predict"):
        lab.open(tab)
        expect(lab.at("ml-status")).to_contain_text("Ready", timeout=SECONDS)
    alone = [each for each in asked if ".voila.js" in each or "/static/0." in each]
    assert not alone, "list them in mnistlab/server/scripts.txt"


def test_what_is_drawn_while_the_page_loads_is_answered(
    open_page: Callable[..., Page], url: str
) -> None:
    page = open_page()
    page.goto(url, wait_until="commit")
    expect(page.locator("#loading canvas")).to_be_visible()
    draw_stroke(page, page.locator("#loading canvas"), SEVEN[0])
    expect(page.locator(".ml-digit-cnn")).to_have_text("7")
    expect(page.locator(".ml-answer")).to_have_text("answer 1")
    expect(page.locator("#loading")).to_have_count(0)


@pytest.mark.parametrize("size", [{"width": 1280, "height": 900}, PHONE])
def test_nothing_moves_while_one_draws(
    open_page: Callable[..., Page], url: str, size: dict[str, int]
) -> None:
    lab = Lab(open_page(viewport=size), url)
    expect(lab.at("ml-answer")).to_have_text("answer 0")
    lab.page.wait_for_function("() => !document.querySelector('#loading')")
    expect(lab.page.get_by_role("button", name="Tour")).to_be_visible()  # the last part of the page
    lab.page.evaluate(WATCH_SHIFTS)
    lab.draw(SEVEN)
    lab.draw([[[30, 60], [32, 200]]])  # a second digit brings the choice of one
    lab.clear()
    assert lab.page.evaluate("() => window.shifts") == 0


def test_a_browser_that_keeps_nothing_shows_a_whole_page(
    open_page: Callable[..., Page], url: str
) -> None:
    page = open_page()
    page.add_init_script(
        "Object.defineProperty(window, 'sessionStorage', { get() { throw new Error('blocked') } })"
    )
    lab = Lab(page, url)
    expect(page.get_by_role("button", name="Tour")).to_be_visible()
    expect(lab.at("ml-connection")).to_have_count(0)
    lab.draw(SEVEN)


def test_a_phone_shows_both_answers_after_a_stroke(
    open_page: Callable[..., Page], url: str
) -> None:
    lab = Lab(open_page(viewport=PHONE, has_touch=True), url)
    lab.draw(SEVEN)
    for name in ("ml-digit-mlp", "ml-digit-cnn"):
        box = lab.at(name).bounding_box()
        assert box is not None
        assert box["y"] >= 0
        assert box["y"] + box["height"] < PHONE["height"] - 40  # above the status line
    assert lab.page.evaluate("() => document.querySelector('#rendered_cells').scrollTop") == 0


def test_a_link_opens_its_tab_and_back_goes_back(lab: Lab, url: str) -> None:
    page = lab.page
    page.goto(f"{url}#explore")
    expect(lab.at("ml-samples").locator("img").first).to_be_visible()
    lab.open("Predict")
    page.wait_for_url("**/#predict")
    page.go_back()
    expect(lab.at("ml-samples").locator("img").first).to_be_visible()
    expect(page.get_by_role("tab", name="Explore")).to_have_attribute("aria-selected", "true")


def test_a_reload_brings_back_the_tab_the_drawing_and_the_theme(lab: Lab) -> None:
    lab.draw(SEVEN)
    lab.at("ml-theme").locator("select").select_option("Dark")
    lab.open("Explore")
    expect(lab.at("ml-samples").locator("img").first).to_be_visible()
    lab.page.reload()
    expect(lab.at("ml-samples").locator("img").first).to_be_visible()
    dark = lab.page.evaluate("() => getComputedStyle(document.documentElement).backgroundColor")
    assert dark == "rgb(15, 19, 24)"
    lab.open("Predict")
    expect(lab.at("ml-digit-cnn")).to_have_text("7")


def test_control_z_and_control_y_work_without_the_pad_in_focus(lab: Lab) -> None:
    lab.draw(SEVEN)
    lab.page.keyboard.press("Control+z")
    expect(lab.at("ml-digit-cnn")).to_have_text("")
    expect(lab.at("ml-redo")).to_be_enabled()
    lab.page.keyboard.press("Control+y")
    expect(lab.at("ml-digit-cnn")).to_have_text("7")


def test_a_grid_is_one_stop_of_tab_and_arrow_keys_move_in_it(lab: Lab) -> None:
    lab.open("Explore")
    tiles = lab.page.locator(".ml-samples .ml-tile:visible")
    expect(tiles.first).to_have_attribute("tabindex", "0")
    assert tiles.evaluate_all("all => all.filter((each) => each.tabIndex === 0).length") == 1
    tiles.first.focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft"):
        lab.page.keyboard.press(key)
    places = tiles.evaluate_all("all => all.indexOf(document.activeElement)")
    assert places == 10  # ten in a row
    lab.page.keyboard.press("Enter")
    expect(lab.at("ml-pixel-grid")).to_be_visible()


def test_an_i_explains_a_term(lab: Lab) -> None:
    lab.page.get_by_role("button", name="What is MLP?").click()
    expect(lab.page.locator("#ml-term-mlp")).to_be_visible()
    lab.page.keyboard.press("Escape")
    expect(lab.page.locator("#ml-term-mlp")).to_be_hidden()


def test_the_tour_leads_through_the_tabs_and_can_be_left(lab: Lab) -> None:
    lab.page.get_by_role("button", name="Tour").click()
    tour = lab.at("ml-tour")
    expect(tour).to_contain_text("1 of 6")
    for step in range(2, 7):
        tour.get_by_role("button", name="Next").click()
        expect(tour).to_contain_text(f"{step} of 6")
    expect(lab.page.locator(".ml-samples.ml-toured")).to_be_visible()
    tour.get_by_role("button", name="Skip").click()
    expect(tour).to_have_count(0)


def test_printing_prints_everything(open_page: Callable[..., Page], url: str) -> None:
    lab = Lab(open_page(viewport={"width": 1280, "height": 400}), url)
    lab.page.emulate_media(media="print")
    whole, shown = lab.page.evaluate(
        "() => [document.querySelector('.ml-app').scrollHeight,"
        " document.documentElement.scrollHeight]"
    )
    assert 400 < whole <= shown
