"""The Train & Compare tab: its panels, put together."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets
import traitlets

from mnistlab.charts.results import methods, results_table
from mnistlab.errors import ConfigError
from mnistlab.jobs import Job, submit
from mnistlab.markup import UNKNOWN
from mnistlab.models.store import PRETRAINED
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.compare.configure import Configure
from mnistlab.ui.compare.details import Details, ReportButton
from mnistlab.ui.compare.outcome import Outcome
from mnistlab.ui.compare.progress import TrainingProgress
from mnistlab.ui.compare.results import Results
from mnistlab.ui.compare.runs import Runs
from mnistlab.ui.compare.side_by_side import SideBySide
from mnistlab.ui.compare.state import CompareState
from mnistlab.ui.compare.trainer import Trainer
from mnistlab.ui.state import AppState

_TRAIN = ui.heading(
    "Train",
    "Training runs in a separate process. One twelfth of the training images is set aside "
    "(validation), and the accuracy on them decides which epoch is kept. The test set is used "
    "once, at the end.",
)
_IN_TABLE = ("evaluations", "chosen", "corrected", "is_measuring", "is_training")
_FIGURES = f"<details><summary>What the figures mean</summary>{methods()}</details>"


class CompareTab(ui.View):
    """Built when the tab is first opened; `app.dataset` must be there.

    Tests replace `submit_job`, and turn off `measure_cost`: how fast this machine trains.
    """

    def __init__(
        self, app: AppState, submit_job: Callable[..., Job] = submit, measure_cost: bool = True
    ) -> None:
        super().__init__(app)
        self.app, self.state = app, CompareState(dataset=app.dataset)
        self.results = Results(app, self.state)
        trainer = Trainer(app, self.state, submit_job, self.results.add, measure_cost)
        self.results.when_idle = trainer.calibrate
        self.configure = Configure(app, self.state, trainer)
        self.progress = TrainingProgress(app, self.state)
        self.table = ui.classed(widgets.HTML(), "ml-results")
        every = widgets.Checkbox(False, description="all figures", indent=False)
        self.every = self._watch(ui.classed(every, "ml-all-figures"), lambda _: self._paint_table())
        self.outcome = Outcome(app, self.state, self.results)
        self.runs = Runs(app, self.state, self.results)
        self.side_by_side = SideBySide(app, self.state, self.results)
        self.details = Details(app, self.state, self.results)
        self.report = ReportButton(app, self.state)
        title = "Runs: show, rename, download or delete them"
        runs = self._foldable(title, "ml-runs-toggle", self.runs.widget)
        top = widgets.HBox([self.configure.widget, self.progress.widget])
        results = ui.heading("Results", "All models on the same test set.")
        more = ui.heading("More about these two")
        self.widget = widgets.VBox(
            [
                widgets.HTML(_TRAIN),
                ui.classed(top, "ml-train-row"),
                self.outcome.widget,
                _section(results, self.table, self.every, widgets.HTML(_FIGURES), runs),
                _section(ui.heading("Side by side"), self.side_by_side.widget),
                _section(more, self.details.widget, self.report.widget),
            ]
        )
        self._follow(self.state, self._paint_table, *_IN_TABLE)
        traitlets.dlink((self.state, "is_training"), (app, "is_training"))
        self.results.open()
        self.recall()
        self._follow(self.state, self._remember, "chosen", "names")

    def recall(self) -> None:
        """Bring back the settings and the chosen models of before a reload."""
        known = {*PRETRAINED, *(run.id for run in self.state.runs if not run.damage)}
        try:
            self.configure.from_memory(self.app.recalled.get("settings") or {})
        except ConfigError as error:  # of another version of MNIST Lab; all else comes back
            self.app.say(str(error), "error")
        recalled = self.app.recalled.get("runs") or {}
        chosen = [name for name in recalled.get("chosen", ()) if name in known]
        pair = [name for name in recalled.get("pair", ()) if name in chosen]
        if chosen:
            self.results.choose(chosen)
        if len(pair) == 2:
            self.results.compare(*pair)

    def _remember(self) -> None:
        chosen, pair = list(self.state.chosen), list(self.state.names)
        self.app.remember("runs", {"chosen": chosen, "pair": pair})

    def wait(self, timeout: float = 60.0) -> None:
        """Block until everything is measured."""
        self.results.wait(timeout)

    def _paint_table(self) -> None:
        state, shown = self.state, self.results.shown()
        untimed = "measuring …" if state.is_measuring else UNKNOWN
        if state.is_training:  # nothing is timed beside a training
            untimed = "after the training"
        self.table.value = results_table(shown, not self.every.value, untimed)


def _section(heading: str, *parts: widgets.Widget) -> widgets.Widget:
    return ui.classed(widgets.VBox([widgets.HTML(heading), *parts]), "ml-section")
