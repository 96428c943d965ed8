"""Writing a file in one step, without damage to the existing one; silencing standard error."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

_STDERR = 2  # file descriptor
_stderr_lock = threading.Lock()


def atomic_write(path: Path, data: bytes) -> None:
    """Write a file in one step: a reader sees the old contents or the new, never a part.

    An existing file keeps its mode, owner and extended attributes. A symbolic link stays, and its
    target is written. A device or a pipe is written into, never replaced, and so is a file with
    further hard links, or one whose owner or folder allows no replacement.

    Raises
    ------
    OSError
        When it cannot be written. A file that can be replaced is then unchanged.
    """
    there = None
    with contextlib.suppress(FileNotFoundError):
        there = path.stat()
    target = Path(os.path.realpath(path))
    # A short name, since the file's own may be as long as a name can be.
    partial = target.with_name(f".mnistlab-{os.urandom(8).hex()}.partial")
    try:
        if there is None or (_may_replace(target, there) and _make_alike(partial, target, there)):
            with partial.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
        else:
            path.write_bytes(data)
    except OSError as error:
        # With the name that the user knows.
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


def _may_replace(target: Path, there: os.stat_result) -> bool:
    """Return whether a new file of that name may replace the old one."""
    if not stat.S_ISREG(there.st_mode) or there.st_nlink > 1:
        return False
    try:
        # /dev/stdout and the like may lead to a file that was renamed. A rename would not ask
        # whether the old file may be written.
        return os.path.samestat(target.stat(), there) and os.access(target, os.W_OK)
    except OSError:
        return False


def _make_alike(partial: Path, target: Path, there: os.stat_result) -> bool:
    """Create an empty file with the attributes of another; False where that is not allowed."""
    try:
        # Private until it has the mode of the file that it replaces.
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        if hasattr(os, "chown"):
            os.chown(partial, there.st_uid, there.st_gid)
    except PermissionError:
        return False
    shutil.copystat(target, partial)
    return True


@contextlib.contextmanager
def silent_stderr() -> Iterator[None]:
    """Discard what a library in C writes to standard error, past Python's own stream.

    It holds for the whole process, so only for a moment. One caller at a time can enter.
    """
    with _stderr_lock:
        try:
            kept = os.dup(_STDERR)
        except OSError:  # standard error is closed, so nothing is shown
            yield
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, _STDERR)
            yield
        finally:
            os.dup2(kept, _STDERR)
            os.close(kept)
            os.close(nowhere)
