"""A map of a few thousand training images: hover to see one, drag to select many, zoom and move.

Not a plotly figure: one that sends clicks back costs the kernel 80 MB and two seconds. The map is
a picture, and an empty canvas over it tells where the pointer is.
"""

from __future__ import annotations

import threading
from functools import partial

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from mnistlab.charts.pictures import MAP_HEIGHT, MAP_WIDTH, MapFrame, draw_map
from mnistlab.metrics.projection import neighbour_agreement
from mnistlab.metrics.tsne import MapCancelledError, tsne_map
from mnistlab.texts import counted
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.common.canvas import Canvas, forget_browser, held
from mnistlab.ui.explore.controller import Selection
from mnistlab.ui.explore.material import Material
from mnistlab.ui.explore.section import Section

_KINDS = {
    "pca": ("PCA of the pixels", "PCA shows the two directions in which the pixels vary most."),
    "cnn": (
        "The CNN's last hidden layer",
        "The two directions in which the CNN's last hidden layer varies most (PCA).",
    ),
    "tsne": (
        "t-SNE (computed on request)",
        "t-SNE puts similar images side by side; distances between groups mean little.",
    ),
}
_NEAR = 12.0  # pixels within which the pointer points at an image
_CLICK = 4.0  # a drag shorter than this is a click
_ACCENT = "#e08a1e"
_ZOOM, _MOST_ZOOM = 1.6, 12.0  # a step, and the closest look
_TERMS = {"pca": "PCA", "cnn": "Last hidden layer", "tsne": "t-SNE"}
_BOX, _LASSO, _MOVE = "Select in a box", "Select by lasso", "Move the map"

_SIZE = np.array([MAP_WIDTH, MAP_HEIGHT], float)

Floats = NDArray[np.float32]


