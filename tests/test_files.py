"""Writing to a name does no harm to what stands there: `atomic_write` and every `--out`."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from mnistlab.cli import main
from mnistlab.files import atomic_write, silent_stderr
from mnistlab.images import Drawing
from mnistlab.images.collection import Collection
from mnistlab.models.store import PRETRAINED_FOLDER

pytestmark = pytest.mark.skipif(os.name != "posix", reason="devices, links and modes of POSIX")

CARD = len((PRETRAINED_FOLDER / "cnn.tflite").read_bytes())


@pytest.fixture(autouse=True)
def own_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MNISTLAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MNISTLAB_OFFLINE", "1")
    monkeypatch.delenv("MNISTLAB_MNIST", raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def export(out: str) -> int:
    return main(["models", "export", "cnn", "--out", out])


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class Reader(threading.Thread):
    """Reads a pipe to its end."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self.path, self.data = path, b""
        self.start()

    def run(self) -> None:
        self.data = self.path.read_bytes()


def test_a_pipe_stays_a_pipe_and_gets_the_data(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = Reader(pipe)
    assert export(str(pipe)) == 0
    reader.join(30)
    assert len(reader.data) == CARD
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize("command", ["export", "report", "kaggle"])
def test_a_device_stays_a_device(command: str, tmp_path: Path) -> None:
    # A link to the device: as root the old code would have destroyed /dev/null itself.
    device = tmp_path / "null"
    device.symlink_to("/dev/null")
    if command == "export":
        assert export(str(device)) == 0
    elif command == "report":
        assert main(["report", "mlp", "cnn", "--out", str(device)]) == 0
    else:
        from mnistlab.report.kaggle import write_submission

        write_submission(device, np.arange(10))
    assert device.is_symlink()
    assert stat.S_ISCHR(device.stat().st_mode)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can mknod")
def test_a_device_node_is_written_into_by_root_too(tmp_path: Path) -> None:
    node = tmp_path / "node"
    os.mknod(node, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    assert export(str(node)) == 0
    assert stat.S_ISCHR(node.stat().st_mode)


def test_a_link_stays_and_its_file_is_written(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to("target")
    assert export(str(link)) == 0
    assert link.is_symlink()
    assert target.stat().st_size == CARD
    dangling = tmp_path / "dangling"
    dangling.symlink_to(tmp_path / "not yet")
    assert export(str(dangling)) == 0
    assert dangling.is_symlink()
    assert (tmp_path / "not yet").stat().st_size == CARD


def test_a_link_into_no_folder_is_refused_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "no" / "such")
    assert export(str(tmp_path / "link")) == 2
    assert "--out FILE" in capsys.readouterr().err


@pytest.mark.parametrize("bits", [0o600, 0o640, 0o755])
def test_a_file_keeps_its_mode(tmp_path: Path, bits: int) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"old")
    path.chmod(bits)
    assert export(str(path)) == 0
    assert mode(path) == bits
    assert path.stat().st_size == CARD


def test_a_new_file_has_the_mode_that_any_new_file_has(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    assert export(str(tmp_path / "out")) == 0
    assert mode(tmp_path / "out") == mode(tmp_path / "other")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can chown")
def test_root_leaves_a_file_to_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"old")
    os.chown(path, 12345, 23456)
    assert export(str(path)) == 0
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 23456)


def test_hard_links_still_share_their_contents(tmp_path: Path) -> None:
    path, other = tmp_path / "out", tmp_path / "other"
    path.write_bytes(b"old")
    os.link(path, other)
    atomic_write(path, b"new")
    assert other.read_bytes() == b"new"


def test_a_regular_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"old")
    with path.open("rb") as reader:
        atomic_write(path, b"new")
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new"
    assert [p.name for p in tmp_path.iterdir() if p.name not in ("here", "home")] == ["out"]


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "out").write_bytes(b"old")
    monkeypatch.setattr("mnistlab.files.os.fsync", fail)
    for name in ("out", "new"):
        with pytest.raises(OSError, match=f"No space left on device: '.*/{name}'"):
            atomic_write(folder / name, b"new")
    assert [(p.name, p.read_bytes()) for p in folder.iterdir()] == [("out", b"old")]


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="a folder that refuses root too")
def test_a_folder_that_takes_no_file_is_told_with_the_name_that_was_given(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert export("/proc/mnistlab-out") == 1
    told = capsys.readouterr().err
    assert "'/proc/mnistlab-out'" in told
    assert ".partial" not in told


def test_json_and_a_report_do_not_go_to_the_same_place(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mnistlab", "report", "mlp", "cnn", "--json", "--out"]
    for out in ("/dev/stdout", str(tmp_path / "same")):
        with (tmp_path / "same").open("wb") as file:
            done = subprocess.run([*command, out], stdout=file, stderr=subprocess.PIPE, text=True)
        assert done.returncode == 2
        assert f"{out} is standard output, to which --json prints" in done.stderr
        assert done.stderr.count("\n") == 1
        assert (tmp_path / "same").read_bytes() == b""


def test_a_long_name_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 255)
    atomic_write(path, b"data")
    assert path.read_bytes() == b"data"


def test_my_digits_may_be_a_link_and_private(tmp_path: Path) -> None:
    elsewhere, path = tmp_path / "elsewhere", tmp_path / "my-digits.jsonl"
    elsewhere.touch(mode=0o600)
    path.symlink_to(elsewhere)
    Collection(path).add(Drawing.from_strokes([[[10, 10], [10, 200]]]), 1)
    assert path.is_symlink()
    assert mode(elsewhere) == 0o600
    assert b'"label"' in elsewhere.read_bytes()


def fail_quietly() -> None:
    with silent_stderr():
        os.write(2, b"unheard")
        raise ZeroDivisionError


def test_standard_error_works_again_after_a_failure(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError):
        fail_quietly()
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"
