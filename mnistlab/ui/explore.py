"""The Explore tab: what the data set holds, in figures and in pictures."""

from __future__ import annotations

import ipywidgets as widgets
import numpy as np

from mnistlab.data.dataset import Dataset
from mnistlab.data.statistics import SplitStatistics, Statistics, statistics
from mnistlab.plots import PLOTLY_MIME, counts_figure
from mnistlab.ui import components as ui
from mnistlab.ui.state import AppState, ExploreState

COLUMNS = 10
NUMBERS = (20, 50, 100)
SPLITS = {"train": "training set", "test": "test set"}
ALL_DIGITS = -1


class ExploreTab:
    """The tab's controller and view; `app.dataset` is there when it is built."""

    def __init__(self, app: AppState) -> None:
        self._app = app
        self._dataset: Dataset = app.dataset
        self._statistics = statistics(self._dataset)
        self.state = ExploreState()
        self._build()

    # Verbs

    def select(
        self,
        *,
        digit: int | None = None,
        split: str | None = None,
        number: int | None = None,
    ) -> None:
        """Filter the samples and go back to the first page; `digit` None means all digits."""
        with self.state.hold_trait_notifications():
            self.state.page = 0
            self.state.digit = digit
            self.state.split = split or self.state.split
            self.state.number = number or self.state.number

    def turn(self, pages: int) -> None:
        """Turn forward (positive) or back; the first and last page stay where they are."""
        self.state.page = min(max(self.state.page + pages, 0), self.last_page)

    def shuffle(self) -> None:
        """Show other samples of the same kind."""
        with self.state.hold_trait_notifications():
            self.state.page = 0
            self.state.seed += 1

    @property
    def last_page(self) -> int:
        """The number of the last page, counted from 0."""
        return max(0, -(-self._matching() // self.state.number) - 1)

    @property
    def shown(self) -> np.ndarray:
        """Indices (n,) int64, within the split, of the samples on the page."""
        state = self.state
        labels = self._labels()
        found = np.flatnonzero(labels == state.digit) if state.digit is not None else None
        order = np.random.default_rng(state.seed).permutation(self._matching())
        start = state.page * state.number
        chosen = order[start : start + state.number]
        return chosen if found is None else found[chosen]

    def _labels(self) -> np.ndarray:
        return self._dataset.y_train if self.state.split == "train" else self._dataset.y_test

    def _matching(self) -> int:
        counts = getattr(self._statistics, self.state.split).counts
        return sum(counts) if self.state.digit is None else counts[self.state.digit]

    # View

    def _build(self) -> None:
        figures = widgets.HTML(statistics_html(self._dataset.title, self._statistics))
        self.widget = ui.classed(
            widgets.VBox(
                [
                    ui.classed(figures, "ml-statistics", "ml-section"),
                    self._build_counts(),
                    self._build_samples(),
                ]
            ),
            "ml-explore",
        )
        self._show()

    def _build_counts(self) -> widgets.Widget:
        train, test = self._statistics.train.counts, self._statistics.test.counts
        figure = counts_figure(train, test)
        # An Output's `outputs` and not a FigureWidget, which ships 5 MB a piece in its state.
        chart = widgets.Output(
            outputs=(
                {
                    "output_type": "display_data",
                    "data": {PLOTLY_MIME: figure, "text/plain": "Images per digit"},
                    "metadata": {},
                },
            )
        )
        head = widgets.HTML(ui.heading("Images per digit", balance(self._statistics.train)))
        numbers = widgets.HTML(
            ui.table(
                ["digit", *map(str, range(10))],
                [
                    [name, *(f"{n:,}" for n in row)]
                    for name, row in (("train", train), ("test", test))
                ],
                "Images per digit and split",
            )
        )
        box = widgets.VBox([head, ui.classed(chart, "ml-chart"), numbers])
        return ui.classed(box, "ml-counts", "ml-section")

    def _build_samples(self) -> widgets.Widget:
        digit = widgets.Dropdown(
            # Not None for all: a Dropdown shows that as nothing chosen.
            options=[("All digits", ALL_DIGITS), *((f"Digit {d}", d) for d in range(10))],
            value=ALL_DIGITS,
            description="Show",
        )
        split = widgets.Dropdown(
            options=[(text, name) for name, text in SPLITS.items()],
            value="train",
            description="of the",
        )
        number = widgets.Dropdown(options=NUMBERS, value=self.state.number, description="at a time")
        self._choices = (digit, split, number)
        for choice in self._choices:
            choice.observe(ui.guard(self._app, lambda _: self._on_choice()), "value")
        previous = ui.button("Previous", "ml-previous", "The page before")
        following = ui.button("Next", "ml-next", "The next page")
        others = ui.button("Show others", "ml-others", "Other samples of the same kind")
        previous.on_click(ui.guard(self._app, lambda _: self.turn(-1)))
        following.on_click(ui.guard(self._app, lambda _: self.turn(+1)))
        others.on_click(ui.guard(self._app, lambda _: self.shuffle()))
        self._previous, self._next = previous, following
        self._grid = widgets.HTML()
        self.state.observe(ui.guard(self._app, lambda _: self._show()), self.state.trait_names())
        box = widgets.VBox(
            [
                widgets.HTML(ui.heading("Samples", "The number below each image is its label.")),
                ui.classed(widgets.Box(self._choices), "ml-tools", "ml-choices"),
                self._grid,
                ui.classed(widgets.Box([previous, following, others]), "ml-tools"),
            ]
        )
        return ui.classed(box, "ml-samples", "ml-section")

    def _on_choice(self) -> None:
        digit, split, number = (choice.value for choice in self._choices)
        self.select(digit=None if digit == ALL_DIGITS else digit, split=split, number=number)

    def _show(self) -> None:
        state, indices = self.state, self.shown
        labels = self._labels()[indices]
        images = self._dataset.x_train if state.split == "train" else self._dataset.x_test
        what = "digits" if state.digit is None else f"images of the digit {state.digit}"
        first = state.page * state.number
        place = f"{first + 1:,} to {first + len(indices):,} of {self._matching():,}"
        text = f"{place} {what} in the {SPLITS[state.split]}"
        alt = f"{len(indices)} handwritten digits, labelled {' '.join(map(str, labels))}"
        grid = ui.digit_grid(images[indices], [str(label) for label in labels], alt, COLUMNS)
        self._grid.value = f"{grid}<p class='ml-note' role='status'>{text}, in random order.</p>"
        self._previous.disabled = state.page == 0
        self._next.disabled = state.page >= self.last_page


def statistics_html(title: str, figures: Statistics) -> str:
    """Both splits' figures as a table, and what they mean for a model."""
    columns = [figures.train, figures.test]
    classes = [sum(count > 0 for count in split.counts) for split in columns]
    rows = [
        ["images", *(f"{split.images:,}" for split in columns)],
        ["classes", *map(str, classes)],
        ["shape", *(" × ".join(f"{n:,}" for n in split.shape) for split in columns)],
        ["pixel type (0 to 255)", *(split.dtype for split in columns)],
        ["mean of the pixels", *(f"{split.mean:.4f}" for split in columns)],
        ["standard deviation", *(f"{split.std:.4f}" for split in columns)],
        ["pixels with ink", *(f"{split.ink:.1%}" for split in columns)],
    ]
    return (
        ui.heading(f"{title} at a glance", meaning(figures))
        + ui.table(["", "training set", "test set"], rows, f"Statistics of {title}")
        + "<p class='ml-note'>Mean and deviation are of pixels scaled to 0 (black) to 1 (ink).</p>"
    )


def meaning(figures: Statistics) -> str:
    """What the statistics tell someone who trains a model on the data."""
    train, test = figures.train, figures.test
    drift = abs(train.mean - test.mean)
    alike = "alike" if drift < 0.01 else "not quite alike"
    return (
        f"About {1 - train.ink:.0%} of an image is background, so a model learns from few pixels. "
        f"Training and test images are {alike} in brightness (means {drift:.3f} apart), so what "
        f"is learned on the one {'should carry' if drift < 0.01 else 'may not carry'} over to "
        "the other."
    )


def balance(split: SplitStatistics) -> str:
    """How even the classes are, and what that means for reading an accuracy."""
    counts = split.counts
    rare, common = int(np.argmin(counts)), int(np.argmax(counts))
    ratio = counts[common] / max(1, counts[rare])
    verdict = (
        "even enough that plain accuracy is a fair score"
        if ratio < 1.5
        else "uneven, so look at macro F1 beside accuracy"
    )
    return (
        f"The training set has {ratio:.2f} times as many {common}s as {rare}s: {verdict}. "
        f"Always answering {common} would be right {counts[common] / split.images:.0%} of the time."
    )
