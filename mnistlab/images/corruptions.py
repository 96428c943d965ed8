"""Sixteen corruptions in five severities, which make digits harder to read.

They follow MNIST-C (Mu and Gilmer 2019, arXiv:1906.02337), but corruptions and severities differ,
so results do not compare with those published for MNIST-C.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from mnistlab.images import distortions as d

Images8 = NDArray[np.uint8]

SEVERITIES = (1, 2, 3, 4, 5)
CHUNK = 100  # images at a time: 6 MB of intermediate arrays at most
_SIDE = 28

Change = Callable[[d.Floats, float, np.random.Generator], d.Floats]


# Each change with its levels for severities 1 to 5. They were chosen so that a good network reads
# most of the first severity and loses much at the last, where people still read nearly all.
_TABLE: dict[str, tuple[Change, tuple[float, ...]]] = {
    "Gaussian noise": (d.gaussian_noise, (0.06, 0.12, 0.18, 0.25, 0.35)),
    "Impulse noise": (d.impulse_noise, (0.02, 0.05, 0.1, 0.16, 0.25)),
    "Blur": (d.blur, (0.7, 1.0, 1.3, 1.6, 2.0)),
    "Motion blur": (d.motion_blur, (3, 5, 7, 9, 11)),
    "Pixelation": (d.pixelation, (14, 11, 9, 7, 6)),
    "Shift": (d.shift, (2, 4, 5, 6, 7)),
    "Rotation": (d.rotation, (15, 25, 35, 45, 55)),
    "Scale": (d.scale, (0.85, 0.7, 0.6, 0.5, 0.4)),
    "Shear": (d.shear, (0.25, 0.5, 0.75, 1.0, 1.25)),
    "Contrast": (d.contrast, (0.8, 0.65, 0.5, 0.35, 0.2)),
    "Fog": (d.fog, (0.05, 0.1, 0.2, 0.3, 0.45)),
    "Inversion": (d.inversion, (0.1, 0.2, 0.35, 0.5, 1.0)),
    "Stripes": (d.stripes, (0.1, 0.2, 0.3, 0.45, 0.6)),
    "Occlusion": (d.occlusion, (4, 6, 8, 10, 12)),
    "Dotted lines": (d.dotted_lines, (1, 2, 3, 4, 5)),
    "Zigzag": (d.zigzag, (0.0, 0.5, 1.0, 1.5, 2.0)),
}

CORRUPTIONS = tuple(_TABLE)
"""Their names, for people, in the order of all lists."""


def corrupt(images: Images8, name: str, severity: int, seed: int = 0) -> Images8:
    """Corrupt images, each with its own noise, direction or place.

    A seed draws the same noise, directions and places for every severity, so that severities
    differ in nothing but their degree.

    Parameters
    ----------
    images : array (n, 28, 28) uint8
        Left as they are.
    name : one of `CORRUPTIONS`
    severity : one of `SEVERITIES`
    seed : int, at least 0

    Returns
    -------
    array (n, 28, 28) uint8

    Raises
    ------
    ValueError
        For an unknown name or severity, or another shape or dtype.
    """
    chunks = list(corrupted_chunks(images, name, severity, seed))
    return np.concatenate(chunks) if chunks else images.copy()


def corrupted_chunks(images: Images8, name: str, severity: int, seed: int = 0) -> Iterator[Images8]:
    """Yield the result of `corrupt`, `CHUNK` images at a time; raises before the first."""
    if name not in _TABLE:
        raise ValueError(f"Unknown corruption {name!r}; choose from {', '.join(CORRUPTIONS)}.")
    if severity not in SEVERITIES:
        raise ValueError(f"Unknown severity {severity!r}; choose from 1, 2, 3, 4, 5.")
    if images.dtype != np.uint8 or images.shape[1:] != (_SIDE, _SIDE):
        raise ValueError(
            f"Give images as (n, 28, 28) uint8, not {images.shape} {images.dtype}; "
            "mnistlab.preprocess makes them."
        )
    change, levels = _TABLE[name]
    return _chunks(images, change, levels[severity - 1], seed)


def _chunks(images: Images8, change: Change, level: float, seed: int) -> Iterator[Images8]:
    for start in range(0, len(images), CHUNK):
        rng = np.random.default_rng((seed, start))
        x = images[start : start + CHUNK].astype(np.float32) / np.float32(255)
        yield np.rint(np.clip(change(x, level, rng), 0, 1) * 255).astype(np.uint8)
