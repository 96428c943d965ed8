"""`python -m benchmarks.alternatives.gradio_app PORT`: the same with Gradio."""

from __future__ import annotations

import sys
from typing import Any

import gradio as gr
import numpy as np

from benchmarks.alternatives.reading import PAD, PEN, TITLES, load_models, prepare, read

calls = load_models()  # before the first visitor, as Gradio's guides do


def answer(drawn: dict[str, Any], answers: int) -> tuple[Any, ...]:
    """Return probabilities and latency of both models, and the number of the answer."""
    composite = drawn["composite"]  # black on white; None of an emptied pad
    if composite is None or composite.all():
        return None, "", None, "", f"answer {answers}", answers
    image = prepare(255 - composite.astype(np.uint8))
    shown: list[Any] = []
    for call in calls.values():
        probabilities, latency = read(call, image)
        shown += [{str(i): float(p) for i, p in enumerate(probabilities)}, f"{latency:.1f} ms"]
    return *shown, f"answer {answers + 1}", answers + 1


with gr.Blocks() as demo:
    answers = gr.State(0)
    with gr.Row():
        pad = gr.Sketchpad(
            type="numpy",
            image_mode="L",
            canvas_size=(PAD, PAD),
            height=PAD + 120,
            layers=False,
            brush=gr.Brush(default_size=PEN, colors=["#000000"], color_mode="fixed"),
            label="Draw a digit",
        )
        outputs: list[Any] = []
        for title in TITLES.values():
            with gr.Column():
                outputs.append(gr.Label(label=title, num_top_classes=10))
                outputs.append(gr.Textbox(label="Latency", elem_classes="latency"))
    counter = gr.HTML("answer 0", elem_id="answer")
    # Without the queue: an answer takes milliseconds, and then a single request is faster.
    pad.change(
        answer,
        [pad, answers],
        [*outputs, counter, answers],
        queue=False,
        show_progress="hidden",
    )

if __name__ == "__main__":
    demo.launch(server_name="127.0.0.1", server_port=int(sys.argv[1]), quiet=True)
