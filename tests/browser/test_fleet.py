"""What visitors of several servers see when one of them restarts or is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from drivers.fleet import NO_HAPROXY, Fleet, fleet, haproxy_path
from drivers.lab import SEVEN, Lab
from drivers.waiting import until


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Fleet]:
    if haproxy_path() is None:
        pytest.skip(NO_HAPROXY)
    with fleet(tmp_path, "--shared", "--drain-seconds", "5") as made:
        yield made


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    with chromium.new_context() as context:
        context.set_default_timeout(60_000)
        yield context.new_page()


def server_of(page: Page) -> str:
    cookies = {each.get("name"): each.get("value") for each in page.context.cookies()}
    return str(cookies["mnistlab_server"])


def entered(page: Page, url: str) -> Lab:
    """A page with a drawing, settings and a tab in front."""
    lab = Lab(page, url)
    lab.draw(SEVEN)
    lab.open("Train & Compare")
    rate = lab.at("ml-rate").locator("input")
    rate.fill("0.004")
    rate.press("Tab")
    expect(lab.at("ml-remembered").locator("[data-memory*='0.004']")).to_be_attached()
    return lab


def expect_back(lab: Lab) -> None:
    bar = lab.at("ml-connection")
    expect(bar).to_contain_text("Your page has begun again.")
    bar.get_by_role("button", name="OK").click()
    expect(bar).to_be_hidden()
    expect(lab.at("ml-rate").locator("input")).to_have_value("0.004")
    lab.open("Predict")
    expect(lab.at("ml-digit-cnn")).to_have_text("7")


def test_a_page_whose_server_is_lost_goes_on_at_another(two: Fleet, page: Page) -> None:
    lab = entered(page, two.url)
    first = server_of(page)
    two.kill(first)
    expect_back(lab)
    assert server_of(page) != first


def test_a_page_is_told_of_a_restart_and_moves_by_itself(two: Fleet, page: Page) -> None:
    lab = entered(page, two.url)
    lab.open("Predict")
    lab.at("ml-keep").click()
    expect(lab.at("ml-status")).to_contain_text("My digits has 1 drawing")
    lab.open("Train & Compare")
    first = server_of(page)
    two.servers[first].process.terminate()
    bar = lab.at("ml-connection")
    expect(bar).to_contain_text("This server restarts within a minute.")
    with page.expect_download() as offered:
        bar.get_by_role("link", name="Download my-digits.jsonl").click()
    assert '"label"' in offered.value.path().read_text("utf-8")
    until(lambda: two.servers[first].process.poll() is not None, "the end of the server", 60)
    expect_back(lab)
    assert server_of(page) != first
