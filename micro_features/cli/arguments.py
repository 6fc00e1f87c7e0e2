"""What the commands take: the parser of the command line."""

import argparse
from pathlib import Path

from micro_features import __version__
from micro_features.cli.learning_arguments import add_cnn, add_explain, add_fit, add_predict
from micro_features.cli.published_command import add_published
from micro_features.cli.report_command import add_report
from micro_features.cli.sensitivity_command import add_sensitivity
from micro_features.cli.shared_arguments import (
    add_calibration,
    add_method,
    add_pictures,
    add_settings,
    add_tuned,
    add_workers,
    at_least_one,
    count,
    integer,
)
from micro_features.cli.tune_command import add_tune

EPILOG = """\
examples:
  micro-features extract pictures/ -o results/            measure every micrograph below a folder
  micro-features extract a.tif -o a.xlsx --pixel-size 0.05
  micro-features fit results/features.csv --target conductivity_S_per_cm --group sintering_schedule \\
                 --manifest manifest.csv -o fit/          link features to a property, and say how far to trust it
  micro-features predict a.tif --model fit/model -o out/  what a model says of a new picture
  micro-features cnn train results/features.csv --fit fit --target conductivity_S_per_cm \\
                 --group sintering_schedule -o cnn/       small networks on the pictures themselves
  micro-features published pictures/ --manifest manifest.csv -o published/   the published method, whole, and judged
  micro-features tune pictures/                           tune thresholds by eye, on a page in the browser
  micro-features calibrate pictures/ -o scale/            read only data bars, scale bars and tags
  micro-features settings > settings.toml                 every threshold, explained, to edit
  micro-features synth -o drawn/                          micrographs of known truth
  micro-features train-segmenter pictures/ labels/ -o m/  learn from pictures that you labelled
"""


