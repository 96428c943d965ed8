"""What the page's kernel costs: time to build, memory, and what it did not import."""

from __future__ import annotations

import os
import subprocess
import sys

CODE = """
import time
begun = time.perf_counter()
from mnistlab.ui import Dashboard
page = Dashboard()
built = time.perf_counter() - begun
page.open_tab("predict")
page.open_tab("compare")
page.tabs["compare"].controller.wait()
import sys, psutil
pss = psutil.Process().memory_full_info().pss / 1e6
heavy = [name for name in ("tensorflow", "keras", "sklearn", "scipy") if name in sys.modules]
print(f"  {page.app.dataset.title}: built in {built:.2f} s; all tabs open and both models "
      f"measured: {pss:.0f} MB (PSS); heavy modules: {heavy or 'none'}")
"""


def main() -> None:
    digits = {k: v for k, v in os.environ.items() if k != "MNISTLAB_MNIST"}
    home = {"MNISTLAB_HOME": "/nonexistent", "MNISTLAB_OFFLINE": "1"}
    for environment in (dict(os.environ), digits | home):
        subprocess.run([sys.executable, "-c", CODE], env=environment, check=True)
