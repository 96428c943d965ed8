"""What is trained: the models, a preset or the user's own settings, and what it will cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from mnistlab.errors import ConfigError
from mnistlab.models.config import AUGMENTATIONS, MODELS, SCHEDULES, TITLES, TrainingConfig
from mnistlab.texts import counted
from mnistlab.training.presets import PRESETS
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.compare.state import CompareState
from mnistlab.ui.compare.training import Training
from mnistlab.ui.state import AppState

_OWN = ""  # the preset's name for settings of one's own
_SEEDS = ("seed", "seeds")


class Configure:
    """The settings' widgets; `widget` is all of them."""

    def __init__(self, app: AppState, state: CompareState, training: Training) -> None:
        self._app, self._state, self._training = app, state, training
        self._filling = False
        self.choices = {
            model: widgets.Checkbox(True, description=TITLES[model], indent=False)
            for model in MODELS
        }
        self.preset = widgets.Dropdown(
            options=[("Own settings", _OWN), *((p.title, name) for name, p in PRESETS.items())],
            description="Preset",
        )
        self.fields = _fields()
        self.my_digits = ui.classed(
            widgets.Checkbox(False, description="Add My digits", indent=False), "ml-add-mine"
        )
        self.my_digits.tooltip = "What you kept in Predict joins the training images"
        self.note = ui.classed(widgets.HTML(), "ml-preset-note")
        self.problem = ui.classed(widgets.HTML(), "ml-problem")
        self.cost = ui.classed(widgets.HTML(), "ml-cost")
        self.train = ui.button("Train", "ml-train", "Train the chosen models", primary=True)
        self.cancel = ui.button("Cancel", "ml-cancel", "Stop the training")
        self.widget = self._build()
        self._link()
        self._on_preset()

    # View

    def _build(self) -> widgets.Widget:
        models = ui.classed(widgets.HBox(list(self.choices.values())), "ml-models")
        preset = ui.classed(self.preset, "ml-preset", "ml-field")
        fields = widgets.VBox(
            [preset, *(_labelled(name, item) for name, item in self.fields.items())]
        )
        buttons = ui.classed(widgets.HBox([self.train, self.cancel]), "ml-buttons-row")
        parts = [models, ui.classed(fields, "ml-fields"), self.my_digits, self.note]
        return ui.classed(
            widgets.VBox([*parts, self.problem, self.cost, buttons]), "ml-section", "ml-settings"
        )

    def _link(self) -> None:
        self.train.on_click(self._guard(lambda _: self._training.start()))
        self.cancel.on_click(self._guard(lambda _: self._training.cancel()))
        self.preset.observe(self._guard(lambda _: self._on_preset()), "value")
        for item in (*self.choices.values(), self.my_digits):
            item.observe(self._guard(lambda _: self._read()), "value")
        for name, item in self.fields.items():
            item.observe(self._guard(lambda _, name=name: self._on_field(name)), "value")
        self._state.observe(self._guard(lambda _: self._show()), ["problem", "is_training"])
        self._state.observe(self._guard(lambda _: self._show_cost()), ["cost"])

    def _guard(self, handler: Callable[..., object]) -> Callable[..., None]:
        return ui.guard(self._app, handler)

    # From widgets to state

    def _on_preset(self) -> None:
        """Fill the fields with a preset's settings, where both models share them."""
        if self.preset.value:
            configs = list(PRESETS[self.preset.value].configs.values())
            self._filling = True
            try:
                for name, item in self.fields.items():
                    if name not in _SEEDS:
                        item.value = _common(name, configs, self.choices)
            finally:
                self._filling = False
        self._read()

    def _on_field(self, name: str) -> None:
        if self._filling:
            return
        if self.preset.value and name not in _SEEDS:
            # A preset with one setting changed is no preset any more.
            self.preset.value = _OWN
        self._read()

    def _read(self) -> None:
        values = {name: _number(item.value) for name, item in self.fields.items()}
        state = self._state
        with state.hold_trait_notifications():
            state.models = tuple(model for model in MODELS if self.choices[model].value)
            state.preset = self.preset.value
            state.seed, state.seeds = values.pop("seed"), values.pop("seeds")
            state.settings = values
            state.my_digits = self.my_digits.value
            try:
                self._training.configs()
                state.problem = ""
            except ConfigError as error:
                state.problem = str(error)
        self.note.value = _preset_note(state.preset, state.models)
        self._show()

    # From state to widgets

    def _show(self) -> None:
        state = self._state
        self.train.disabled = bool(state.problem) or state.is_training
        self.cancel.disabled = not state.is_training
        warning = f"<p class='ml-warning' role='alert'>{ui.escape(state.problem)}</p>"
        self.problem.value = warning if state.problem else ""

    def _show_cost(self) -> None:
        self.cost.value = f"<p class='ml-note'>{ui.escape(self._state.cost)}</p>"


