"""The settings of a training: models, a preset or custom values, and how long it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import ipywidgets as widgets
from traitlets import TraitError

from mnistlab.data.pens import training_files
from mnistlab.errors import ConfigError
from mnistlab.jobs import obstacle
from mnistlab.models.config import AUGMENTATIONS, MODELS, SCHEDULES, TITLES, TrainingConfig
from mnistlab.texts import SITE, counted, percent
from mnistlab.training.presets import PRESETS, Preset
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.compare.state import CompareState
from mnistlab.ui.compare.trainer import Trainer
from mnistlab.ui.state import AppState

_MAX_SEEDS = 10
_CUSTOM = ""  # the value of "Custom" among the presets
_FIRST = "quick"
_SEEDS = ("seed", "seeds")  # hold for both models
_CARDS = {
    "quick": "to try things out",
    "standard": "reads handwriting better",
    "best": "as the pretrained pair",
}

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
     "Random changes that make the training images more varied. Shift: by up to one pixel. "
     "Light: rotation, scale, shift and stroke thickness. Full: also bending, slashed zeros, "
     "flagged ones and barred sevens."),
    "fraction": ("Fraction of the data", "ml-share", 0.1,
     "How much of the training set to use, 0.01 to 1. A tenth trains ten times as fast and "
     "makes more errors."),
    "seed": ("Seed", "ml-seed", None,
     "The number that starts all random choices. The same seed gives the same model again."),
    "seeds": ("Number of seeds", "ml-seeds", None,
     "Trains each model this many times, 1 to 10, with the seeds that follow the first one. "
     "Shows how much the results vary by chance."),
}  # fmt: skip


# In a tab of its own, and without telling the site which page it was opened from.
_RECIPE = (
    f"<a href='{SITE}training-recipe.html#pen-drawings' "
    "target='_blank' rel='noopener noreferrer'>How the models are trained</a>"
)
_MEANINGS = "".join(f"<dt>{label}</dt><dd>{text}</dd>" for label, _, _, text in _FIELDS.values())
_HELP = (
    "<details><summary>What the settings mean</summary>"
    f"<dl class='ml-methods'>{_MEANINGS}</dl></details>"
)


class Configure(ui.View):
    """The settings' widgets."""

    def __init__(self, app: AppState, state: CompareState, trainer: Trainer) -> None:
        super().__init__(app)
        self._state = state
        self.choices = {
            model: widgets.Checkbox(True, description=TITLES[model], indent=False)
            for model in MODELS
        }
        presets = widgets.ToggleButtons(options=_preset_cards({}), value=_FIRST)
        self.preset = ui.classed(presets, "ml-preset")
        self.fields = {name: _make_field(name) for name in _FIELDS}
        # The CNN's own column. The one above is the MLP's then, and both models' otherwise.
        self.cnn_fields = {
            name: _make_field(name, "cnn-") for name in _FIELDS if name not in _SEEDS
        }
        separate = widgets.Checkbox(False, description="Own column for the CNN", indent=False)
        self.separate = ui.classed(separate, "ml-separate")
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
        self.fold = self._foldable("Advanced settings", "ml-advanced", self._make_columns(), True)
        parts = [
            ui.classed(widgets.HBox(list(self.choices.values())), "ml-models"),
            self.preset,
            *(self.problem, self.cost),
            ui.classed(widgets.HBox([self.train, self.cancel]), "ml-buttons-row"),
            *(self.fold, self.note),
        ]
        self.widget = ui.classed(widgets.VBox(parts), "ml-section", "ml-settings")
        self._base = _FIRST  # the preset that changed settings start from; "" for plain networks
        self._changed: dict[str, set[str]] = {"": set(), "cnn": set()}  # by column
        self._on_input(self._on_card, self.preset)
        seeds = [self.fields[name] for name in _SEEDS]
        self._on_input(lambda _: self._read(), *self.choices.values(), self.my_digits, *seeds)
        for name in self.cnn_fields:
            self._on_input(partial(self._on_setting, "", name), self.fields[name])
            self._on_input(partial(self._on_setting, "cnn", name), self.cnn_fields[name])
        self._on_input(self._on_separate, self.separate)
        self._on_preset()
        self._follow(state, self._paint, "problem", "cost", "is_training")
        self._follow(state, self._paint_presets, "preset_costs")

    def _make_columns(self) -> widgets.Widget:
        settings = [field for name, field in self.fields.items() if name not in _SEEDS]
        self._heads = [widgets.HTML(ui.subheading(text)) for text in ("MLP", "CNN")]
        first = ui.classed(widgets.VBox([self._heads[0], *settings]), "ml-column")
        self._second = ui.classed(
            widgets.VBox([self._heads[1], *self.cnn_fields.values()]), "ml-column"
        )
        rest = [self.fields[name] for name in _SEEDS]
        self._columns = ui.classed(widgets.Box([first, self._second]), "ml-fields")
        below = ui.classed(widgets.Box([*rest, self.my_digits, self.separate]), "ml-fields")
        self._show_columns(False)
        return widgets.VBox([self._columns, below, widgets.HTML(_HELP)])

    def _show_columns(self, both: bool) -> None:
        for part in (self._heads[0], self._second):
            part.layout.display = "" if both else "none"
        (self._columns.add_class if both else self._columns.remove_class)("ml-both")

    # From widgets to state

    def _on_card(self, preset: str) -> None:
        """Begin with a preset, or with plain networks and the fields as they are."""
        self._base, self._changed = preset, {"": set(), "cnn": set()}
        self._on_preset()

    def _on_preset(self) -> None:
        """Fill the fields with a preset's settings: those of the first model that is ticked."""
        if self.preset.value:
            configs = PRESETS[self.preset.value].configs
            first = "mlp" if self.separate.value else (self._ticked() or list(configs))[0]
            with self._painting():
                for name, field in self.cnn_fields.items():
                    self.fields[name].value = getattr(configs[first], name)
                    field.value = getattr(configs["cnn"], name)
        self._read()

    def _on_separate(self, both: bool) -> None:
        self._show_columns(both)
        if not self.preset.value:
            with self._painting():  # begin with what both have had so far
                for name, field in self.cnn_fields.items():
                    preset = PRESETS[self._base].configs["cnn"] if self._base else None
                    is_shared = preset is None or name in self._changed[""]
                    field.value = self.fields[name].value if is_shared else getattr(preset, name)
            self._changed["cnn"] = set(self._changed[""])
            self._read()
        else:
            self._on_preset()

    def _on_setting(self, column: str, name: str, _: object) -> None:
        self._changed[column].add(name)
        with self._painting():
            self.preset.value = _CUSTOM  # a preset with one setting changed is no longer one
        self._read()

    def _read(self) -> None:
        self._mark_problems()
        try:
            configs, problem = self._configs(), obstacle()
        except ConfigError as error:
            configs, problem = (), str(error)
        with self._state.hold_trait_notifications():
            self._state.configs, self._state.problem = configs, problem
            self._state.my_digits = self.my_digits.value
        self.note.value = self._note(configs)
        self._app.remember("settings", self.to_memory())

    # What a reload brings back

    def to_memory(self) -> dict[str, Any]:
        """All inputs, as JSON can hold them."""
        columns = {"": self.fields, "cnn": self.cnn_fields}
        return {
            "models": self._ticked(),
            "preset": self.preset.value,
            "base": self._base,
            "changed": {column: sorted(names) for column, names in self._changed.items()},
            "fields": {
                column: {name: field.value for name, field in fields.items()}
                for column, fields in columns.items()
            },
            "separate": self.separate.value,
            "my_digits": self.my_digits.value,
        }

    def from_memory(self, content: Mapping[str, Any]) -> None:
        """Set the inputs to what `to_memory` gave; an empty mapping changes nothing.

        Raises `ConfigError` for anything else; the inputs are as they were then.
        """
        if not content:
            return
        before = self.to_memory()
        try:
            self._set(content)
        except (
            LookupError, TypeError, ValueError, AttributeError, StopIteration, TraitError
        ) as error:  # fmt: skip
            self._set(before)
            raise ConfigError("The settings of before the reload cannot be read.") from error

    def _set(self, content: Mapping[str, Any]) -> None:
        with self._painting():
            for model, box in self.choices.items():
                box.value = model in content["models"]
            self.preset.value = content["preset"]
            self._base = next(name for name in ("", *PRESETS) if name == content["base"])
            for column, fields in (("", self.fields), ("cnn", self.cnn_fields)):
                self._changed[column] = set(content["changed"][column]) & {*self.cnn_fields}
                for name, value in content["fields"][column].items():
                    fields[name].value = value
            self.separate.value = content["separate"]
            self.my_digits.value = content["my_digits"]
        self._show_columns(self.separate.value)
        self._read()

    def _note(self, configs: tuple[TrainingConfig, ...]) -> str:
        """What will be trained, in words: of presets, and of settings of one's own."""
        chosen = PRESETS.get(self.preset.value)
        lines = "".join(
            f"<li><b>{config.title}</b> {ui.escape(describe(config))}</li>"
            for config in _first_of_each(configs)
        )
        if chosen is not None:
            text = chosen.text
        elif self._base:
            text = f"{self._base.title()} with your changes, which hold for both models."
            if self.separate.value:
                text = f"{self._base.title()} with your changes."
        else:
            text = "Plain networks with the settings above."
        note = "" if chosen is None else _pens_note(chosen, self._ticked())
        return f"<div class='ml-note'>{ui.escape(text)}<ul>{lines}</ul>{note}</div>"

    def _mark_problems(self) -> None:
        """Mark the fields that hold no valid value."""
        columns = [self.fields, *([self.cnn_fields] if self.separate.value else [])]
        for column in columns:
            for name, field in column.items():
                is_wrong = _is_wrong(name, _whole(field.value))
                (field.add_class if is_wrong else field.remove_class)("ml-invalid")

    def _ticked(self) -> list[str]:
        return [model for model, box in self.choices.items() if box.value]

    def _configs(self) -> tuple[TrainingConfig, ...]:
        """One configuration for each model and seed; raises `ConfigError` if there is none."""
        first, count = (_whole(self.fields[name].value) for name in _SEEDS)
        if not self._ticked():
            raise ConfigError("No model is chosen; tick MLP, CNN, or both.")
        if not isinstance(count, int) or not 1 <= count <= _MAX_SEEDS:
            raise ConfigError(
                f"Number of seeds is {count!r}; give a whole number from 1 to {_MAX_SEEDS}."
            )
        if self.preset.value:
            base = [PRESETS[self.preset.value].configs[model] for model in self._ticked()]
        else:
            base = [self._own_config(model) for model in self._ticked()]
        # Seed by seed, so that the first pair to compare is ready early.
        return tuple(
            replace(config, seed=first + i if i else first) for i in range(count) for config in base
        )

    def _own_config(self, model: str) -> TrainingConfig:
        """A preset with the settings that were changed, so that all others stay comparable."""
        key = "cnn" if model == "cnn" and self.separate.value else ""
        column = self.cnn_fields if key else self.fields
        values = {name: _whole(column[name].value) for name in self.cnn_fields}
        if not self._base:
            return TrainingConfig(model=model, **values)
        preset = PRESETS[self._base].configs[model]
        changed = {name: values[name] for name in self._changed[key]}
        if "epochs" in changed:  # the plain end of a preset may be longer than all of it now
            changed["plain_epochs"] = min(preset.plain_epochs, max(0, int(changed["epochs"])))
        return replace(preset, **changed)

    # From state to widgets

    def _paint(self) -> None:
        state = self._state
        self.train.disabled = bool(state.problem) or state.is_training
        self.cancel.disabled = not state.is_training
        warning = f"<p class='ml-warning' role='alert'>{ui.escape(state.problem)}</p>"
        self.problem.value = warning if state.problem else ""
        self.cost.value = ui.note(state.cost)

    def _paint_presets(self) -> None:
        """Say on each card how long its models take; the choice stays."""
        with self._painting():
            chosen = self.preset.value
            self.preset.options = _preset_cards(self._state.preset_costs)
            self.preset.value = chosen


