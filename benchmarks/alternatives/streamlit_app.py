"""`streamlit run streamlit_app.py`: the pad, both models' digits, probabilities and latency."""

from __future__ import annotations

import numpy as np
import streamlit as st
from streamlit_drawable_canvas import st_canvas

from benchmarks.alternatives.reading import PAD, PEN, TITLES, load_models, prepare, read

models = st.cache_resource(show_spinner="Loading the models")(load_models)

st.set_page_config(layout="wide")
left, *columns = st.columns(3)
with left:
    # A key, so that the pad keeps its drawing when the script runs again.
    pad = st_canvas(
        stroke_width=PEN,
        stroke_color="white",
        background_color="black",
        height=PAD,
        width=PAD,
        return_image_data=True,
        key="pad",
    )
calls = models()
if pad.json_data and pad.json_data["objects"] and pad.image_data is not None:
    image = prepare(pad.image_data[:, :, 0])
    for column, (name, call) in zip(columns, calls.items(), strict=True):
        probabilities, latency = read(call, image)
        with column:
            st.metric(TITLES[name], int(np.argmax(probabilities)), f"{latency:.1f} ms")
            st.bar_chart(probabilities, height=200)
    st.session_state["answers"] = st.session_state.get("answers", 0) + 1
    with st.container(key="answer"):
        st.text(f"answer {st.session_state['answers']}")
