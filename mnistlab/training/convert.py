"""Converts a `.keras` file to LiteRT's format: `python -m mnistlab.training.convert FILE OUT`.

It runs in a process of its own, so that TensorFlow stays out of the command. Loading a stranger's
`.keras` file can run code of its author even in Keras's safe mode: the caller asks the user first.
"""

from __future__ import annotations

import sys
from pathlib import Path


def convert_keras(path: Path, out: Path) -> None:
    """Write the model of a `.keras` file as a `.tflite` file.

    Keras's own exceptions pass: there are many types of them.
    """
    import keras

    model = keras.models.load_model(path, compile=False, safe_mode=True)
    model.export(str(out), format="litert", verbose=False)


def main() -> int:
    """Convert the file that the command line names; say in one line what went wrong."""
    path, out = (Path(name) for name in sys.argv[1:3])
    try:
        convert_keras(path, out)
    except Exception as error:
        # TensorFlow and Keras raise every type there is.
        sys.stderr.write(f"\n{type(error).__name__}: {' '.join(str(error).split())[:300]}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