def _preset_cards(costs: Mapping[str, str]) -> list[tuple[str, str]]:
    """The presets' cards, of several lines, and a last one for settings of one's own."""
    cards = [
        ("\n".join(filter(None, [name.title(), costs.get(name), _CARDS[name]])), name)
        for name in PRESETS
    ]
    return [*cards, ("Custom\nyour own settings, below", _CUSTOM)]


def _whole(value: Any) -> Any:
    """The integer that a field holds as a float, or the value itself."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _make_field(name: str, prefix: str = "") -> Any:
    label, css_class, kind, help_text = _FIELDS[name]
    if isinstance(kind, tuple):
        field = widgets.Dropdown(options=kind)
    else:
        # Whole numbers too: IntText would drop the point of 1.5 and train for 15 epochs.
        field = widgets.FloatText(getattr(TrainingConfig, name, 1), step=kind)
    field.description, field.tooltip = label, help_text
    return ui.classed(field, css_class.replace("ml-", f"ml-{prefix}"), "ml-field")


def _first_of_each(configs: tuple[TrainingConfig, ...]) -> list[TrainingConfig]:
    """Without those that differ in nothing but the seed."""
    return list({c.model: c for c in configs[::-1]}.values())[::-1]


def _is_wrong(name: str, value: Any) -> bool:
    try:
        if name == "seeds":
            return not (isinstance(value, int) and 1 <= value <= _MAX_SEEDS)
        TrainingConfig("mlp", **{name: value})
    except ConfigError:
        return True
    return False


def _pens_note(preset: Preset, models: list[str]) -> str:
    """Say where a preset trains on pen drawings and there are none."""
    wanting = [TITLES[model] for model in models if preset.configs[model].pens]
    if not wanting or training_files():
        return ""
    names = " and ".join(wanting)
    return (
        f"<p>There are no pen drawings on this machine. Without them, the new {names} will "
        f"read real handwriting less well. {_RECIPE} says where to get them.</p>"
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
