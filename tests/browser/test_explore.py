"""Explore as a person uses it: filter, search, open, select in the map, send, own data."""

from __future__ import annotations

import re
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from drivers.lab import Lab
from drivers.waiting import until
from mnistlab.data import Dataset

pytestmark = pytest.mark.any_data


def _tiles(lab: Lab) -> Locator:
    return lab.at("ml-samples").locator(".ml-tile:visible")


def _choose(lab: Lab, file: Path) -> None:
    with lab.page.expect_file_chooser() as chooser:
        lab.at("ml-own-upload").click()
    chooser.value.set_files(str(file))


def test_filter_turn_the_page_open_and_send_to_the_pad(lab: Lab) -> None:
    lab.open("Explore")
    samples = lab.at("ml-samples")
    unfiltered = samples.locator("img").first.get_attribute("src") or ""
    samples.locator("select").nth(0).select_option(label="Digit 7")
    expect(samples).to_contain_text("images of the digit 7")
    expect(samples.locator("img").first).not_to_have_attribute("src", unfiltered)
    captions = samples.locator(".ml-grid-captions span")
    expect(captions).to_have_count(50)
    expect(captions).to_have_text(["7"] * 50)
    picture = samples.locator("img")
    before = picture.get_attribute("src") or ""
    lab.at("ml-next").click()
    expect(samples).to_contain_text("51 to ")
    expect(picture).not_to_have_attribute("src", before)

    _tiles(lab).nth(4).click()
    expect(lab.at("ml-pixel-grid").locator("i")).to_have_count(784)
    expect(lab.at("ml-item-facts")).to_contain_text(re.compile(r"CNN(: not a digit| reads \d)"))
    number = lab.at("ml-index").locator("input")
    number.fill("17")
    number.press("Tab")
    lab.at("ml-open").click()
    expect(lab.at("ml-item-facts")).to_contain_text("Training image 17, label")
    label = lab.at("ml-item-facts").locator("h3").inner_text().split()[-1]
    lab.at("ml-item").locator(".ml-tile:visible").first.click()
    expect(lab.at("ml-item-facts")).not_to_contain_text("Training image 17,")
    number.fill("17")
    number.press("Tab")
    lab.at("ml-open").click()
    expect(lab.at("ml-item-facts")).to_contain_text("Training image 17, label")
    lab.at("ml-item").locator(".ml-send").click()
    expect(lab.at("ml-pad").locator("canvas")).to_be_visible()
    expect(lab.at("ml-digit-cnn")).to_have_text(re.compile(rf"{label}|\?"))


def test_a_box_or_a_lasso_in_the_map_selects_samples(lab: Lab) -> None:
    samples, folds = lab.at("ml-samples"), lab.at("ml-folds")
    lab.open("Explore")
    folds.get_by_text("Map", exact=True).click()
    board = lab.at("ml-map").locator("canvas")
    expect(lab.at("ml-map-picture").locator("img")).to_be_visible()
    board.scroll_into_view_if_needed()
    box = board.bounding_box()
    assert box is not None
    mouse = lab.page.mouse
    mouse.move(box["x"] + 150, box["y"] + 100)
    mouse.down()
    mouse.move(box["x"] + 300, box["y"] + 200, steps=5)
    mouse.move(box["x"] + 420, box["y"] + 330, steps=5)
    mouse.up()
    expect(samples).to_contain_text("selected in the map")
    # And a key that would be swallowed: the map gives it up.
    lab.page.keyboard.press("Tab")
    expect(board).not_to_be_focused()

    samples.locator("select").nth(0).select_option(label="Digit 7")
    expect(samples).not_to_contain_text("selected in the map")
    folds.get_by_text("Select by lasso", exact=True).click()
    board.scroll_into_view_if_needed()
    box = board.bounding_box()
    assert box is not None
    mouse.move(box["x"] + 200, box["y"] + 80)
    mouse.down()
    for x, y in ((450, 100), (460, 380), (220, 360), (200, 80)):
        mouse.move(box["x"] + x, box["y"] + y, steps=6)
    mouse.up()
    expect(samples).to_contain_text("selected in the map")
    places = cycle(range(200, 460, 7))

    def points_at_a_digit() -> bool:
        mouse.move(box["x"] + next(places), box["y"] + 240)
        return "Training image" in lab.at("ml-map-hover").inner_text()

    until(points_at_a_digit, "a digit under the pointer", 60)


def test_own_images_take_the_whole_tab_and_are_turned_where_their_notice_says_so(
    lab: Lab, tmp_path: Path, digits: Dataset
) -> None:
    file = tmp_path / "mine.npz"
    x = 255 - digits.x_test[:90].swapaxes(1, 2)
    np.savez_compressed(file, X=x, y=digits.y_test[:90])
    lab.open("Explore")
    lab.at("ml-folds").get_by_text("Your data", exact=True).click()
    expect(lab.at("ml-own-invert")).to_be_hidden()
    _choose(lab, file)
    notice = lab.at("ml-own-notice")
    expect(notice).to_contain_text("Ink and paper look swapped")
    lab.at("ml-own-invert").click()
    expect(notice).to_contain_text("Ink and paper were swapped")
    expect(notice).to_contain_text("look transposed")
    lab.at("ml-own-transpose").click()
    expect(notice).to_contain_text("Rows and columns were swapped")
    expect(notice).not_to_contain_text("look")
    lab.at("ml-own-back").click()
    expect(lab.at("ml-own-invert")).to_be_hidden()
    expect(notice.locator(".ml-banner")).to_have_count(0)

    # A CSV file next, and one that is unfit.
    head = ",".join(["label", *(f"pixel{i}" for i in range(784))])
    rows = [",".join([str(i % 10), *(str((i * p) % 256) for p in range(784))]) for i in range(24)]
    good, bad = tmp_path / "train.csv", tmp_path / "bad.csv"
    good.write_text("\n".join([head, *rows]))
    bad.write_text("\n".join([head, *rows, rows[0] + ",1"]))
    _choose(lab, bad)
    expect(lab.at("ml-status")).to_contain_text("line 26")
    _choose(lab, good)
    expect(lab.at("ml-statistics")).to_contain_text("train.csv at a glance")
    expect(lab.at("ml-samples").locator(".ml-grid-captions span")).to_have_count(20)
    lab.at("ml-own-back").click()
    expect(lab.at("ml-statistics")).not_to_contain_text("train.csv")
