"""A map of a few thousand training images: hover to see one, drag to select many.

Not a plotly figure: one that sends clicks back costs the kernel 80 MB and two seconds. The map is
a picture, and an empty canvas over it tells where the pointer is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from weakref import WeakKeyDictionary

import ipywidgets as widgets
import numpy as np

from mnistlab.charts.map_picture import HEIGHT, WIDTH, MapFrame, draw_map
from mnistlab.errors import MnistLabError
from mnistlab.metrics.projection import neighbour_agreement
from mnistlab.metrics.tsne import MapCancelledError, tsne_map
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.common.canvas import Canvas, forget_browser, held
from mnistlab.ui.explore.material import Material
from mnistlab.ui.explore.state import ExploreState, Selection
from mnistlab.ui.state import AppState

KINDS = {
    "pca": "PCA of the pixels",
    "cnn": "The CNN's penultimate layer",
    "tsne": "t-SNE (computed on request)",
}
_NEAR = 12.0  # pixels within which the pointer points at an image
_CLICK = 4.0  # a drag shorter than this is a click
_ACCENT = "#e08a1e"


class MapSection:
    """`widget` is all of it; `paint` fills it when it is first seen.

    Parameters
    ----------
    show : takes a `Selection` for the sample grid
    open_image : opens an image large, given split and row
    """

    def __init__(
        self,
        app: AppState,
        state: ExploreState,
        show: Callable[[Selection], None],
        open_image: Callable[[str, int], None],
    ) -> None:
        self._app, self._state, self._show, self._open = app, state, show, open_image
        self._points: WeakKeyDictionary[Material, dict[str, np.ndarray]] = WeakKeyDictionary()
        self._frame: MapFrame | None = None
        self._places = np.zeros((0, 2))
        self._marked = np.zeros(0, bool)
        self._hovered: int | None = None
        self._path: list[tuple[float, float]] | None = None
        self._ready = False
        self._shown_drawing: np.ndarray | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._build()
        # The drawing may have moved while another tab was in front.
        app.observe(self._guard(lambda change: self._on_front(change["new"])), ["front"])

    # Verbs

    def compute(self) -> None:
        """Compute the t-SNE map in a process, with progress."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._stop.clear()
        material: Material = self._state.material
        self._say_progress(0.0)
        self._thread = ui.start_thread(
            partial(self._compute, material), lambda: self._say_progress(None)
        )

    def cancel(self) -> None:
        """Stop computing."""
        self._stop.set()

    def wait(self, timeout: float = 120.0) -> None:
        """Block until the map is computed."""
        if self._thread is not None:
            self._thread.join(timeout)

    def select(self, marked: np.ndarray) -> None:
        """Mark points (n,) bool and show their images in the sample grid."""
        self._marked = marked
        self._paint_picture()
        if marked.any():
            rows = self._state.material.map_rows[marked]
            number = f"{len(rows):,} {'image' if len(rows) == 1 else 'images'}"
            self._show(Selection(f"{number} selected in the map", "train", rows))

    # View

    def _guard(self, handler: Callable[..., object]) -> Callable[..., None]:
        return ui.guard(self._app, handler)

    def _build(self) -> None:
        self.kind = widgets.Dropdown(
            options=[(text, kind) for kind, text in KINDS.items()], description="Map"
        )
        self.mode = widgets.ToggleButtons(options=["Box", "Lasso"])
        self._picture = ui.classed(widgets.HTML(), "ml-map-picture")
        size = {"width": f"{WIDTH}px", "height": f"{HEIGHT}px"}
        self.canvas = Canvas(width=WIDTH, height=HEIGHT, layout=size)
        self._hover = ui.classed(widgets.HTML(), "ml-map-hover")
        self._note = widgets.HTML()
        self._start = ui.button("Compute", "ml-map-start", "Ten seconds or more, in the background")
        self._start.on_click(self._guard(lambda _: self.compute()))
        self._cancel = ui.button("Cancel", "ml-map-cancel", "Stop computing")
        self._cancel.on_click(self._guard(lambda _: self.cancel()))
        all_again = ui.button("Select none", "ml-map-none", "Show all points alike")
        all_again.on_click(self._guard(lambda _: self.select(np.zeros_like(self._marked))))
        self._progress = widgets.HTML()
        tools = [self.kind, ui.classed(self.mode, "ml-doors"), all_again]
        self._tsne = ui.classed(
            widgets.Box([self._start, self._cancel, self._progress]), "ml-tools"
        )
        board = ui.classed(widgets.Box([self._picture, self.canvas]), "ml-map")
        self.widget = ui.classed(
            widgets.VBox(
                [
                    ui.classed(widgets.Box(tools), "ml-tools"),
                    self._tsne,
                    ui.classed(widgets.Box([board, self._hover]), "ml-map-row"),
                    self._note,
                ]
            ),
            "ml-map-section",
        )
        self._say_progress(None)
        self.kind.observe(self._guard(lambda _: self.paint()), "value")
        guard = self._guard
        self.canvas.on_client_ready(guard(self._connect))
        self.canvas.on_mouse_move(guard(self._on_move))
        self.canvas.on_mouse_down(guard(self._on_down))
        self.canvas.on_mouse_up(guard(self._on_up))
        self.canvas.on_mouse_out(guard(self._on_up))
        # ipycanvas keeps every key from the browser: Tab would be trapped in it.
        self.canvas.on_key_down(guard(self._on_key))

    def _connect(self) -> None:
        forget_browser(self.canvas)
        self._ready = True

    def _on_key(self, key: str, shift: bool, ctrl: bool, meta: bool) -> None:
        if key in ("Tab", "Escape"):
            self.canvas.blur()
            if key == "Tab":
                self.kind.focus()

    def _on_front(self, tab: str) -> None:
        if tab == "explore" and self._app.drawing is not self._shown_drawing:
            self._paint_picture()

    # The pointer

    def _on_move(self, x: float, y: float) -> None:
        if self._path is not None:
            self._path.append((x, y))
            self._draw_path()
            return
        found = self._at(x, y)
        if found != self._hovered:
            self._hovered = found
            self._paint_hover()

    def _on_down(self, x: float, y: float) -> None:
        self._path = [(x, y)]

    def _on_up(self, x: float, y: float) -> None:
        path, self._path = self._path, None
        if path is None:
            return
        self._draw_path()
        corners = np.array([*path, (x, y)])
        if np.ptp(corners, axis=0).max() < _CLICK:
            found = self._at(x, y)
            if found is not None:
                self._open("train", int(self._state.material.map_rows[found]))
            return
        inside = _in_box if self.mode.value == "Box" else _in_lasso
        self.select(inside(self._places, corners))

    def _at(self, x: float, y: float) -> int | None:
        if not len(self._places):
            return None
        away = np.hypot(*(self._places - (x, y)).T)
        nearest = int(away.argmin())
        return nearest if away[nearest] <= _NEAR else None

    def _draw_path(self) -> None:
        if not self._ready:
            return
        canvas = self.canvas
        with held(canvas):
            canvas.clear()
            if self._path is None:
                return
            canvas.stroke_style, canvas.line_width = _ACCENT, 2
            points = np.array(self._path)
            if self.mode.value == "Box":
                (x0, y0), (x1, y1) = points[0], points[-1]
                canvas.stroke_rect(min(x0, x1), min(y0, y1), abs(x1 - x0), abs(y1 - y0))
            else:
                canvas.stroke_lines(points)

    # Computing

    def _known(self, material: Material, kind: str) -> np.ndarray | None:
        """Points of the map's images; None for a t-SNE map that nobody has asked for."""
        known = self._points.setdefault(material, {})
        if kind not in known:
            rows = material.map_rows
            if kind == "pca":
                known[kind] = material.projection.transform(material.take("train", rows))[:, :2]
            elif kind == "cnn":
                codes = material.map_view.codes
                shown = codes[rows] if material.map_view is material.neighbours else codes
                known[kind] = shown[:, :2].astype(np.float32)
            else:
                return None
        return known[kind]

    def _compute(self, material: Material) -> None:
        try:
            points = material.codes[material.map_rows]
            found = tsne_map(points, self._say_progress, self._stop.is_set)
        except MapCancelledError as error:
            self._app.say(str(error))
        except MnistLabError as error:
            self._app.say(str(error), "error")
        except Exception as error:  # a thread's failure must reach the status line as well
            ui.log.exception("t-SNE")
            self._app.say(f"The map could not be computed ({error}); see the log.", "error")
        else:
            with self._app.lock:
                self._points.setdefault(material, {})["tsne"] = found
                if self._state.material is material and self.kind.value == "tsne":
                    self.paint()
        finally:
            self._say_progress(None)

    def _say_progress(self, share: float | None) -> None:
        self._start.disabled, self._cancel.disabled = share is not None, share is None
        text = "" if share is None else f"{100 * share:.0f} % computed"
        self._progress.value = f"<span class='ml-note' role='status'>{text}</span>"

    # Painting

    def paint(self) -> None:
        """Show the chosen map."""
        material: Material = self._state.material
        kind = self.kind.value
        points = self._known(material, kind)
        self._tsne.layout.display = "" if kind == "tsne" or not self._cancel.disabled else "none"
        self._places = np.zeros((0, 2))
        self._frame = None
        if points is not None:
            self._frame = MapFrame(points)
            self._places = self._frame.place(points)
        if len(self._marked) != len(self._places):
            self._marked = np.zeros(len(self._places), bool)
        self._hovered = None
        self._paint_picture()
        self._paint_hover()
        # Last: to look for all neighbours takes as long as the picture.
        self._note.value = f"<p class='ml-note'>{ui.escape(self._text(material, kind, points))}</p>"

    def _text(self, material: Material, kind: str, points: np.ndarray | None) -> str:
        if points is None:
            return "Not computed yet: it takes ten seconds or more in a process of its own."
        drawn = "" if kind == "tsne" else " A ring marks your drawing, if the pad has one."
        return (
            f"{_mixture(points, material.labels('train')[material.map_rows])}{drawn} Click a "
            "point to open it; drag to select."
        )

    def _paint_picture(self) -> None:
        if not len(self._places):
            self._picture.value = ""
            return
        material: Material = self._state.material
        self._shown_drawing = self._app.drawing
        labels = material.labels("train")[material.map_rows]
        picture = draw_map(self._places, labels, self._marked, self._drawing_place())
        self._picture.value = (
            f"<img width='{WIDTH}' height='{HEIGHT}' src='{ui.data_uri(picture)}' "
            f"alt='Map of {len(labels):,} training images'>"
        )

    def _drawing_place(self) -> np.ndarray | None:
        """Where the drawing on the pad lies, on the maps that can place one."""
        image, kind = self._app.drawing, self.kind.value
        if image is None or self._frame is None or kind == "tsne":
            return None
        material: Material = self._state.material
        if kind == "pca":
            points: np.ndarray = material.projection.transform(image[None])
        else:
            features = material.classifiers["cnn"].read(image).features
            points = (features - material.map_view.mean) @ material.map_view.axes
        place: np.ndarray = self._frame.place(points[:, :2])[0]
        return place

    def _paint_hover(self) -> None:
        if self._hovered is None:
            self._hover.value = "<p class='ml-note'>Point at a digit to see its image.</p>"
            return
        material: Material = self._state.material
        row = int(material.map_rows[self._hovered])
        label = int(material.labels("train")[row])
        picture = ui.data_uri(material.take("train", [row])[0])
        self._hover.value = (
            f"<figure><img src='{picture}' alt='Training image {row:,}'>"
            f"<figcaption>Training image {row:,}<br>label {label}</figcaption></figure>"
        )


def _mixture(points: np.ndarray, labels: np.ndarray) -> str:
    """What the map shows, and how well it keeps digits apart."""
    if len(points) == 1:
        return "One training image, shown as its digit."
    shown = f"{len(points):,} training images, each shown as its digit."
    if (labels == labels[0]).all():
        return f"{shown} All have the same label."
    mixed = 100 * (1 - neighbour_agreement(points, labels))
    return (
        f"{shown} Here {mixed:.0f} % have a nearest neighbour of another digit: the fewer, the "
        "better this map tells digits apart."
    )


def _in_box(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    low = np.minimum(corners[0], corners[-1])
    high = np.maximum(corners[0], corners[-1])
    inside: np.ndarray = ((points >= low) & (points <= high)).all(1)
    return inside


def _in_lasso(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Points inside a closed polygon, by how often a ray to the right crosses it."""
    inside = np.zeros(len(points), bool)
    x, y = points.T
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        crosses = (y0 > y) != (y1 > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            inside ^= crosses & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return inside
