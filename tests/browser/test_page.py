"""The page opens, on MNIST and without it, and stays readable."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from drivers.lab import SEVEN, Lab


@pytest.mark.any_data
def test_the_page_opens_on_predict_with_its_three_tabs(lab: Lab) -> None:
    tabs = [tab.inner_text() for tab in lab.page.get_by_role("tab").all()]
    assert tabs == ["Explore", "Train & Compare", "Predict"]
    assert lab.page.title() == "MNIST Lab"
    name = "MNIST" if os.environ.get("MNISTLAB_MNIST") else "scikit-learn digits"
    expect(lab.at("ml-dataset")).to_contain_text(name)
    expect(lab.at("ml-answer")).to_have_text("answer 0")
    lab.open("Explore")
    for part in ("ml-statistics", "ml-counts", "ml-samples"):
        expect(lab.at(part)).to_be_visible()
    expect(lab.at("ml-counts").locator("svg")).to_be_visible()


def test_without_mnist_a_banner_says_what_to_do_and_the_models_predict(
    open_page: Callable[..., Page], url_without_mnist: str
) -> None:
    lab = Lab(open_page(), url_without_mnist)
    expect(lab.at("ml-dataset")).to_contain_text("scikit-learn digits")
    expect(lab.at("ml-banner")).to_contain_text("MNISTLAB_MNIST")
    lab.open_predict()
    lab.draw(SEVEN)
    expect(lab.at("ml-digit-mlp")).to_have_text("7")
    expect(lab.at("ml-digit-cnn")).to_have_text("7")


def test_nothing_is_wider_than_the_window(open_page: Callable[..., Page], url: str) -> None:
    lab = Lab(open_page(viewport={"width": 420, "height": 900}), url)
    for width in (420, 1280):
        lab.page.set_viewport_size({"width": width, "height": 900})
        for tab in ("Explore", "Train & Compare", "Predict"):
            lab.open(tab)
            if tab == "Train & Compare":
                expect(lab.page.locator(".ml-matrix").first).to_be_visible()
            lab.page.wait_for_function(
                "() => { const app = document.querySelector('.ml-app');"
                " return app.scrollWidth - app.clientWidth <= 1 }"
            )


def test_every_file_button_is_found_by_its_name(lab: Lab) -> None:
    lab.open("Explore")
    lab.at("ml-folds").get_by_text("Your data", exact=True).click()
    names = {"Explore": ["Choose files of images and labels"], "Train & Compare": []}
    names["Predict"] = [
        "Upload pictures of digits", "Load a saved drawing", "Import drawings saved as JSON lines"
    ]  # fmt: skip
    for tab, expected in names.items():
        lab.open(tab)
        if tab == "Predict":
            lab.at("ml-my-fold").click()
        for name in expected:
            button = lab.page.get_by_role("button", name=name, exact=True)
            expect(button).to_be_visible()
            expect(button).to_have_attribute("title", name)
        expect(lab.page.locator(".widget-upload:visible")).to_have_count(len(expected))
    # What the browser tells screen readers, not only what Playwright computes.
    session = lab.page.context.new_cdp_session(lab.page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    told = [node["name"]["value"] for node in nodes if node["role"]["value"] == "button"]
    assert set(names["Predict"]) <= set(told)
    assert not [name for name in told if re.match(r"(Upload|Load|Import|Choose).*\(\d", name)]
