"""The command line."""

import io
import os
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Any, NoReturn

from micro_features.cli.arguments import parser
from micro_features.cli.commands import COMMANDS
from micro_features.cli.exit_codes import BAD_INPUT, INTERRUPTED
from micro_features.errors import MicroFeaturesError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; from the command line where left out.

    Returns
    -------
    int
        0: all done. 1: some pictures failed, see ``failures.csv``. 2: bad input, or the output can not be written.
        130: interrupted.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    options = parser().parse_args(arguments)
    options.command_line = arguments
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names that are no text are shown escaped
            stream.reconfigure(errors="backslashreplace")
    try:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, _as_interrupt)
        return COMMANDS[options.run](options)
    except MicroFeaturesError as error:
        print(f"micro-features: {' '.join(str(error).split())}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("micro-features: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # `micro-features settings | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _as_interrupt(*_: Any) -> NoReturn:
    """A polite kill is an interrupt: finished pictures go into the table first."""
    raise KeyboardInterrupt
