"""How results show themselves in a notebook: self-contained, escaped, with their facts."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mnistlab import Dataset, Drawing, preprocess
from mnistlab.images import STAGES


class Page(HTMLParser):
    """The texts and pictures of a fragment of HTML whose tags must be balanced."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.sources: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.sources.append(dict(attrs)["src"] or "")
        else:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def pictures(self) -> list[NDArray[np.uint8]]:
        heads = [source.partition(",") for source in self.sources]
        assert {head for head, _, _ in heads} <= {"data:image/png;base64"}
        return [np.asarray(Image.open(io.BytesIO(base64.b64decode(d)))) for _, _, d in heads]


def assert_stands_alone(html: str) -> None:
    """No script, no address, and no colour that a light or dark theme would swallow."""
    assert "<script" not in html
    assert not re.search(r"https?:|url\(", html)
    assert not re.search(r"[ ;']color:|background", html)


def test_a_dataset_shows_its_facts_and_a_digit_of_each_class(digits: Dataset) -> None:
    html = digits._repr_html_()
    page = Page(html)
    assert_stands_alone(html)
    for fact in ("scikit-learn digits", "1,437", "360", digits.digest, digits.source):
        assert fact in page.texts
    assert [text for text in page.texts if re.fullmatch(r"\d", text)] == list("0123456789")
    for digit, picture in enumerate(page.pictures):
        of_class = digits.x_train[digits.y_train == digit]
        assert (of_class == picture).all((1, 2)).any()


def test_a_dataset_shows_its_notice_and_extra_images_and_escapes_names(digits: Dataset) -> None:
    more = replace(digits, title="<b>mine</b>", notice="It is & stays mine.", x_train=digits.x_test)
    more = replace(more, x_train=more.x_train[:0], y_train=more.y_train[:0])
    html = more.with_extra(digits.x_test[:3], digits.y_test[:3])._repr_html_()
    page = Page(html)
    assert {"<b>mine</b>", "It is & stays mine.", "extra images", "3"} <= set(page.texts)
    assert len(page.pictures) == 10


def test_a_preprocessed_digit_shows_its_stages() -> None:
    found = preprocess(Drawing.from_strokes([[[90, 60], [150, 45], [190, 80], [140, 130]]]))
    html = found._repr_html_()
    page = Page(html)
    assert_stands_alone(html)
    assert set(STAGES.values()) <= set(page.texts)
    assert "28 x 28" in page.texts
    for picture, stage in zip(page.pictures, found.stages.values(), strict=True):
        np.testing.assert_array_equal(picture, stage)


def test_a_blank_digit_says_that_there_is_no_ink() -> None:
    assert "There is no ink." in Page(preprocess(Drawing())._repr_html_()).texts
