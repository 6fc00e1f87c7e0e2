"""What the commands take: the parser of the command line."""

import argparse
from pathlib import Path

from micro_features import __version__

EPILOG = """\
examples:
  micro-features extract pictures/ -o results/            measure every micrograph below a folder
  micro-features extract a.tif -o a.xlsx --pixel-size 0.05
  micro-features fit results/features.csv --target conductivity_S_per_cm --group sintering_schedule \\
                 --manifest manifest.csv -o fit/          link features to a property, and say how far to trust it
  micro-features predict a.tif --model fit/model -o out/  what a model says of a new picture
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
    _add_pictures(extract, "folder for the results, or the feature table itself (.csv, .parquet or .xlsx)")
    _add_method(extract)
    _add_settings(extract)
    _add_calibration(extract)
    extract.add_argument(
        "--manifest",
        type=Path,
        metavar="FILE.csv",
        help="table with a column 'file' and any of 'sample_id', 'surface' (polished, fracture, unknown)",
    )
    extract.add_argument("--no-overlays", action="store_true", help="do not write overlays")
    _add_workers(extract)
    extract.set_defaults(run="extract")

    segment = commands.add_parser(
        "segment",
        help="write label images of grains and pores, and overlays",
        description="Write label images DIR/grains/NAME.tif and DIR/pores/NAME.tif (0 is background) and overlays, "
        "whether or not the grains are resolved.",
        allow_abbrev=False,
    )
    _add_pictures(segment, "folder for the label images")
    _add_method(segment)
    _add_settings(segment)
    _add_calibration(segment)
    _add_workers(segment)
    segment.set_defaults(run="segment")

    calibrate = commands.add_parser(
        "calibrate",
        help="read data bars, scale bars and tags; measure nothing else",
        description="Write DIR/calibration.csv and an overlay of what was found on each picture.",
        allow_abbrev=False,
    )
    _add_pictures(calibrate, "folder for the results")
    _add_settings(calibrate)
    _add_calibration(calibrate)
    _add_workers(calibrate)
    calibrate.set_defaults(run="calibrate")

    settings = commands.add_parser(
        "settings",
        help="print the annotated settings file",
        description="Print every setting with its meaning and bounds, as a settings.toml.",
        allow_abbrev=False,
    )
    _add_settings(settings)
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
    synth.add_argument("--n", type=_integer, metavar="N", help="specimens, two pictures or more of each")
    synth.add_argument("--seed", type=_integer, default=0, metavar="S", help="same seed, same set (default 0)")
    synth.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="new folder for the set")
    _add_workers(synth)
    synth.set_defaults(run="synth")

    _add_training(commands)
    _add_fit(commands)
    _add_predict(commands)

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
    _add_method(on_drawn)
    _add_settings(on_drawn)
    _add_workers(on_drawn)
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
    _add_settings(annotated)
    _add_workers(annotated)
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
    _add_settings(published)
    _add_workers(published)
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
        "--seeds", type=_at_least_one, default=20, metavar="N", help="sets for each preset (default 20)"
    )
    attribution.add_argument("-o", "--output", type=Path, metavar="FILE.csv", help="table of every set and cause")
    _add_workers(attribution)
    attribution.set_defaults(run="benchmark_attribution")

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
    conductivity.add_argument("--seed", type=_count, default=0, metavar="S", help="default 0")
    _add_settings(conductivity)
    _add_workers(conductivity)
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
        type=_count,
        metavar="N",
        help="pictures to draw and learn from beside your own (default 40); needed without IMAGES",
    )
    train.add_argument("--seed", type=_count, default=0, metavar="S", help="same seed, same model (default 0)")
    train.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="new folder for the model")
    _add_settings(train)
    _add_workers(train)
    train.set_defaults(run="train_segmenter")


def _add_fit(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    fit = commands.add_parser(
        "fit",
        help="link a feature table to a property: models, honest scores, SHAP",
        description="Fit XGBoost and plain models to a feature table; score them with whole groups left out, and "
        "beside that at a random split; audit confounders; give intervals; attribute predictions (SHAP). Writes "
        "DIR/scores.json, predictions.csv, attributions.csv, importance.csv, folds.csv, figures/ and model/.",
        allow_abbrev=False,
    )
    fit.add_argument("table", type=Path, metavar="FEATURES", help="a feature table (.csv, .parquet, .xlsx, .xls)")
    fit.add_argument("--target", required=True, metavar="COLUMN", help="the property, a column of table or manifest")
    fit.add_argument(
        "--group",
        required=True,
        metavar="COLUMN",
        help="what belongs together and is left out together, such as a sintering schedule; 'folder': the folder "
        "that a picture lies in",
    )
    fit.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="new folder for the results")
    fit.add_argument("--manifest", type=Path, metavar="FILE.csv", help="table joined by its column 'file'")
    fit.add_argument(
        "--features",
        nargs="+",
        default=[],
        metavar="COLUMN",
        help="use these columns and no others (default: all that are in the catalogue of features)",
    )
    fit.add_argument("--where", action="append", default=[], metavar="COLUMN=VALUE", help="use only such rows")
    fit.add_argument("--id", dest="id_column", metavar="COLUMN", help="names the rows of a table of other origin")
    fit.add_argument("--no-log", action="store_true", help="model the property itself, not its logarithm")
    fit.add_argument(
        "--target-from-name",
        action="store_true",
        help="the property's value is the name of the picture, as in '4.28e-4 (2).tif'",
    )
    fit.add_argument(
        "--task", choices=("regression", "classes"), default="regression", help="predict a number, or its class"
    )
    fit.add_argument("--classes", metavar="COLUMN", help="labels of classes (low, high …), or 'folder'")
    fit.add_argument("--cuts", nargs="+", type=float, default=[], metavar="VALUE", help="cut points between classes")
    fit.add_argument(
        "--per-micrograph", action="store_true", help="pictures of one sample stay rows of their own, not averaged"
    )
    fit.add_argument(
        "--rises-with", action="append", default=[], metavar="FEATURE", help="assume this sign instead of learning it"
    )
    fit.add_argument("--falls-with", action="append", default=[], metavar="FEATURE", help="likewise")
    fit.add_argument(
        "--folds", type=Path, metavar="FILE.csv", help="the grouped folds of an earlier fit, its folds.csv"
    )
    fit.add_argument(
        "--permutations", type=_count, default=99, metavar="N", help="exchanges of targets between groups (default 99)"
    )
    fit.add_argument(
        "--bootstraps", type=_count, default=50, metavar="N", help="refits to groups drawn again (default 50)"
    )
    _add_level(fit)
    fit.add_argument("--seed", type=_count, default=0, metavar="S", help="same seed, same result (default 0)")
    fit.add_argument(
        "-j", "--jobs", type=_at_least_one, metavar="N", help="threads at work (default: one for each core)"
    )
    fit.set_defaults(run="fit")


def _add_predict(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    predict = commands.add_parser(
        "predict",
        help="what a fitted model says of a feature table, or of pictures",
        description="Predict a property with its interval, and say whether the model was trained for such pictures. "
        "Pictures are measured first, with the model's own settings. A table that was extracted otherwise is refused.",
        allow_abbrev=False,
    )
    predict.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="one feature table; or pictures, folders")
    predict.add_argument(
        "--model", required=True, metavar="NAME|FOLDER", help="one that ships (llzto-xgboost), or DIR/model of a fit"
    )
    predict.add_argument(
        "-o", "--output", type=Path, metavar="OUT", help="new table of predictions; of pictures, a folder (needed)"
    )
    predict.add_argument(
        "--explain",
        type=Path,
        metavar="DIR",
        help="new folder: what moves each prediction (SHAP), as table and figures",
    )
    predict.add_argument("--id", dest="id_column", metavar="COLUMN", help="names the rows of a table of other origin")
    _add_level(predict)
    _add_calibration(predict)
    _add_workers(predict)
    predict.set_defaults(run="predict")


def _add_level(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--level",
        type=_share,
        default=0.8,
        metavar="P",
        help="of the prediction intervals; n groups allow at most 1 - 1/(n + 1) (default 0.8)",
    )


def _add_pictures(command: argparse.ArgumentParser, output: str) -> None:
    command.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="pictures, or folders of pictures")
    command.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help=output)


def _add_settings(command: argparse.ArgumentParser) -> None:
    command.add_argument("--settings", type=Path, metavar="FILE.toml", help="see `micro-features settings`")
    command.add_argument(
        "--set",
        dest="changes",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="override one setting, as in --set pores.sensitivity=0.4; may be repeated",
    )


def _add_method(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--method",
        choices=("fast", "best"),
        help="find grains the quicker way, or the more accurate one (default: what the settings say)",
    )


def _add_calibration(command: argparse.ArgumentParser) -> None:
    group = command.add_mutually_exclusive_group()
    group.add_argument("--pixel-size", type=_micrometres, metavar="UM", help="edge of a pixel in µm, for all pictures")
    group.add_argument(
        "--pixel-size-from", type=Path, metavar="FILE.csv", help="table with columns 'file' and 'pixel_um'"
    )
    group.add_argument("--uncalibrated", action="store_true", help="give results in pixels; columns say so (_px)")


def _add_workers(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "-j", "--jobs", type=_at_least_one, metavar="N", help="processes at work (default: one for each core)"
    )


def _micrometres(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a length in µm, above 0")
    return value


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 0 and 1")
    return value


def _at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, 1 or more")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, 0 or more")
    return int(text)


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
