"""Python's compiled modules, which kernels and trainings share."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

# What brings in all that a visitor's kernel imports, up to the first drawing.
_IMPORTS = """
import encodings.ascii, encodings.cp437, importlib.readers, importlib.resources.readers
import ipykernel_launcher, ipykernel.kernelapp, ipykernel.debugger
import IPython.core.completerlib, IPython.core.debugger, IPython.core.logger, IPython.core.oinspect
import IPython.extensions.storemagic, IPython.utils.wildcard
import psutil, tornado.platform.asyncio, zmq.utils.garbage
import ai_edge_litert.interpreter, numpy.ma, numpy.random
import PIL.BmpImagePlugin, PIL.GifImagePlugin, PIL.JpegImagePlugin
import PIL.PngImagePlugin, PIL.PpmImagePlugin
import mnistlab.data.averages, mnistlab.data.label_errors, mnistlab.metrics.projection
import mnistlab.charts.plotly_charts, mnistlab.ui.explore.tab, mnistlab.ui.predict.tab
"""


def compile_modules(folder: Path) -> None:
    """Compile what all kernels import, into `folder`, unless Python itself has.

    Containers and some installers leave bytecode out. Then each kernel would compile six hundred
    modules anew, for half of the processor time that a page takes, and each training TensorFlow's.
    """
    if _share_compiled() > 0.5:
        return
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(folder)
    # -P: no file of the folder that the server was started in is taken for a module.
    subprocess.run([sys.executable, "-P", "-c", _IMPORTS], check=False)


def _share_compiled() -> float:
    """Of the modules that this process has loaded, 0..1."""
    specs = [getattr(module, "__spec__", None) for module in list(sys.modules.values())]
    places = [Path(spec.cached) for spec in specs if spec is not None and spec.cached]
    return sum(place.exists() for place in places) / max(len(places), 1)