class MapSection(Section):
    """The map, what is under the pointer, and the t-SNE computation."""

    def _build(self) -> None:
        self._frame: MapFrame | None = None
        self._zoom, self._corner = 1.0, np.zeros(2)  # upper left, in pixels of the whole map
        self._places = np.zeros((0, 2))  # of the points, in pixels of what is seen
        self._marked = np.zeros(0, bool)
        self._hovered: int | None = None
        self._path: list[tuple[float, float]] = []  # of the drag under way
        self._is_ready = False
        self._shown_drawing: NDArray[np.uint8] | None = None
        self._stop = threading.Event()
        kinds = [(text, kind) for kind, (text, _) in _KINDS.items()]
        self.kind = widgets.Dropdown(options=kinds, description="Map")
        modes = widgets.ToggleButtons(options=[_BOX, _LASSO, _MOVE])
        self.mode = ui.classed(modes, "ml-doors")
        self._picture = ui.classed(widgets.HTML(), "ml-map-picture")
        self._hover = ui.classed(widgets.HTML(), "ml-map-hover")
        self._note, self._progress = widgets.HTML(), widgets.HTML()
        tip = "Takes ten seconds or more, in the background"
        self._start = self._button("Compute", "ml-map-start", self.compute, tip)
        self._cancel = self._button("Cancel", "ml-map-cancel", self.cancel, "Stop computing")
        none = self._button("Select none", "ml-map-none", self._select_none, "Unmark all points")
        self._tsne = ui.tools(self._start, self._cancel, self._progress)
        self._listen()
        board = ui.classed(widgets.Box([self._picture, self.canvas]), "ml-map")
        row = ui.classed(widgets.Box([board, self._hover]), "ml-map-row")
        closer = self._button("Zoom in", "ml-map-in", lambda: self.zoom(_ZOOM))
        farther = self._button("Zoom out", "ml-map-out", lambda: self.zoom(1 / _ZOOM))
        whole = self._button("Whole map", "ml-map-whole", lambda: self.zoom(0))
        tools = ui.tools(self.kind, self.mode, none, closer, farther, whole)
        parts = [tools, self._tsne, row, self._note]
        self.widget = ui.classed(widgets.VBox(parts), "ml-map-section")
        self._show_progress(None)
        self._watch(self.kind, lambda _: self.paint())
        # The drawing may have changed while another tab was in front.
        self._watch(self._app, self._on_front, "front")

    def _listen(self) -> None:
        size = {"width": "100%", "height": "100%"}  # of a box that the style sheet scales
        self.canvas = canvas = Canvas(width=MAP_WIDTH, height=MAP_HEIGHT, layout=size)
        for listen, handler in (
            (canvas.on_client_ready, self._connect),
            (canvas.on_mouse_move, self._on_move),
            (canvas.on_mouse_down, self._on_down),
            (canvas.on_mouse_up, self._on_up),
            (canvas.on_mouse_out, self._on_up),
            (canvas.on_key_down, self._on_key),
        ):
            listen(self._guard(handler))

    # Verbs

    def compute(self) -> None:
        """Compute the t-SNE map in a process, with progress."""
        if self._is_working:
            return
        self._stop.clear()
        self._show_progress(0.0)
        work = partial(self._compute, self._material)
        self._start_thread(work, lambda: self._show_progress(None))

    def cancel(self) -> None:
        """Stop computing."""
        self._stop.set()

    def zoom(self, factor: float) -> None:
        """Look closer (above 1) or from farther away at the middle; 0 shows the whole map."""
        middle = self._corner + _SIZE / 2 / self._zoom
        self._zoom = min(max(self._zoom * factor, 1.0), _MOST_ZOOM)
        self._look_at(middle - _SIZE / 2 / self._zoom)

    def move(self, across: float, down: float) -> None:
        """Move the map by so many pixels of what is seen."""
        self._look_at(self._corner - np.array([across, down]) / self._zoom)

    def _look_at(self, corner: NDArray[np.float64]) -> None:
        self._corner = np.clip(corner, 0, _SIZE - _SIZE / self._zoom)
        self._place()
        self._paint_picture()

    def _place(self) -> None:
        points = self._points()
        if self._frame is None or points is None:
            self._places = np.zeros((0, 2))
        else:
            self._places = self._seen(self._frame.place(points))

    def _seen(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Pixels (n, 2) of the whole map as pixels of what is seen of it."""
        return (places - self._corner) * self._zoom

    def select(self, marked: NDArray[np.bool_]) -> None:
        """Mark points (n,) and show their images in the sample grid."""
        self._marked = marked
        self._paint_picture()
        if marked.any():
            rows = self._material.map_rows[marked]
            title = f"{counted(len(rows), 'image')} selected in the map"
            self._tab.show(Selection(title, "train", rows))
            self._app.say(f"{title}. Samples, above, shows them.")

    def _select_none(self) -> None:
        self.select(np.zeros_like(self._marked))

    # The canvas

    def _connect(self) -> None:
        forget_browser(self.canvas)
        self._is_ready = True

    def _on_key(self, key: str, shift: bool, ctrl: bool, meta: bool) -> None:
        # ipycanvas keeps every key from the browser: Tab would be trapped in it.
        if key in ("Tab", "Escape"):
            self.canvas.blur()
            if key == "Tab":
                self.kind.focus()

    def _on_front(self, tab: str) -> None:
        if tab == "explore" and self._app.drawing is not self._shown_drawing:
            self._paint_picture()

    def _on_down(self, x: float, y: float) -> None:
        self._path = [(x, y)]

    def _on_move(self, x: float, y: float) -> None:
        if self._path:
            self._path.append((x, y))
            self._draw_outline()
        elif (found := self._at(x, y)) != self._hovered:
            self._hovered = found
            self._paint_hover()

    def _on_up(self, x: float, y: float) -> None:
        if not self._path:
            return
        self._path.append((x, y))
        outline, is_click = self._outline(), np.ptp(self._path, axis=0).max() < _CLICK
        moved = np.subtract(self._path[-1], self._path[0])
        self._path = []
        self._draw_outline()
        if not is_click and self.mode.value == _MOVE:
            self.move(*moved)
        elif not is_click:
            self.select(_in_lasso(self._places, outline))
        elif (found := self._at(x, y)) is not None:
            self._tab.open("train", int(self._material.map_rows[found]))

    def _at(self, x: float, y: float) -> int | None:
        """The point at a place of the canvas."""
        if not len(self._places):
            return None
        away = np.hypot(*(self._places - (x, y)).T)
        nearest = int(away.argmin())
        return nearest if away[nearest] <= _NEAR else None

    def _outline(self) -> NDArray[np.float64]:
        """Corners (n, 2) of the box or lasso of the drag under way."""
        if self.mode.value == _LASSO or not self._path:
            return np.array(self._path)
        if self.mode.value == _MOVE:
            return np.array([self._path[0], self._path[-1]])
        (x0, y0), (x1, y1) = self._path[0], self._path[-1]
        return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)])

    def _draw_outline(self) -> None:
        if not self._is_ready:
            return
        with held(self.canvas):
            self.canvas.clear()
            if self._path:
                self.canvas.stroke_style, self.canvas.line_width = _ACCENT, 2
                self.canvas.stroke_lines(self._outline())

    # Computing

    def _points(self) -> Floats | None:
        """Points of the map's images; None for a t-SNE map that was not computed."""
        material, kind = self._material, self.kind.value
        rows, maps = material.map_rows, material.maps
        if kind == "pca" and kind not in maps:
            maps[kind] = material.projection.transform(material.take("train", rows))[:, :2]
        elif kind == "cnn" and kind not in maps:
            codes = material.map_view.codes
            shown = codes[rows] if material.map_view is material.neighbours else codes
            maps[kind] = shown[:, :2].astype(np.float32)
        return maps.get(kind)

    def _compute(self, material: Material) -> None:
        try:
            points = material.codes[material.map_rows]
            found = tsne_map(points, self._show_progress, self._stop.is_set)
        except MapCancelledError as error:
            self._app.say(str(error))
            return
        with self._app.lock:
            material.maps["tsne"] = found
            if self._material is material and self.kind.value == "tsne":
                self.paint()

    def _show_progress(self, done: float | None) -> None:
        """Show the fraction that is done, None while nothing is computed."""
        self._start.disabled, self._cancel.disabled = done is not None, done is None
        text = "" if done is None else f"{100 * done:.0f} % computed"
        self._progress.value = f"<span class='ml-note' role='status'>{text}</span>"

    # Painting

    def paint(self) -> None:
        """Show the chosen map."""
        kind, is_tsne = _KINDS[self.kind.value], self.kind.value == "tsne"
        # The map before stays until this one is drawn, and the text must not describe that one.
        self._note.value = ui.note(f"Computing the map: {kind[0]} …")
        points = self._points()
        self._tsne.layout.display = "" if is_tsne or not self._cancel.disabled else "none"
        self._frame = None if points is None else MapFrame(points)
        self._zoom, self._corner = 1.0, np.zeros(2)
        self._place()
        if len(self._marked) != len(self._places):
            self._marked = np.zeros(len(self._places), bool)
        self._hovered = None
        self._paint_picture()
        self._paint_hover()
        if points is None:
            self._say("Not computed yet. It takes ten seconds or more, in the background.")
            return
        self._describe(points, "Comparing nearest neighbours …")
        # Last: searching all neighbours takes as long as the picture.
        labels = self._material.labels("train")[self._material.map_rows]
        self._describe(points, _mixture(points, labels))

    def _describe(self, points: Floats, mixture: str) -> None:
        """Say what the map shows; `mixture` tells how well it separates the digits."""
        kind = self.kind.value
        drawn = "" if kind == "tsne" else "A ring marks your drawing, if there is one on the pad."
        help_text = "Click a point to open it; drag to select."
        parts = [_KINDS[kind][1], _number(points), mixture, drawn, help_text]
        self._say(" ".join(filter(None, parts)))

    def _say(self, text: str) -> None:
        self._note.value = ui.note(text, _TERMS[self.kind.value])

    def _paint_picture(self) -> None:
        if self._frame is None:
            self._picture.value = ""
            return
        self._shown_drawing = self._app.drawing
        labels = self._material.labels("train")[self._material.map_rows]
        seen = ((self._places >= 0) & (self._places < _SIZE)).all(axis=1)
        here = self._drawing_place()
        here = here if here is not None and ((here >= 0) & (here < _SIZE)).all() else None
        picture = draw_map(self._places[seen], labels[seen], self._marked[seen], here)
        self._picture.value = (
            f"<img src='{ui.data_uri(picture)}' alt='Map of {len(labels):,} training images'>"
        )

    def _drawing_place(self) -> NDArray[np.float64] | None:
        """Where the drawing on the pad lies, on the maps that can place one."""
        image, kind, material = self._app.drawing, self.kind.value, self._material
        if image is None or self._frame is None or kind == "tsne":
            return None
        if kind == "pca":
            points: NDArray[np.floating] = material.projection.transform(image[None])
        else:
            features = material.classifiers["cnn"].read(image).features
            points = (features - material.map_view.mean) @ material.map_view.axes
        return np.asarray(self._seen(self._frame.place(points[:, :2]))[0])

    def _paint_hover(self) -> None:
        if self._hovered is None:
            self._hover.value = ui.note("Point at a digit to see its image.")
            return
        row = int(self._material.map_rows[self._hovered])
        picture = ui.data_uri(self._material.take("train", [row])[0])
        self._hover.value = (
            f"<figure><img src='{picture}' alt='Training image {row:,}'><figcaption>Training image "
            f"{row:,}<br>label {self._material.labels('train')[row]}</figcaption></figure>"
        )


def _number(points: Floats) -> str:
    if len(points) == 1:
        return "One training image, shown as its digit."
    return f"{len(points):,} training images, each shown as its digit."


def _mixture(points: Floats, labels: NDArray[np.uint8]) -> str:
    """How well the map separates the digits."""
    if len(points) == 1:
        return ""
    if (labels == labels[0]).all():
        return "All have the same label."
    mixed = 100 * (1 - neighbour_agreement(points, labels))
    return (
        f"{mixed:.0f} % have a nearest neighbour of another digit: the fewer, the better "
        "this map separates the digits."
    )


def _in_lasso(points: NDArray[np.float64], corners: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Points inside a closed polygon, by how often a ray to the right crosses it."""
    inside = np.zeros(len(points), bool)
    x, y = points.T
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        crosses = (y0 > y) != (y1 > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            inside ^= crosses & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return inside