def parser() -> argparse.ArgumentParser:
    """Build the parser; ``run`` of what it returns names a function of `cli.commands`."""
    plain = argparse.RawDescriptionHelpFormatter
    program = argparse.ArgumentParser(
        prog="micro-features",
        description="From scanning electron micrographs to trustworthy feature tables.",
        epilog=EPILOG,
        formatter_class=plain,
        allow_abbrev=False,
    )
    program.add_argument("--version", action="version", version=f"micro-features {__version__}")
    commands = program.add_subparsers(title="commands", required=True, metavar="COMMAND")

    extract = commands.add_parser(
        "extract",
        help="measure micrographs: feature table, regions, overlays",
        description="Measure micrographs. A rerun measures only what is new or changed; an interrupt loses nothing.",
        allow_abbrev=False,
    )
    add_pictures(extract, "folder for the results, or the feature table itself (.csv, .parquet or .xlsx)")
    add_method(extract)
    add_settings(extract)
    add_calibration(extract)
    extract.add_argument(
        "--manifest",
        type=Path,
        metavar="FILE.csv",
        help="table with a column 'file' and any of 'sample_id', 'surface' (polished, fracture, unknown)",
    )
    extract.add_argument("--no-overlays", action="store_true", help="do not write overlays")
    extract.add_argument(
        "--sensitivity",
        action="store_true",
        help="add FEATURE_low and FEATURE_high: each threshold at the ends of its plausible range, one at a time "
        "(about ten times slower)",
    )
    add_tuned(extract)
    add_workers(extract)
    extract.set_defaults(run="extract")

    segment = commands.add_parser(
        "segment",
        help="write label images of grains and pores, and overlays",
        description="Write label images DIR/grains/NAME.tif and DIR/pores/NAME.tif (0 is background) and overlays, "
        "whether or not the grains are resolved.",
        allow_abbrev=False,
    )
    add_pictures(segment, "folder for the label images")
    add_method(segment)
    add_settings(segment)
    add_calibration(segment)
    add_tuned(segment)
    add_workers(segment)
    segment.set_defaults(run="segment")

    calibrate = commands.add_parser(
        "calibrate",
        help="read data bars, scale bars and tags; measure nothing else",
        description="Write DIR/calibration.csv and an overlay of what was found on each picture.",
        allow_abbrev=False,
    )
    add_pictures(calibrate, "folder for the results")
    add_settings(calibrate)
    add_calibration(calibrate)
    add_workers(calibrate)
    calibrate.set_defaults(run="calibrate")

    settings = commands.add_parser(
        "settings",
        help="print the annotated settings file",
        description="Print every setting with its meaning and bounds, as a settings.toml.",
        allow_abbrev=False,
    )
    add_settings(settings)
    settings.set_defaults(run="settings")

    synth = commands.add_parser(
        "synth",
        help="draw micrographs whose grains, pores and conductivity are known",
        description="Draw specimens in space, solve their conductivity, and picture them: pictures, labels, manifest, "
        "and what each cause adds to each conductivity. An interrupted run is taken up by the same command.",
        allow_abbrev=False,
    )
    synth.add_argument(
        "--preset",
        default="example",
        metavar="NAME",
        help="what drives conductivity: example (all causes; conductivity solved in each specimen); porosity, "
        "grain-size, boundary (one alone); hidden (boundary resistance does not show); nuisance (the microscope "
        "session gives the answer away in one half and misleads in the other). Default: example",
    )
    synth.add_argument("--n", type=integer, metavar="N", help="specimens, two pictures or more of each")
    synth.add_argument("--seed", type=integer, default=0, metavar="S", help="same seed, same set (default 0)")
    synth.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="new folder for the set")
    add_workers(synth)
    synth.set_defaults(run="synth")

    _add_training(commands)
    add_fit(commands)
    add_predict(commands)
    add_cnn(commands)
    add_explain(commands)
    add_published(commands)
    add_report(commands)
    add_sensitivity(commands)
    add_tune(commands)

    benchmark = commands.add_parser("benchmark", help="how good it is, against known truth", allow_abbrev=False)
    subjects = benchmark.add_subparsers(title="subjects", required=True, metavar="SUBJECT")
    on_drawn = subjects.add_parser(
        "synthetic",
        help="feature recovery on drawn micrographs",
        description="Measure drawn micrographs and print bias and scatter against their drawn labels, and against the "
        "specimens they were cut from.",
        allow_abbrev=False,
    )
    on_drawn.add_argument(
        "folder", nargs="?", type=Path, metavar="DIR", help="a set that `synth` drew (default: the one that ships)"
    )
    on_drawn.add_argument("-o", "--output", type=Path, metavar="FILE.csv", help="table of every picture and quantity")
    add_method(on_drawn)
    add_settings(on_drawn)
    add_workers(on_drawn)
    on_drawn.set_defaults(run="benchmark_synthetic")
    annotated = subjects.add_parser(
        "segmentation",
        help="grains or pores found, against annotated pictures",
        description="Find grains or pores by our methods and by textbook ones, and score each against label images: "
        "table of means with 95 %% intervals, and seconds a picture of one core.",
        allow_abbrev=False,
    )
    annotated.add_argument("images", type=Path, metavar="IMAGES", help="a picture, or a folder of pictures")
    annotated.add_argument(
        "labels",
        type=Path,
        metavar="LABELS",
        help="folder of label images of the same names (.png, .tif), 0 where there is no region; a data bar at the "
        "bottom may be missing",
    )
    annotated.add_argument("--kind", choices=("grains", "pores"), default="grains", help="default: grains")
    annotated.add_argument("-o", "--output", type=Path, metavar="FILE.csv", help="table of every picture and method")
    annotated.add_argument(
        "--sheet", type=Path, metavar="FILE.png", help="contact sheet of the worst pictures: truth beside result"
    )
    add_settings(annotated)
    add_workers(annotated)
    annotated.set_defaults(run="benchmark_segmentation")
    published = subjects.add_parser(
        "published",
        help="pores of the published LLZTO pictures, against the study's own table",
        description="Mean and total pore area of the 8 pictures whose specimens were measured by hand at the same "
        "magnification: rank correlation and ratio of means.",
        allow_abbrev=False,
    )
    published.add_argument(
        "folder", type=Path, metavar="FOLDER", help="the set, as `micro-features datasets get llzto` (or llto) makes it"
    )
    published.add_argument("-o", "--output", type=Path, metavar="FILE.csv", help="table of every picture")
    published.add_argument(
        "--sheets", type=Path, metavar="DIR", help="new folder for contact sheets of all pictures, with outlines"
    )
    add_settings(published)
    add_workers(published)
    published.set_defaults(run="benchmark_published")
    attribution = subjects.add_parser(
        "attribution",
        help="whether attributions find planted causes",
        description="Take sets of 60 specimens from a drawn and measured set, let one cause alone, or all, drive their "
        "conductivity, and print how often the attributions find it, and how often they blame another, with exact "
        "binomial intervals; then how well all specimens are predicted.",
        allow_abbrev=False,
    )
    attribution.add_argument(
        "folder", type=Path, metavar="SET", help="a set of 120 specimens or more that `synth` drew, of any preset"
    )
    attribution.add_argument(
        "table", type=Path, metavar="FEATURES.csv", help="what `extract --manifest SET/manifest.csv` measured on it"
    )
    attribution.add_argument(
        "--seeds", type=at_least_one, default=20, metavar="N", help="sets for each preset (default 20)"
    )
    attribution.add_argument("-o", "--output", type=Path, metavar="FILE.csv", help="table of every set and cause")
    add_workers(attribution)
    attribution.set_defaults(run="benchmark_attribution")
    of_network = subjects.add_parser(
        "network",
        help="whether a network's heat maps find planted causes",
        description="Take sets of 60 specimens from a drawn set, let one cause alone drive their conductivity, train a "
        "small network on the pictures of each, and print how often its heat maps find the phase that shows the cause, "
        "and how often any where nothing can be found, with exact binomial intervals. Less than a minute a set.",
        allow_abbrev=False,
    )
    of_network.add_argument(
        "folder", type=Path, metavar="SET", help="a set of 120 specimens or more that `synth` drew, of any preset"
    )
    of_network.add_argument(
        "--seeds", type=at_least_one, default=20, metavar="N", help="sets of each kind (default 20)"
    )
    of_network.add_argument(
        "--nuisance",
        type=Path,
        metavar="SET2",
        help="a set that `synth --preset nuisance` drew: whether a network learns its sessions, and the tool says so",
    )
    of_network.add_argument("-o", "--output", type=Path, metavar="FILE.csv", help="table of every set and phase")
    add_workers(of_network)
    of_network.set_defaults(run="benchmark_network")

    conductivity = subjects.add_parser(
        "conductivity",
        help="the published LLZTO pictures from pixels to conductivity",
        description="Measure the published LLZTO pictures, fit conductivity with sintering schedules left out, and put "
        "the study's hand-measured table to the same test. Writes DIR/features.csv, DIR/fit, DIR/fit_by_hand.",
        allow_abbrev=False,
    )
    conductivity.add_argument(
        "folder", type=Path, metavar="FOLDER", help="the set, as `micro-features datasets get llzto` makes it"
    )
    conductivity.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="new folder")
    conductivity.add_argument("--seed", type=count, default=0, metavar="S", help="default 0")
    add_settings(conductivity)
    add_workers(conductivity)
    conductivity.set_defaults(run="benchmark_conductivity")

    datasets = commands.add_parser("datasets", help="published pictures, and the drawn example set", allow_abbrev=False)
    actions = datasets.add_subparsers(title="actions", required=True, metavar="ACTION")
    get = actions.add_parser(
        "get",
        help="bring a set into a folder",
        description="Fetch the pictures of Zhang et al., Nano Letters 2024, 24, 5292 from their public repository, "
        "each checked by SHA-256, with our manifest (llzto, llto); or copy the drawn example set (synthetic). What is "
        "there already is kept.",
        allow_abbrev=False,
    )
    get.add_argument("name", choices=("llzto", "llto", "synthetic"))
    get.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder for the pictures")
    get.add_argument(
        "--from", dest="from_folder", type=Path, metavar="FOLDER", help="take files that are on disk already"
    )
    get.set_defaults(run="datasets_get")
    return program


