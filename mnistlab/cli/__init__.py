"""The command line, `mnistlab COMMAND`. Modules that a command needs load when it runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from mnistlab.cli import terminal
from mnistlab.cli.parser import make_parser
from mnistlab.errors import ConfigError, MnistLabError, ModelError, UploadError

FAILURE, BAD_INPUT, INTERRUPTED = 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, by default the process's own; its errors become one line each.

    Returns 0, 2 for bad input, 1 for a failure, or 130 after Ctrl-C.
    """
    terminal.prepare_streams()
    options = make_parser().parse_args(arguments)
    try:
        status = int(options.run(options) or 0)
        sys.stdout.flush()  # here, where an error can still be reported
        return status
    except MnistLabError as error:
        terminal.complain(str(error))
        is_input = isinstance(error, ConfigError | ModelError | UploadError)
        return BAD_INPUT if is_input else FAILURE
    except BrokenPipeError:
        terminal.discard_stdout()  # the reader, such as `head`, has seen enough
        return 0
    except OSError as error:
        terminal.complain(f"{error}; check the disk and the permissions.")
        try:
            sys.stdout.flush()
        except OSError:
            terminal.discard_stdout()
        return FAILURE
    except KeyboardInterrupt:
        return INTERRUPTED
