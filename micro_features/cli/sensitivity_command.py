"""What `sensitivity` takes, and does."""

import argparse

from micro_features.cli.common import progress, settings_from
from micro_features.cli.exit_codes import FAILED
from micro_features.cli.shared_arguments import (
    add_calibration,
    add_method,
    add_pictures,
    add_settings,
    add_workers,
    at_least_one,
)


def add_sensitivity(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command `sensitivity`."""
    command = commands.add_parser(
        "sensitivity",
        help="how far numbers hang on the choice of thresholds",
        description="Measure each picture again and again with every threshold moved through its plausible range, as "
        "`micro-features settings` states it, one at a time and all together, and tell the range of each feature, and "
        "of a model's prediction, and which threshold drives it. Writes OUT/sensitivity.csv, ranges.csv, summary.csv, "
        "figures/.",
        allow_abbrev=False,
    )
    add_pictures(command, "new folder for the results")
    add_method(command)
    add_settings(command)
    command.add_argument("--model", metavar="MODEL", help="name or folder of a fitted model: its prediction, too")
    command.add_argument(
        "--thresholds", metavar="NAME,NAME", default="", help="only these, as in pores.threshold,grains.merge_level"
    )
    command.add_argument(
        "--joint",
        choices=("morris", "sobol", "none"),
        default="morris",
        help="all together: by elementary effects (default), by shares of variance (many more measurements), or not",
    )
    command.add_argument(
        "--draws", type=at_least_one, metavar="N", help="trajectories of morris (default 6), draws of sobol (32)"
    )
    add_calibration(command)
    add_workers(command)
    command.set_defaults(run="sensitivity")


def sensitivity(options: argparse.Namespace) -> int:
    """`sensitivity`."""
    from micro_features.sensitivity import result_files, wording
    from micro_features.sensitivity.one_picture import Design
    from micro_features.sensitivity.run import Request, run

    result_files.check_new(options.output)
    thresholds = tuple(name.strip() for name in options.thresholds.split(",") if name.strip())
    answer = run(
        Request(
            paths=tuple(options.paths),
            settings=settings_from(options),
            design=Design(thresholds, options.joint, options.draws),
            model=options.model,
            pixel_um=options.pixel_size,
            pixel_size_table=options.pixel_size_from,
            uncalibrated=options.uncalibrated,
            n_workers=options.jobs,
        ),
        tell=progress,
    )
    result_files.write(answer, options.output, options.command_line)
    for line in wording.lines(answer):
        print(line)
    print(f"\nresults: {options.output} (look at {options.output / 'figures'} first)")
    return FAILED if answer.failures else 0
