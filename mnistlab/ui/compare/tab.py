"""The Train & Compare tab: its panels, put together."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets
import traitlets

from mnistlab.charts.results import results_table
from mnistlab.data.dataset import Dataset
from mnistlab.images.collection import Collection
from mnistlab.jobs import Job, submit
from mnistlab.settings import my_digits_file
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.compare.configure import Configure
from mnistlab.ui.compare.cost import CostNote
from mnistlab.ui.compare.details import Details
from mnistlab.ui.compare.live import Live
from mnistlab.ui.compare.results import Results
from mnistlab.ui.compare.runs import History, Report
from mnistlab.ui.compare.side_by_side import SideBySide
from mnistlab.ui.compare.state import CompareState
from mnistlab.ui.compare.training import Training
from mnistlab.ui.state import AppState


class CompareTab:
    """Widgets over `CompareState`; built when the tab is first opened.

    Parameters
    ----------
    app : the page's state, with a dataset
    submit_job : `mnistlab.models.submit`, or a test's stand-in
    measure_cost : whether to find out, in the background, how fast this machine trains
    """

    def __init__(
        self,
        app: AppState,
        submit_job: Callable[..., Job] = submit,
        measure_cost: bool = True,
    ) -> None:
        self.app = app
        self.state = CompareState()
        self.results = Results(app, self.state)
        self.training = Training(app, self.state, submit_job, self._dataset, self.results.add)
        self.configure = Configure(app, self.state, self.training)
        self.cost = CostNote(app, self.state, self.training, measure_cost)
        self.live = Live(app, self.state)
        self.table = ui.classed(widgets.HTML(results_table([])), "ml-results")
        self.side_by_side = SideBySide(app, self.state, self.results)
        self.details = Details(app, self.state, self.results)
        self.history = History(app, self.state, self.results)
        self.report = Report(app, self.state)
        self.widget = widgets.VBox(self._sections())
        self.state.observe(
            ui.guard(app, lambda _: self._paint_table()), ["evaluations", "chosen", "corrected"]
        )
        traitlets.dlink((self.state, "is_training"), (app, "is_training"))
        self.results.when_idle = self.cost.start
        self.results.open()

    def wait(self, timeout: float = 60.0) -> None:
        """Block until jobs and measurements are over."""
        self.training.wait(timeout)
        self.results.wait(timeout)

    def _dataset(self) -> Dataset:
        dataset: Dataset = self.app.dataset
        if not self.state.my_digits:
            return dataset
        return dataset.with_extra(*Collection(my_digits_file()).as_dataset())

    def _sections(self) -> list[widgets.Widget]:
        top = ui.classed(widgets.HBox([self.configure.widget, self.live.widget]), "ml-train-row")
        return [
            widgets.HTML(_TRAIN),
            top,
            _section(
                _RESULTS,
                self.table,
                _fold(_HISTORY, self.history.widget),
            ),
            _section(_PAIR, self.side_by_side.widget),
            _section(_DETAILS, self.details.widget, self.report.widget),
        ]

    def _paint_table(self) -> None:
        self.table.value = results_table(list(self.results.shown().values()))


def _section(heading: str, *parts: widgets.Widget) -> widgets.Widget:
    return ui.classed(widgets.VBox([widgets.HTML(heading), *parts]), "ml-section")


def _fold(title: str, inside: widgets.Widget) -> widgets.Widget:
    fold = widgets.Accordion([inside], titles=(title,), selected_index=None)
    return ui.classed(fold, "ml-fold")


_TRAIN = ui.heading(
    "Train",
    "Training runs in a process of its own. A twelfth of the training images is kept aside to "
    "choose the best epoch; the test set is read once, at the end.",
)
_RESULTS = ui.heading(
    "Results",
    "All models on the same test set. Latency is measured here and now, in alternating blocks of "
    "single predictions, preprocessing apart.",
)
_HISTORY = "Choose, rename, load, save or delete runs"
_PAIR = ui.heading("Side by side")
_DETAILS = ui.heading("More about these two")
