"""What the Predict tab says about a reading, as one piece of HTML.

One piece, so that one message puts both models' answers on the page.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from PIL import Image

from mnistlab.images.preprocessing import STAGES, WITHOUT, Preprocessed
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.state import NOT_A_DIGIT, Answer, Reading

STAGE_SIZE = 84  # pixels a side of a stage's picture in the message to the browser
SCRIBBLE = 0.6  # share of the 20x20 box that is ink; nearly no digit covers as much


def panel_html(reading: Reading, without: Collection[str] = ()) -> str:
    """All that the tab says about a reading; `without` names the steps that were left out."""
    cards = "".join(_card_html(answer, reading) for answer in reading.answers)
    note = f"<span class='ml-chip'>{ui.escape(reading.note)}</span>" if reading.note else ""
    return (
        f"<div class='ml-says'><span role='status' aria-live='polite'>{_sentence(reading)}</span>"
        f"{note}</div><div class='ml-cards'>{cards}</div>"
        f"{_stages_html(reading, without)}<div class='ml-answer'>answer {reading.number}</div>"
    )


def _sentence(reading: Reading) -> str:
    if reading.is_blank:
        return "Nothing drawn yet."
    if reading.agree:
        text = reading.answers[0].text
        if set(text) == {"?"}:
            return "Neither model takes this for a digit."
        return f"Both models read <b>{text}</b>."
    said = ", ".join(f"{ui.escape(a.title)} <b>{a.text}</b>" for a in reading.answers)
    return f"The models disagree: {said}."


def _card_html(answer: Answer, reading: Reading) -> str:
    name, at = ui.escape(answer.name), reading.chosen
    outcomes = answer.outcomes
    latency, detail, bars = "", "", ui.probability_bars([0.0] * outcomes.shape[1], None)
    if not reading.is_blank:
        latency = f"{1e3 * answer.seconds:.2f} ms model + {1e3 * reading.seconds:.2f} ms "
        latency += "preprocessing"
        detail = _detail(answer, reading.digits[at], at, len(reading.digits))
        best = answer.digits[at] if answer.accepted[at] else NOT_A_DIGIT
        bars = ui.probability_bars(outcomes[at].tolist(), best)
    return (
        f"<section class='ml-card ml-is-{name}'><h3>{ui.escape(answer.title)}</h3>"
        f"<div class='ml-digit ml-digit-{name}'>{answer.text}</div>"
        f"<p class='ml-detail'>{detail}</p>{bars}"
        f"<div class='ml-latency ml-latency-{name}'>{latency}</div></section>"
    )


def _detail(answer: Answer, digit: Preprocessed, at: int, n: int) -> str:
    """Which digit the bars are about, and how sure the model is that it is one."""
    place = f"digit {at + 1} of {n} · " if n > 1 else ""
    if not answer.threshold:
        return f"{place}This model always answers with a digit."
    confidence = f"(confidence {ui.percent(float(answer.scores[at]))})"
    if answer.accepted[at]:
        said = f"Recognised as a digit {confidence}."
    else:
        reason = "Too much ink for a digit: it looks like a scribble. " * _is_scribble(digit)
        guess = f"The nearest guess is {answer.digits[at]}."
        said = f"{reason}Not recognised as a digit {confidence}. {guess}"
    return f"{place}{said}<br>{_rule(answer)}"


def _rule(answer: Answer) -> str:
    """When the model answers with `?`, and what that costs."""
    refused = ""
    if answer.kept is not None:
        refused = f", as for {ui.percent(1 - answer.kept)} of MNIST's digits"
    return f"It answers ? when its confidence is below {100 * answer.threshold:.0f} %{refused}."


def _is_scribble(digit: Preprocessed) -> bool:
    return bool((digit.stages["scaled"] > 127).mean() > SCRIBBLE)


def _stages_html(reading: Reading, without: Collection[str]) -> str:
    figures = ""
    if not reading.is_blank:
        stages = reading.digits[reading.chosen].stages
        figures = "".join(_stage_html(name, image, without) for name, image in stages.items())
    hint = "<p class='ml-note'>The steps from your ink to the 28 × 28 pixels appear here.</p>"
    return (
        "<h3 class='ml-subheading'>What the models see</h3>"
        f"<div class='ml-stages'>{figures or hint}</div>"
    )


def _stage_html(name: str, image: np.ndarray, without: Collection[str]) -> str:
    off = name in without
    text = ui.escape((WITHOUT if off else STAGES)[name])
    return (
        f"<figure{' class=ml-off' if off else ''}>"
        f"<img src='{ui.data_uri(shrink(image, STAGE_SIZE))}' alt=''>"
        f"<figcaption><b>{ui.escape(name)}{' (off)' if off else ''}</b> {text}</figcaption>"
        "</figure>"
    )


def files_html(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of several uploads: a file's name and what each model reads; empty for just one."""
    return ui.table(["File", *titles], rows, "Uploaded pictures") if len(rows) > 1 else ""


def shrink(image: np.ndarray, side: int) -> np.ndarray:
    """An image (h, w) uint8 made to fit a square of `side` pixels by averaging areas."""
    longest = max(image.shape)
    if longest <= side:
        return image
    height, width = (max(1, round(length * side / longest)) for length in image.shape)
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BOX))
