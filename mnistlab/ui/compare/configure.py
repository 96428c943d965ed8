"""The settings of a training: models, a preset or custom values, and how long it takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import ipywidgets as widgets

from mnistlab.data.pens import training_files
from mnistlab.errors import ConfigError
from mnistlab.models.config import AUGMENTATIONS, MODELS, SCHEDULES, TITLES, TrainingConfig
from mnistlab.texts import counted, percent
from mnistlab.training.presets import PRESETS, Preset
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.compare.state import CompareState
from mnistlab.ui.compare.trainer import Trainer
from mnistlab.ui.state import AppState

_MAX_SEEDS = 10
_CUSTOM = ""  # the value of "Custom settings" among the presets

_FIELDS: dict[str, tuple[str, str, float | tuple[str, ...] | None, str]] = {
    # Setting: label, CSS class, step of a number or choices, help
    "epochs": ("Epochs", "ml-epochs", None,
     "How many times training goes through all training images."),
    "batch_size": ("Batch size", "ml-batch", None,
     "Number of images in one training step."),
    "learning_rate": ("Learning rate", "ml-rate", 0.001,
     "How far each step changes the weights. This is the highest value of the schedule."),
    "schedule": ("Schedule", "ml-schedule", SCHEDULES,
     "How the learning rate changes. One cycle: it rises during the first third of the steps, "
     "then falls to nearly zero. Cosine: it falls from the start. Constant: it stays the same."),
    "dropout": ("Dropout", "ml-dropout", 0.05,
     "The fraction of units switched off at random in each step, 0 to 0.9. Dropout reduces "
     "overfitting."),
    "augmentation": ("Augmentation", "ml-augmentation", AUGMENTATIONS,
     "Random changes that make the training images more varied. Light: rotation, scale, shift "
     "and stroke thickness. Full: also bending, slashed zeros, flagged ones and barred sevens."),
    "fraction": ("Fraction of the data", "ml-share", 0.1,
     "How much of the training set to use, 0.01 to 1. A tenth trains ten times as fast and "
     "makes more errors."),
    "seed": ("Seed", "ml-seed", None,
     "The number that starts all random choices. The same seed gives the same model again."),
    "seeds": ("Number of seeds", "ml-seeds", None,
     "Trains each model this many times, 1 to 10, with the seeds that follow the first one. "
     "Shows how much the results vary by chance."),
}  # fmt: skip


class Configure(ui.View):
    """The settings' widgets."""

    def __init__(self, app: AppState, state: CompareState, trainer: Trainer) -> None:
        super().__init__(app)
        self._state = state
        self.choices = {
            model: widgets.Checkbox(True, description=TITLES[model], indent=False)
            for model in MODELS
        }
        presets = [("Custom settings", _CUSTOM), *((name.title(), name) for name in PRESETS)]
        self.preset = ui.classed(
            widgets.Dropdown(options=presets, description="Preset"), "ml-preset", "ml-field"
        )
        self.fields = {name: _make_field(name) for name in _FIELDS}
        self.my_digits = ui.classed(
            widgets.Checkbox(False, description="Add My digits", indent=False), "ml-add-mine"
        )
        self.my_digits.tooltip = "Train on the drawings kept in Predict as well"
        self.note = ui.classed(widgets.HTML(), "ml-preset-note")
        self.problem = ui.classed(widgets.HTML(), "ml-problem")
        self.cost = ui.classed(widgets.HTML(), "ml-cost")
        self.train = self._button("Train", "ml-train", trainer.start, "Train the chosen models")
        self.train.add_class("ml-primary")
        self.cancel = self._button("Cancel", "ml-cancel", trainer.cancel, "Stop training")
        parts = [
            ui.classed(widgets.HBox(list(self.choices.values())), "ml-models"),
            ui.classed(widgets.VBox([self.preset, *self.fields.values()]), "ml-fields"),
            *(self.my_digits, self.note, self.problem, self.cost),
            ui.classed(widgets.HBox([self.train, self.cancel]), "ml-buttons-row"),
        ]
        self.widget = ui.classed(widgets.VBox(parts), "ml-section", "ml-settings")
        self._on_input(lambda _: self._on_preset(), self.preset)
        seeds = (self.fields["seed"], self.fields["seeds"])
        settings = [field for field in self.fields.values() if field not in seeds]
        self._on_input(lambda _: self._read(), *self.choices.values(), self.my_digits, *seeds)
        self._on_input(lambda _: self._on_setting(), *settings)
        self._read()
        self._follow(state, self._paint, "problem", "cost", "is_training")

    # From widgets to state

    def _on_preset(self) -> None:
        """Fill the fields with a preset's settings: those of the first model that is ticked."""
        if self.preset.value:
            configs = PRESETS[self.preset.value].configs
            shown = configs[(self._ticked() or list(configs))[0]]
            with self._painting():
                for name in self.fields.keys() - {"seed", "seeds"}:
                    self.fields[name].value = getattr(shown, name)
        self._read()

    def _on_setting(self) -> None:
        self.preset.value = _CUSTOM  # a preset with one setting changed is no longer one
        self._read()

    def _read(self) -> None:
        try:
            configs, problem = self._configs(), ""
        except ConfigError as error:
            configs, problem = (), str(error)
        with self._state.hold_trait_notifications():
            self._state.configs, self._state.problem = configs, problem
            self._state.my_digits = self.my_digits.value
        self.note.value = _preset_note(self.preset.value, self._ticked())

    def _ticked(self) -> list[str]:
        return [model for model, box in self.choices.items() if box.value]

    def _configs(self) -> tuple[TrainingConfig, ...]:
        """One configuration for each model and seed; raises `ConfigError` if there is none."""
        values = {name: _whole(field.value) for name, field in self.fields.items()}
        first, count = values.pop("seed"), values.pop("seeds")
        if not self._ticked():
            raise ConfigError("No model is chosen; tick MLP, CNN, or both.")
        if not isinstance(count, int) or not 1 <= count <= _MAX_SEEDS:
            raise ConfigError(f"seeds is {count!r}; give a whole number from 1 to {_MAX_SEEDS}.")
        if self.preset.value:
            base = [PRESETS[self.preset.value].configs[model] for model in self._ticked()]
        else:
            base = [TrainingConfig(model=model, **values) for model in self._ticked()]
        # Seed by seed, so that the first pair to compare is ready early.
        return tuple(
            replace(config, seed=first + i if i else first) for i in range(count) for config in base
        )

    # From state to widgets

    def _paint(self) -> None:
        state = self._state
        self.train.disabled = bool(state.problem) or state.is_training
        self.cancel.disabled = not state.is_training
        warning = f"<p class='ml-warning' role='alert'>{ui.escape(state.problem)}</p>"
        self.problem.value = warning if state.problem else ""
        self.cost.value = ui.note(state.cost)


