"""The Train & Compare tab: its panels, put together."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets
import traitlets

from mnistlab.charts.methods import methods
from mnistlab.charts.results import results_table
from mnistlab.jobs import Job, submit
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.compare.configure import Configure
from mnistlab.ui.compare.details import Details, ReportButton
from mnistlab.ui.compare.panel import Panel
from mnistlab.ui.compare.progress import TrainingProgress
from mnistlab.ui.compare.results import Results
from mnistlab.ui.compare.runs import Runs
from mnistlab.ui.compare.side_by_side import SideBySide
from mnistlab.ui.compare.state import CompareState
from mnistlab.ui.compare.trainer import Trainer
from mnistlab.ui.state import AppState

_TRAIN = ui.heading(
    "Train",
    "Training runs in a separate process. One twelfth of the training images is set aside to "
    "choose the best epoch (validation). The test set is used once, at the end.",
)
_RESULTS = ui.heading("Results", "All models on the same test set.")
_RUNS = "Runs: show, rename, download or delete them"
_FIGURES = f"<details><summary>What the figures mean</summary>{methods()}</details>"


class CompareTab(Panel):
    """Built when the tab is first opened.

    Parameters
    ----------
    app : the page's state, with a dataset
    submit_job : `mnistlab.jobs.submit`, or a test's replacement
    measure_cost : whether to measure, in the background, how fast this machine trains
    """

    def __init__(
        self,
        app: AppState,
        submit_job: Callable[..., Job] = submit,
        measure_cost: bool = True,
    ) -> None:
        super().__init__(app, CompareState(dataset=app.dataset))
        self.app, self.state = app, self._state
        self.results = Results(app, self.state)
        self.trainer = Trainer(app, self.state, submit_job, self.results.add, measure_cost)
        self.results.when_idle = self.trainer.cost.calibrate
        self.configure = Configure(app, self.state, self.trainer)
        self.progress = TrainingProgress(app, self.state)
        self.table = ui.classed(widgets.HTML(), "ml-results")
        self.runs = Runs(app, self.state, self.results)
        self.side_by_side = SideBySide(app, self.state, self.results)
        self.details = Details(app, self.state, self.results)
        self.report = ReportButton(app, self.state)
        runs = widgets.Accordion([self.runs.widget], titles=(_RUNS,), selected_index=None)
        top = widgets.HBox([self.configure.widget, self.progress.widget])
        self.widget = widgets.VBox(
            [
                widgets.HTML(_TRAIN),
                ui.classed(top, "ml-train-row"),
                _section(_RESULTS, self.table, widgets.HTML(_FIGURES), ui.classed(runs, "ml-fold")),
                _section(ui.heading("Side by side"), self.side_by_side.widget),
                _section(
                    ui.heading("More about these two"), self.details.widget, self.report.widget
                ),
            ]
        )
        self._on_state(self._paint_table, "evaluations", "chosen", "corrected")
        traitlets.dlink((self.state, "is_training"), (app, "is_training"))
        self.results.open()

    def wait(self, timeout: float = 60.0) -> None:
        """Block until jobs and measurements are over."""
        self.trainer.wait(timeout)
        self.results.wait(timeout)

    def _paint_table(self) -> None:
        self.table.value = results_table(self.results.shown())


def _section(heading: str, *parts: widgets.Widget) -> widgets.Widget:
    return ui.classed(widgets.VBox([widgets.HTML(heading), *parts]), "ml-section")