def _fields() -> dict[str, Any]:
    return {
        "epochs": widgets.FloatText(3),
        "batch_size": widgets.FloatText(128),
        "learning_rate": widgets.FloatText(0.003, step=0.001),
        "schedule": widgets.Dropdown(options=SCHEDULES),
        "dropout": widgets.FloatText(0.2, step=0.05),
        "augmentation": widgets.Dropdown(options=AUGMENTATIONS),
        "fraction": widgets.FloatText(1.0, step=0.1),
        "seed": widgets.FloatText(0),
        "seeds": widgets.FloatText(1),
    }


_LABELS = {
    "epochs": ("Epochs", "ml-epochs", "Passes over the training images."),
    "batch_size": ("Batch size", "ml-batch", "Images per training step."),
    "learning_rate": ("Learning rate", "ml-rate", "Its peak, whatever the schedule."),
    "schedule": (
        "Schedule",
        "ml-schedule",
        "one cycle: the rate rises over the first third of the steps, then falls to nearly zero; "
        "cosine: it only falls; constant: it stays.",
    ),
    "dropout": ("Dropout", "ml-dropout", "Share of units left out at each step, 0 to 0.9."),
    "augmentation": (
        "Augmentation",
        "ml-augmentation",
        "light: images are turned, scaled, shifted and thickened a little, at random; full: bent "
        "as well, with slashed zeros, flagged ones and barred sevens.",
    ),
    "fraction": (
        "Fraction of the data",
        "ml-share",
        "Of the training set: 1 is all of it; a tenth trains ten times as fast and reads worse.",
    ),
    "seed": ("Seed", "ml-seed", "The same seed gives the same model again."),
    "seeds": (
        "Number of seeds",
        "ml-seeds",
        "Each model is trained this many times, 1 to 10, with seeds that follow the first: how "
        "much of a difference is luck?",
    ),
}


def _labelled(name: str, item: widgets.DOMWidget) -> widgets.Widget:
    text, css_class, help_text = _LABELS[name]
    item.description, item.tooltip = text, help_text
    return ui.classed(item, css_class, "ml-field")


def _number(value: float | str) -> float | int | str:
    # The fields for whole numbers take fractions too, so that 1.5 is refused with its reason:
    # IntText would drop the point and train for 15 epochs.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _common(name: str, configs: list[TrainingConfig], choices: dict[str, Any]) -> Any:
    """A preset's value for a field: that of the first model that is ticked."""
    ticked = [config for config in configs if choices[config.model].value] or configs
    return getattr(ticked[0], name)


def _preset_note(preset: str, models: tuple[str, ...]) -> str:
    if not preset:
        return ""
    chosen = PRESETS[preset]
    lines = "".join(
        f"<li><b>{TITLES[model]}</b> {ui.escape(describe(chosen.configs[model]))}</li>"
        for model in models
    )
    return f"<div class='ml-note'>{ui.escape(chosen.text)}<ul>{lines}</ul></div>"


def describe(config: TrainingConfig) -> str:
    """The settings that matter, in a line."""
    epochs = counted(config.epochs, "epoch")
    parts = [
        f"network {config.network_title}",
        epochs,
        f"batch {config.batch_size}",
        f"rate {config.learning_rate:g} ({config.schedule})",
        f"dropout {config.dropout:g}",
        f"augmentation {config.augmentation}",
    ]
    if config.fraction < 1:
        parts.append(f"{config.fraction:.0%} of the data")
    if config.non_digits:
        parts.append("learns what is not a digit")
    return " · ".join(parts)