def _whole(value: Any) -> Any:
    """The integer that a field holds as a float, or the value itself."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _make_field(name: str) -> Any:
    label, css_class, kind, help_text = _FIELDS[name]
    if isinstance(kind, tuple):
        field = widgets.Dropdown(options=kind)
    else:
        # Whole numbers too: IntText would drop the point of 1.5 and train for 15 epochs.
        field = widgets.FloatText(getattr(TrainingConfig, name, 1), step=kind)
    field.description, field.tooltip = label, help_text
    return ui.classed(field, css_class, "ml-field")


def _preset_note(preset: str, models: list[str]) -> str:
    if not preset:
        networks = (f"{TITLES[model]} {TrainingConfig(model).network_title}" for model in models)
        return f"<p class='ml-note'>Networks: {', '.join(networks)}</p>" if models else ""
    chosen = PRESETS[preset]
    lines = "".join(
        f"<li><b>{TITLES[model]}</b> {ui.escape(describe(chosen.configs[model]))}</li>"
        for model in models
    )
    note = _pens_note(chosen, models)
    return f"<div class='ml-note'>{ui.escape(chosen.text)}<ul>{lines}</ul>{note}</div>"


def _pens_note(preset: Preset, models: list[str]) -> str:
    """Say where a preset trains on pen drawings and there are none."""
    wanting = [TITLES[model] for model in models if preset.configs[model].pens]
    if not wanting or training_files():
        return ""
    names = " and ".join(wanting)
    return (
        f"<p>There are no pen drawings on this machine. Without them, the new {names} will "
        "read real handwriting less well. docs/training-recipe.md says where to get them.</p>"
    )


def describe(config: TrainingConfig) -> str:
    """Return the settings that matter in one line."""
    plain = config.plain_epochs and config.augmentation != "none"
    parts = [
        f"network {config.network_title}",
        counted(config.epochs, "epoch"),
        f"batch size {config.batch_size}",
        f"learning rate {config.learning_rate:g} ({config.schedule})",
        f"dropout {config.dropout:g}",
        f"augmentation {config.augmentation}"
        + (f", none in the last {counted(config.plain_epochs, 'epoch')}" if plain else ""),
    ]
    if config.fraction < 1:
        parts.append(f"{percent(config.fraction, 0)} of the data")
    if config.non_digits:
        letters = ", also printed letters" if config.printed_letters else ""
        parts.append(f"learns to recognise non-digits{letters}")
    if config.pens:
        parts.append("also trains on pen drawings")
    if config.noise:
        parts.append(f"noise on {percent(config.noise, 0)} of the images")
    if config.label_smoothing:
        parts.append(f"label smoothing {config.label_smoothing:g}")
    return " · ".join(parts)
