"""`python -m mnistlab.server.kernel`: a visitor's kernel, whose messages all reach the page."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ipykernel.kernelapp import IPKernelApp

from mnistlab.server.resources import trim_heap

# More than enough to flush what was printed; then the kernel ends without it.
_LAST_ANSWER_S = 5


class VisitKernelApp(IPKernelApp):
    """A kernel that keeps what the server has not read yet, however much that is.

    ZeroMQ drops messages beyond a thousand. A tab that is opened sends two thousand at once; where
    the server is slower than that, parts of the tab would be missing for good.
    """

    def init_shell(self) -> None:
        """Make what runs the dashboard's cells. The heap that they leave is 8 MB too large."""
        super().init_shell()  # type: ignore[no-untyped-call]
        assert self.shell is not None
        self.shell.events.register("post_execute", trim_heap)

    def init_iopub(self, context: Any) -> None:
        """Open the socket that tells the page what is new."""
        context.sndhwm = 0  # no limit, for the sockets that are made from now on
        super().init_iopub(context)  # type: ignore[no-untyped-call]

    def start(self) -> None:
        """Serve until the server asks for the end, and let the answer to that be finished.

        ipykernel answers in another thread, which flushes the output last. Where this one were
        faster, that output would be closed already: an error on the server's terminal.
        """
        super().start()  # type: ignore[no-untyped-call]
        self.control_thread.stop()
        self.control_thread.join(timeout=_LAST_ANSWER_S)


if __name__ == "__main__":
    if Path(sys.path[0]) == Path.cwd():  # not so where it was forked
        del sys.path[0]  # no file of the folder is taken for a module
    VisitKernelApp.launch_instance()
