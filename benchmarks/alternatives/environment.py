"""The environment of the other frameworks, `.venv/alternatives`, made when it is first needed.

It is not the lab's own, because Gradio needs an older Pillow.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".venv" / "alternatives"
LOCK = Path(__file__).with_name("requirements.lock")
SIZE = "1.9 GB"  # on Linux
_PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")


def python() -> Path | None:
    """Return the environment's Python, made first if need be; None, with the reason said.

    Nothing is installed with `MNISTLAB_OFFLINE=1`.
    """
    found = FOLDER / "bin" / "python"
    installed, wanted = FOLDER / "installed", hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if installed.is_file() and installed.read_text() == wanted:
        return found
    if os.environ.get("MNISTLAB_OFFLINE") == "1":
        print("  Streamlit and Gradio are left out: MNISTLAB_OFFLINE is 1 and they are not in")
        print(f"  {FOLDER}.")
        return None
    print(f"  installing Streamlit, Gradio and TensorFlow in {FOLDER}: {SIZE}, once", flush=True)
    for command in (
        [sys.executable, "-m", "venv", str(FOLDER)],
        [str(found), *_PIP, "-r", str(LOCK)],
    ):
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            print(f"  Streamlit and Gradio are left out, for they cannot be installed: {why}")
            return None
    installed.write_text(wanted)
    return found


def torch_python() -> Path | None:
    """Return a Python that has PyTorch, of the lab's or this environment; None without one."""
    own = Path(sys.executable)
    for candidate in dict.fromkeys((own, ROOT / ".venv/bin/python", FOLDER / "bin/python")):
        command = [str(candidate), "-c", "import torch"]
        if candidate.is_file() and not subprocess.run(command, capture_output=True).returncode:
            return candidate
    return None
