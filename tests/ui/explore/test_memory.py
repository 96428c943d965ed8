"""What Explore takes of memory, over 70,000 images, as the system counts it."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from mnistlab.data import Dataset, open_folder, save_folder
from mnistlab.data.dataset import chunks, release, take

STATUS = Path("/proc/self/status")
ALLOWED = 100  # megabytes above the page with an image open; 57 measured, 439 without the blocks
EXPLORE = """
    import sys
    from pathlib import Path
    from mnistlab.data import open_folder
    from mnistlab.ui.explore import ExploreTab
    from mnistlab.ui.state import AppState

    def peak():
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1000 for line in lines if line.startswith("VmHWM"))

    app = AppState(dataset=open_folder(Path(sys.argv[1])))
    tab = ExploreTab(app)
    tab.open("train", 0)  # loads both models, as Predict does
    before = peak()
    tab.open_fold("Averages")
    tab.sections["Averages"].average_shown()
    tab.open_fold("Map")
    tab.sections["Map"].kind.value = "cnn"
    tab.open_fold("Handwriting")
    tab.open_fold("Outliers")
    odd = tab.sections["Outliers"]
    for kind in ("far", "unsure", "labels", "twins"):
        odd.kind.value = kind
        odd.wait(500)
        assert odd.found is not None, kind
    assert app.status_kind != "error", app.status
    for split in ("train", "test"):
        tab.select(split=split)
        for _ in range(20):
            tab.shuffle()
    print(peak() - before)
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a made-up dataset of MNIST's size."""
    rng = np.random.default_rng(0)
    parts = [
        (rng.integers(0, 256, (n, 28, 28), dtype=np.uint8), rng.integers(0, 10, n).astype(np.uint8))
        for n in (60_000, 10_000)
    ]
    (x_train, y_train), (x_test, y_test) = parts
    folder = tmp_path_factory.mktemp("large") / "data"
    made_up = Dataset("own", "made up", x_train, y_train, x_test, y_test, "digest", "a test")
    save_folder(made_up, folder)
    return folder


@pytest.mark.skipif(not STATUS.is_file(), reason="Linux alone tells a process's peak of memory")
def test_every_part_of_explore_stays_small(large: Path) -> None:
    script = textwrap.dedent(EXPLORE)
    run = subprocess.run(
        [sys.executable, "-c", script, str(large)], capture_output=True, text=True, timeout=550
    )
    assert run.returncode == 0, run.stderr
    assert float(run.stdout) < ALLOWED


@pytest.mark.skipif(not STATUS.is_file(), reason="only Linux tells what is mapped")
def test_passes_and_picks_leave_no_file_in_memory(large: Path) -> None:
    images = open_folder(large).x_train
    release(images)
    before = _mapped()
    assert sum(int(part.max()) > 0 for part in chunks(images)) == 60
    strided = images[::10]
    assert sum(len(part) for part in chunks(strided)) == 6000
    rows = np.random.default_rng(0).permutation(len(images))[:3000]
    picked = take(images, rows)
    assert _mapped() - before < 2
    np.testing.assert_array_equal(picked, images[rows])
    assert _mapped() - before > 5, "reading by any other way leaves the file in memory"


def _mapped() -> float:
    """Megabytes of files in this process's memory."""
    lines = STATUS.read_text().splitlines()
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith("RssFile"))


def test_a_mapping_that_can_be_written_keeps_what_was_written(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((3, 28, 28), np.uint8))
    images = np.load(tmp_path / "x.npy", "c")
    images[1] = 7
    release(images)
    assert images[1].min() == 7
    plain = np.ones((3, 28, 28), np.uint8)
    release(plain)
    assert plain.all()
