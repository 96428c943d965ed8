"""What the page's kernel costs: time to build, memory, and what it did not import."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence

import psutil

# Not scipy.special, which a verdict needs: 21 MB. scipy.stats would take 66 MB.
HEAVY = ("tensorflow", "keras", "sklearn", "scipy.stats")
DATA = ("default", "digits")
SMALL = {"data": ("digits",)}


def main(data: Sequence[str] = DATA) -> None:
    """In a process for each kind of data: what this machine has, and scikit-learn's digits."""
    without = {"MNISTLAB_MNIST": "", "MNISTLAB_HOME": "/nonexistent", "MNISTLAB_OFFLINE": "1"}
    for kind in data:
        environment = os.environ | (without if kind == "digits" else {})
        command = [sys.executable, "-c", "from benchmarks.kernel import page; page()"]
        subprocess.run(command, env=environment, check=True)


# In a process of its own


def page() -> None:
    """Build a dashboard, open all tabs, and say what that took."""
    begun = time.perf_counter()
    from mnistlab.ui import Dashboard

    dashboard = Dashboard()
    built = time.perf_counter() - begun
    for tab in ("predict", "explore", "compare"):
        dashboard.open_tab(tab)
    dashboard.tabs["compare"].wait()
    pss = psutil.Process().memory_full_info().pss / 1e6
    heavy = [name for name in HEAVY if name in sys.modules]
    print(
        f"  {dashboard.app.dataset.title}: built in {built:.2f} s; all tabs open and both models "
        f"measured: {pss:.0f} MB (PSS); heavy modules: {', '.join(heavy) or 'none'}"
    )
