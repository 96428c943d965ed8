"""The server's own memory and open files, and the bytecode that all kernels share."""

from __future__ import annotations

import ctypes
import gc
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

_MAX_FILES = 10_000  # for eight hundred visitors; macOS refuses more than 10,240
_M_ARENA_MAX = -8  # of glibc's malloc.h
# Brings in all that a visitor's kernel imports, up to the first drawing.
_IMPORTS = """
import encodings.ascii, encodings.cp437, importlib.readers, importlib.resources.readers
import ipykernel_launcher, ipykernel.kernelapp, ipykernel.debugger
import IPython.core.completerlib, IPython.core.debugger, IPython.core.logger, IPython.core.oinspect
import IPython.extensions.storemagic, IPython.utils.wildcard
import psutil, tornado.platform.asyncio, zmq.utils.garbage
import numpy.ma, numpy.random
import PIL.BmpImagePlugin, PIL.GifImagePlugin, PIL.JpegImagePlugin
import PIL.PngImagePlugin, PIL.PpmImagePlugin
import mnistlab.data.label_errors, mnistlab.metrics.projection
import mnistlab.charts.plotly_charts, mnistlab.ui.explore.tab, mnistlab.ui.predict.tab
import mnistlab.models
mnistlab.models.load_classifier("mlp")
"""


def use_one_arena() -> None:
    """Let threads share one arena of glibc, where ended visits leave fewer gaps in use."""
    with suppress(OSError, AttributeError, TypeError):  # not glibc, which alone needs it
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def freeze_objects() -> None:
    """Exclude the 200,000 present objects from garbage collections: 5 ms each instead of 0.1 s."""
    gc.collect()
    gc.freeze()


def free_memory() -> None:
    """Return the memory of ended visits to the system, before the next ones use the space between.

    Python itself collects cycles so late that hardly any memory becomes free as a whole.
    """
    gc.collect()
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def allow_open_files() -> None:
    """Raise the limit of open files: a visitor takes a dozen, and many systems begin at 1024."""
    if os.name != "posix":
        return
    import resource  # exists on Unix only

    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MAX_FILES if most == resource.RLIM_INFINITY else min(_MAX_FILES, most)
    if now != resource.RLIM_INFINITY and now < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def compile_modules(folder: Path) -> None:
    """Compile what all kernels import into `folder`, unless Python has compiled most of it.

    Containers and some installers leave bytecode out. Then each kernel would compile six hundred
    modules, which is half of the processor time of a page, and each training TensorFlow's.
    """
    specs = [getattr(module, "__spec__", None) for module in list(sys.modules.values())]
    files = [Path(spec.cached) for spec in specs if spec is not None and spec.cached]
    if 2 * sum(file.exists() for file in files) > len(files):
        return
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(folder)
    # -P: no file of the folder that the server was started in is taken for a module.
    subprocess.run([sys.executable, "-P", "-c", _IMPORTS], check=False)
