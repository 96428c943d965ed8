"""The server's own memory and open files, and the bytecode that all kernels share."""

from __future__ import annotations

import ctypes
import gc
import os
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

_MAX_FILES = 10_000  # for eight hundred visitors; macOS refuses more than 10,240
_M_ARENA_MAX = -8  # of glibc's malloc.h
IMPORTS = (
    *("encodings.ascii", "encodings.cp437", "importlib.readers", "importlib.resources.readers"),
    *("ipykernel.kernelapp", "ipykernel.debugger"),
    *("IPython.core.completerlib", "IPython.core.debugger", "IPython.core.logger"),
    *("IPython.core.oinspect", "IPython.extensions.storemagic", "IPython.utils.wildcard"),
    *("psutil", "tornado.platform.asyncio", "zmq.utils.garbage"),
    *("numpy.ma", "numpy.random"),
    *("PIL.BmpImagePlugin", "PIL.GifImagePlugin", "PIL.JpegImagePlugin"),
    *("PIL.PngImagePlugin", "PIL.PpmImagePlugin"),
    *("mnistlab.data.label_errors", "mnistlab.metrics.projection"),
    *("mnistlab.charts.plotly_charts", "mnistlab.ui.explore.tab", "mnistlab.ui.predict.tab"),
    *("mnistlab.ui.preload", "threadpoolctl"),
)
"""All that a visitor's kernel imports, up to the first drawing."""


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
    trim_heap()


def trim_heap() -> None:
    """Return what is free of this process's heap to the system, in a millisecond."""
    with suppress(OSError, AttributeError, TypeError):  # not glibc
        ctypes.CDLL(None).malloc_trim(0)


def memory_of(pids: Iterable[int]) -> int:
    """The bytes of several processes; what they share is counted once where Linux tells it."""
    total = 0
    for pid in pids:
        with suppress(psutil.Error, OSError):  # it has ended meanwhile
            total += _proportional(pid) or psutil.Process(pid).memory_info().rss
    return total


def _proportional(pid: int) -> int | None:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except FileNotFoundError:  # no Linux, or the process has ended
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:")), None)


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
    code = f"import {', '.join(IMPORTS)}\nmnistlab.ui.preload.preload()"
    subprocess.run([sys.executable, "-P", "-c", code], check=False)
