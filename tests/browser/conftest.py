"""A real server and a real Chromium, driven as a person would."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, sync_playwright

from drivers.browser import chromium_path, launch, served
from drivers.lab import SECONDS, Lab
from mnistlab.settings import local_mnist


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def url() -> Iterator[str]:
    with served() as url:
        yield url


@pytest.fixture(scope="session")
def url_without_mnist(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    if local_mnist() is None:
        yield request.getfixturevalue("url")
        return
    home = str(tmp_path_factory.mktemp("home"))
    with served(MNISTLAB_MNIST="", MNISTLAB_HOME=home, MNISTLAB_OFFLINE="1") as url:
        yield url


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if chromium_path() is None:
        pytest.skip("no Chromium or Chrome found; install one to run the browser tests")
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@contextmanager
def watched_pages(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Opens pages; at the end no console may hold an error, and no other host been asked."""
    errors: list[str] = []
    elsewhere: list[str] = []
    contexts = []

    def watch(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(message.text)

    def refuse(route: Route) -> None:
        elsewhere.append(route.request.url)
        route.abort()

    def open_(**options: Any) -> Page:
        context = chromium.new_context(**options)
        contexts.append(context)
        context.route(re.compile(r"^https?://(?!(localhost|127\.0\.0\.1)[:/])"), refuse)
        context.set_default_timeout(SECONDS)
        page = context.new_page()
        page.on("console", watch)
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield open_
    for context in contexts:
        context.close()
    assert elsewhere == []
    assert errors == []


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Opens pages of a test's own."""
    with watched_pages(chromium) as open_page:
        yield open_page


@pytest.fixture
def lab(open_page: Callable[..., Page], url: str) -> Lab:
    return Lab(open_page(), url)


@pytest.fixture(scope="module")
def opened_pad(chromium: Browser, url: str) -> Iterator[Lab]:
    with watched_pages(chromium) as open_page:
        lab = Lab(open_page(), url)
        lab.open_predict()
        yield lab


@pytest.fixture
def lab_at_pad(opened_pad: Lab) -> Lab:
    """A page at the empty pad, one for all tests of a file: to open a page takes seconds."""
    opened_pad.begin_again()
    return opened_pad
