"""What `published` takes, and does. PyTorch is an extra, and is imported only when it runs."""

import argparse
from pathlib import Path

from micro_features.cli.common import progress, settings_from
from micro_features.cli.exit_codes import FAILED
from micro_features.cli.network_commands import require_torch
from micro_features.cli.shared_arguments import add_calibration, add_settings, add_workers, count


def add_published(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command `published`."""
    published = commands.add_parser(
        "published",
        help="the published method, whole: visual words, tree, logistic steps, judged fairly",
        description="Run the method of Zhang et al., Nano Letters 2024, 24, 5292: a classifier of windows, "
        "class-activation vectors, visual words, a decision tree on them, and logistic regressions of physical "
        "parameters at its splits. Every stage is scored with whole groups left out, and beside that as the study "
        "scored it. Writes DIR/scores.json, words/, attributions.csv, answer.csv, figures/ and report.html.",
        allow_abbrev=False,
    )
    published.add_argument("pictures", type=Path, metavar="PATH", help="a folder of pictures")
    published.add_argument(
        "--manifest", type=Path, required=True, metavar="FILE.csv", help="what is stated about pictures, by 'file'"
    )
    published.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="new folder for the results")
    published.add_argument(
        "--target", default="conductivity_S_per_cm", metavar="COLUMN", help="the property (default: %(default)s)"
    )
    published.add_argument(
        "--classes", default="conductivity_class", metavar="COLUMN", help="labels of classes (default: %(default)s)"
    )
    published.add_argument(
        "--cuts", nargs="+", type=float, default=[], metavar="VALUE", help="cut points between classes, instead"
    )
    published.add_argument(
        "--group",
        metavar="COLUMN",
        help="what is left out together (default: sintering_schedule if there is one, else the day of acquisition)",
    )
    published.add_argument("--no-log", action="store_true", help="mean the property itself, not its logarithm")
    published.add_argument(
        "--features",
        type=Path,
        metavar="TABLE",
        help="what `extract` measured on these pictures (else they are measured)",
    )
    published.add_argument(
        "--hand-measured", type=Path, metavar="FILE.xls", help="the study's table of parameters, instead of our own"
    )
    published.add_argument("--fit", type=Path, metavar="FIT_DIR", help="take the folds that `fit -o` wrote")
    published.add_argument(
        "--explained",
        type=Path,
        metavar="DIR",
        help="what `explain -o` wrote with that fit: XGBoost with SHAP and the network with Grad-CAM, side by side",
    )
    published.add_argument(
        "--protocol",
        choices=("both", "grouped", "in-sample"),
        default="both",
        help="grouped: groups left out through all stages; in-sample: as the study did; both (default): and the gap",
    )
    published.add_argument(
        "--quick", action="store_true", help="one fold, a small network, few draws: a look at the whole way in minutes"
    )
    published.add_argument(
        "--weights",
        type=Path,
        metavar="FILE.safetensors",
        help="weights of ImageNet for --set words.network=resnet18, which else starts from nothing",
    )
    published.add_argument("--seed", type=count, metavar="S", help="same seed, same result (default 0)")
    published.add_argument(
        "--device", choices=("auto", "cpu", "cuda", "mps"), default="auto", help="auto: a graphics card if there is one"
    )
    add_settings(published)
    add_calibration(published)
    add_workers(published)
    published.set_defaults(run="published")


def published(options: argparse.Namespace) -> int:
    """`published`."""
    require_torch()
    from micro_features.published import result_files, wording
    from micro_features.published.published import published as run
    from micro_features.published.samples import GROUPED, IN_SAMPLE, Request

    settings = settings_from(options)
    found = run(
        Request(
            pictures=options.pictures,
            manifest=options.manifest,
            output=options.output,
            settings=settings if options.seed is None else settings.updated({"seed": options.seed}),
            target=options.target,
            classes=options.classes,
            group=options.group,
            cuts=tuple(options.cuts),
            log10=not options.no_log,
            features=options.features,
            hand_measured=options.hand_measured,
            fit=options.fit,
            explained=options.explained,
            protocols=(GROUPED, IN_SAMPLE) if options.protocol == "both" else (options.protocol,),
            first_fold_only=options.quick,
            weights=options.weights,
            device=options.device,
            n_workers=options.jobs,
            pixel_um=options.pixel_size,
            pixel_size_table=options.pixel_size_from,
            uncalibrated=options.uncalibrated,
            command_line=tuple(options.command_line),
        ),
        tell=progress,
    )
    progress("writing tables and figures")
    result_files.write(found)
    for line in wording.lines(found):
        print(line)
    print(f"\nresults: {options.output} (look at {options.output / 'report.html'} first)")
    return FAILED if found.samples.failures else 0
