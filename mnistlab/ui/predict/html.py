"""What the Predict tab shows of a reading, as one piece of HTML.

One piece, so that one message puts both models' answers on the page.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from mnistlab.glossary import info
from mnistlab.images.grey import shrink
from mnistlab.images.preprocessing import STAGES, WITHOUT, Preprocessed
from mnistlab.texts import percent
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.common.answers import NOT_A_DIGIT, Answer
from mnistlab.ui.predict.state import Reading

STAGE_SIZE = 84  # pixels a side of a stage's picture in the message to the browser
SCRIBBLE = 0.6  # fraction of the 20x20 box with ink; exceeded by 26 of 60,000 MNIST training digits

WHAT = {
    "mlp": "Multilayer perceptron: has its own weights for each of the 784 pixels.",
    "cnn": "Convolutional network: looks for strokes and corners everywhere.",
}
"""What each kind of network is, in a sentence."""


def panel_html(reading: Reading, without: Collection[str] = ()) -> str:
    """All that the tab shows of a reading; `without` are the steps that were left out."""
    cards = "".join(_card_html(answer, reading) for answer in reading.answers)
    chip = f"<span class='ml-chip'>{ui.escape(reading.note)}</span>" if reading.note else ""
    return (
        "<h2 class='ml-hidden'>Answers</h2>"
        f"<div class='ml-says'><span role='status' aria-live='polite'>{_sentence(reading)}</span>"
        f"{chip}</div><div class='ml-cards'>{cards}</div>"
        f"{_stages_html(reading, without)}"
        f"<div class='ml-hidden ml-answer'>answer {reading.number}</div>"
    )


def _sentence(reading: Reading) -> str:
    if not reading.digits:
        return "Nothing drawn yet."
    text, *others = {answer.text for answer in reading.answers}
    if others:
        each = ", ".join(
            f"{ui.escape(a.title)} <b>{_spoken(a.text, reading.lines)}</b>" for a in reading.answers
        )
        return f"The models disagree: {each}."
    if set(text) == {"?"}:
        return "Neither model recognises a digit."
    return f"Both models read <b>{_spoken(text, reading.lines)}</b>."


def _spoken(text: str, lines: Sequence[int]) -> str:
    """The digits of each line, with a slash between the lines."""
    if len(set(lines)) < 2:
        return text
    rows = groupby(zip(text, lines, strict=True), key=lambda digit: digit[1])
    return " / ".join("".join(digit for digit, _ in row) for _, row in rows)


def _card_html(answer: Answer, reading: Reading) -> str:
    name, at = ui.escape(answer.name), reading.chosen
    latency, detail, bars = "", "", ui.probability_bars([0.0] * answer.outcomes.shape[1], None)
    if reading.digits:
        latency = (
            f"{1e3 * answer.seconds:.2f} ms model + {1e3 * reading.seconds:.2f} ms preprocessing"
        )
        detail = _detail(answer, reading.digits[at], at, len(reading.digits))
        best = answer.digits[at] if answer.accepted[at] else NOT_A_DIGIT
        bars = ui.probability_bars(answer.outcomes[at].tolist(), best)
    rows = len(set(reading.lines)) or 1
    longest = max(map(reading.lines.count, set(reading.lines)), default=1)
    return (
        f"<section class='ml-card ml-is-{name}'><h3>{ui.escape(answer.title)}"
        f"{info(answer.name.upper())}</h3>"
        f"<p class='ml-what'>{WHAT.get(name, '')}</p>"
        f"<div class='ml-digit ml-digit-{name}' style='--rows:{rows};--length:{longest}'>"
        f"{_by_line(answer.text, reading.lines)}</div>"
        f"<p class='ml-detail'>{detail}</p>{bars}"
        f"<div class='ml-latency ml-latency-{name}'>{latency}</div>"
        f"<p class='ml-rule'>{_rule(answer)}</p></section>"
    )


def _by_line(text: str, lines: Sequence[int]) -> str:
    """The digits of each line in a row of its own, without a character between the lines."""
    if len(set(lines)) < 2:
        return text
    rows = groupby(zip(text, lines, strict=True), key=lambda digit: digit[1])
    spans = ("".join(digit for digit, _ in row) for _, row in rows)
    return f"<span class='ml-lines'>{''.join(f'<span>{span}</span>' for span in spans)}</span>"


def _detail(answer: Answer, digit: Preprocessed, at: int, n: int) -> str:
    """Which digit the bars are about, and the score that the model gives it for being one."""
    place = f"digit {at + 1} of {n} · " if n > 1 else ""
    if not answer.threshold:
        return f"{place}This model always answers with a digit."
    score = f"(digit score {percent(float(answer.scores[at]), 1)})"
    result = f"Recognised as a digit {score}."
    if not answer.accepted[at]:
        is_scribble = (digit.stages["scaled"] > 127).mean() > SCRIBBLE
        reason = "Too much ink for a digit: it looks like a scribble. " if is_scribble else ""
        guess = f"The nearest guess is {answer.digits[at]}."
        result = f"{reason}Not recognised as a digit {score}. {guess}"
    return f"{place}{result}{info('Digit score')}"


def _rule(answer: Answer) -> str:
    """When a model answers `?`."""
    if not answer.threshold:
        return ""
    rule = f"Answers ? when the digit score is below {100 * answer.threshold:.0f} %"
    if answer.kept is not None:  # what `?` costs: some real digits are refused as well
        rule += f", as for {percent(1 - answer.kept, 1)} of the validation digits"
    return f"{rule}."


def _stages_html(reading: Reading, without: Collection[str]) -> str:
    content = ui.note("The steps from your drawing to the 28 × 28 pixels appear here.")
    if reading.digits:
        stages = reading.digits[reading.chosen].stages
        content = "".join(_stage_html(*stage, stage[0] in without) for stage in stages.items())
    return f"{ui.subheading('What the models see')}<div class='ml-stages'>{content}</div>"


def _stage_html(name: str, image: NDArray[np.uint8], is_off: bool) -> str:
    text = ui.escape((WITHOUT if is_off else STAGES)[name])
    return (
        f"<figure{' class=ml-off' if is_off else ''}>"
        f"<img src='{ui.data_uri(shrink(image, STAGE_SIZE))}' alt=''>"
        f"<figcaption><b>{ui.escape(name)}{' (off)' if is_off else ''}</b> {text}</figcaption>"
        "</figure>"
    )
