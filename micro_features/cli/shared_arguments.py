"""Arguments that several commands take, and what they may be."""

import argparse
from pathlib import Path


def add_pictures(command: argparse.ArgumentParser, output: str) -> None:
    """Pictures, and where results go."""
    command.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="pictures, or folders of pictures")
    command.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help=output)


def add_settings(command: argparse.ArgumentParser) -> None:
    """Where settings come from."""
    command.add_argument("--settings", type=Path, metavar="FILE.toml", help="see `micro-features settings`")
    command.add_argument(
        "--set",
        dest="changes",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="override one setting, as in --set pores.sensitivity=0.4; may be repeated",
    )


def add_method(command: argparse.ArgumentParser) -> None:
    """How grains are found."""
    command.add_argument(
        "--method",
        choices=("fast", "best"),
        help="find grains the quicker way, or the more accurate one (default: what the settings say)",
    )


def add_calibration(command: argparse.ArgumentParser) -> None:
    """What is known of the scale."""
    group = command.add_mutually_exclusive_group()
    group.add_argument("--pixel-size", type=micrometres, metavar="UM", help="edge of a pixel in µm, for all pictures")
    group.add_argument(
        "--pixel-size-from", type=Path, metavar="FILE.csv", help="table with columns 'file' and 'pixel_um'"
    )
    group.add_argument("--uncalibrated", action="store_true", help="give results in pixels; columns say so (_px)")


def add_tuned(command: argparse.ArgumentParser) -> None:
    """What was tuned by hand for single pictures."""
    group = command.add_mutually_exclusive_group()
    group.add_argument(
        "--tuned",
        type=Path,
        metavar="DIR",
        help="folder of the .tuned.json files that `tune` writes (default: beside each picture)",
    )
    group.add_argument(
        "--ignore-tuned", action="store_true", help="leave settings and corrections of single pictures out of account"
    )


def add_workers(command: argparse.ArgumentParser) -> None:
    """How many processes."""
    command.add_argument(
        "-j", "--jobs", type=at_least_one, metavar="N", help="processes at work (default: one for each core)"
    )


def micrometres(text: str) -> float:
    """A length in µm."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a length in µm, above 0")
    return value


def share(text: str) -> float:
    """Between 0 and 1."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 0 and 1")
    return value


def at_least_one(text: str) -> int:
    """A whole number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, 1 or more")
    return int(text)


def count(text: str) -> int:
    """A whole number from 0."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, 0 or more")
    return int(text)


def integer(text: str) -> int:
    """A whole number."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
