"""The pretrained pair on real pen drawings: by donor, by digit, with and without the recipe."""

from __future__ import annotations

import numpy as np
from PIL import Image

from benchmarks.drawings import rows
from mnistlab import Drawing, load_classifier, preprocess

PEN = 10  # pixels on a pad of 280, for the naive way


def main() -> None:
    data = rows()
    drawings = [Drawing.from_strokes(row["strokes"]) for row in data]
    labels = np.array([int(row["label"]) for row in data])
    donors = np.array([row["donor"] for row in data])
    recipe = np.stack([preprocess(drawing).image for drawing in drawings])
    resized = np.stack([_resized(drawing) for drawing in drawings])
    for name in ("cnn", "mlp"):
        model = load_classifier(name)
        right = model.predict_proba(recipe).argmax(1) == labels
        naive = model.predict_proba(resized).argmax(1) == labels
        print(f"  {model.title}: {right.mean():.2%} with the recipe, {naive.mean():.2%} resized")
        _print_parts("donor", donors, right)
        _print_parts("digit", labels, right)


def _print_parts(kind: str, parts: np.ndarray, right: np.ndarray) -> None:
    shares = (f"{part} {right[parts == part].mean():.1%}" for part in np.unique(parts))
    print(f"    by {kind}: {'  '.join(shares)}")


def _resized(drawing: Drawing) -> np.ndarray:
    """What most demos do: the pad as a picture, resized to 28x28."""
    from PIL import ImageDraw

    pad = Image.new("L", (280, 280))
    pen = ImageDraw.Draw(pad)
    for stroke in drawing.strokes:
        pen.line([tuple(point) for point in stroke], fill=255, width=PEN)
    return np.array(pad.resize((28, 28), Image.Resampling.BILINEAR))


if __name__ == "__main__":
    main()