def _add_training(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    train = commands.add_parser(
        "train-segmenter",
        help="train classifiers of grain boundaries, or of pores, on labelled and drawn pictures",
        description="Train classifiers of grain boundaries, or of pores, on your own annotated pictures and on drawn "
        "ones, in minutes. Prints how well they do on pictures that were left out, and writes a model for "
        "--set grains.model=FOLDER (or pores.model).",
        allow_abbrev=False,
    )
    train.add_argument("images", nargs="?", type=Path, metavar="IMAGES", help="a picture, or a folder of pictures")
    train.add_argument(
        "labels",
        nargs="?",
        type=Path,
        metavar="LABELS",
        help="folder of label images of the same names (.png, .tif): every grain with its own number, 0 elsewhere",
    )
    train.add_argument("--kind", choices=("grains", "pores"), default="grains", help="default: grains")
    train.add_argument(
        "--strokes",
        action="store_true",
        help="label images hold strokes instead: 1 inside a grain, 2 along a boundary (or in a pore), 0 not painted",
    )
    train.add_argument(
        "--drawn",
        type=count,
        metavar="N",
        help="pictures to draw and learn from beside your own (default 40); needed without IMAGES",
    )
    train.add_argument("--seed", type=count, default=0, metavar="S", help="same seed, same model (default 0)")
    train.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="new folder for the model")
    add_settings(train)
    add_workers(train)
    train.set_defaults(run="train_segmenter")
