"""What computes a network: LiteRT, or NumPy where LiteRT has no package or is not wanted."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mnistlab import settings
from mnistlab.errors import ConfigError

INSTALL_LITERT = "pip install ai-edge-litert"


class Network(Protocol):
    """A network for images `(n, 28, 28)` uint8, n being any number from 1. Thread-safe."""

    @property
    def widths(self) -> dict[str, int]:
        """Name of each output -> its length."""

    def run(self, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """Return each output `(n, width)` float32 by its name."""


def choose_backend() -> str:
    """Return `"litert"` or `"numpy"`.

    It is `MNISTLAB_BACKEND`; without that LiteRT where it can be imported, else NumPy.

    Raises
    ------
    ConfigError
        When the variable has another value, or asks for LiteRT, which cannot be imported.
    """
    wanted = settings.backend()
    if wanted == "numpy":
        return wanted
    try:
        # Imported here: 33 MB that a page without the Predict tab open does not need.
        import ai_edge_litert.interpreter  # noqa: F401  # a package may be there and not load
    except ImportError as error:
        if wanted is None:
            return "numpy"
        raise ConfigError(
            f"MNISTLAB_BACKEND is 'litert', but LiteRT cannot be loaded ({error}); "
            f"install it with: {INSTALL_LITERT}, or set MNISTLAB_BACKEND=numpy."
        ) from error
    return "litert"


def open_network(tflite: bytes, backend: str) -> Network:
    """Return the network of a `.tflite` file.

    Parameters
    ----------
    tflite : the contents of the file
    backend : as `choose_backend` returns it

    Raises
    ------
    ValueError, RuntimeError
        When it is no network for images, or needs operations that the backend does not have
        (`mnistlab.models.tflite_file.UnsupportedError`).
    """
    # Imported here: a process needs one of the two.
    if backend == "numpy":
        from mnistlab.models.numpy_network import NumpyNetwork

        return NumpyNetwork(tflite)
    from mnistlab.models.litert_network import LitertNetwork

    return LitertNetwork(tflite)
