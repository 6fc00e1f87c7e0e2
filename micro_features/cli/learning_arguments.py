"""What the commands take that learn a property, and predict it."""

import argparse
from pathlib import Path

from micro_features.cli.shared_arguments import (
    add_calibration,
    add_workers,
    at_least_one,
    count,
    micrometres,
    share,
)
from micro_features.fitting.dataset_request import DatasetRequest


def add_fit(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command `fit`."""
    fit = commands.add_parser(
        "fit",
        help="link a feature table to a property: models, honest scores, SHAP",
        description="Fit XGBoost and plain models to a feature table; score them with whole groups left out, and "
        "beside that at a random split; audit confounders; give intervals; attribute predictions (SHAP). Writes "
        "DIR/scores.json, predictions.csv, attributions.csv, importance.csv, folds.csv, figures/ and model/.",
        allow_abbrev=False,
    )
    add_dataset(fit)
    fit.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="new folder for the results")
    fit.add_argument(
        "--task", choices=("regression", "classes"), default="regression", help="predict a number, or its class"
    )
    fit.add_argument(
        "--rises-with", action="append", default=[], metavar="FEATURE", help="assume this sign instead of learning it"
    )
    fit.add_argument("--falls-with", action="append", default=[], metavar="FEATURE", help="likewise")
    fit.add_argument(
        "--folds", type=Path, metavar="FILE.csv", help="the grouped folds of an earlier fit, its folds.csv"
    )
    fit.add_argument(
        "--permutations", type=count, default=99, metavar="N", help="exchanges of targets between groups (default 99)"
    )
    fit.add_argument(
        "--bootstraps", type=count, default=50, metavar="N", help="refits to groups drawn again (default 50)"
    )
    add_level(fit)
    fit.add_argument("--seed", type=count, default=0, metavar="S", help="same seed, same result (default 0)")
    fit.add_argument(
        "-j", "--jobs", type=at_least_one, metavar="N", help="threads at work (default: one for each core)"
    )
    fit.set_defaults(run="fit")


def add_predict(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command `predict`."""
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
    add_level(predict)
    add_calibration(predict)
    add_workers(predict)
    predict.set_defaults(run="predict")


def add_cnn(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The commands `cnn train` and `cnn predict`."""
    cnn = commands.add_parser("cnn", help="small networks that see the pictures themselves", allow_abbrev=False)
    actions = cnn.add_subparsers(title="actions", required=True, metavar="ACTION")
    train = actions.add_parser(
        "train",
        help="train networks with groups left out, and score them beside the feature model and the date",
        description="Train small networks on the pictures of a feature table, in the folds of a fit of its features: "
        "some for each fold, by seeds. Scores them on the pictures that they did not see, beside the feature model, "
        "the date alone and the mean. An interrupted training is taken up by the same command. Writes "
        "DIR/scores.json, predictions.csv, pictures.csv, figures/ and model/.",
        allow_abbrev=False,
    )
    add_dataset(train)
    train.add_argument("--fit", type=Path, required=True, metavar="FIT_DIR", help="what `fit -o` wrote on this table")
    train.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="new folder for the results")
    train.add_argument(
        "--pictures",
        type=Path,
        metavar="FOLDER",
        help="where the paths of the table begin (default: beside the table, or the current folder)",
    )
    train.add_argument(
        "--window", type=at_least_one, default=340, metavar="PX", help="edge of a window, pixels (default 340)"
    )
    train.add_argument(
        "--overlap", type=count, default=170, metavar="PX", help="of neighbouring windows, pixels (default 170)"
    )
    train.add_argument(
        "--reduction", type=at_least_one, default=2, metavar="N", help="picture pixels a network pixel (default 2)"
    )
    train.add_argument(
        "--window-um",
        type=micrometres,
        metavar="UM",
        help="edge of a window in µm: pictures of different pixel sizes are brought to one scale, where a window has "
        "window / reduction network pixels",
    )
    train.add_argument(
        "--epochs", type=at_least_one, default=20, metavar="N", help="how often each window is shown (default 20)"
    )
    train.add_argument(
        "--normalise",
        choices=("picture", "set"),
        default="picture",
        help="picture (default): each by itself, so that what a microscope session does to whole pictures goes; set: "
        "over all training windows, where pictures were taken alike: more is learned, and heat lies where the evidence "
        "is",
    )
    train.add_argument("--seeds", type=at_least_one, default=3, metavar="N", help="networks a fold (default 3)")
    train.add_argument("--seed", type=count, default=0, metavar="S", help="the first of their seeds (default 0)")
    train.add_argument(
        "--batch", type=_at_least_two, default=32, metavar="N", help="windows a step, 2 or more (default 32)"
    )
    train.add_argument(
        "--device", choices=("auto", "cpu", "cuda", "mps"), default="auto", help="auto: a graphics card if there is one"
    )
    add_workers(train)
    train.set_defaults(run="cnn_train")

    predict = actions.add_parser(
        "predict",
        help="what trained networks say of pictures",
        description="Predict a property of pictures, with its interval. A picture of the training is predicted by the "
        "networks that did not see it.",
        allow_abbrev=False,
    )
    predict.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="pictures, or folders of pictures")
    predict.add_argument(
        "--model", required=True, metavar="NAME|FOLDER", help="one that ships (llzto-cnn), or DIR/model of a training"
    )
    predict.add_argument("-o", "--output", type=Path, metavar="TABLE", help="new table of predictions")
    add_level(predict)
    add_calibration(predict)
    add_workers(predict)
    predict.set_defaults(run="cnn_predict")


def add_explain(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command `explain`."""
    explain = commands.add_parser(
        "explain",
        help="where the network looks, what the features say, and whether the two agree",
        description="Explain a network (Grad-CAM) and a model of features (SHAP) of the same pictures, out of fold, "
        "and compare: do both lean on the same phases, more than moved maps and untrained networks do? Pores are "
        "filled and boundaries erased, to see what both models answer. Writes DIR/comparison.json, sanity.json, "
        "tables and figures/, one of each picture.",
        allow_abbrev=False,
    )
    explain.add_argument("table", type=Path, metavar="FEATURES", help="the table that both models were made from")
    explain.add_argument("--fit", type=Path, required=True, metavar="FIT_DIR", help="what `fit -o` wrote on it")
    explain.add_argument(
        "--cnn", required=True, metavar="NAME|FOLDER", help="networks of the same folds: DIR/model of `cnn train`"
    )
    explain.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="new folder for the results")
    explain.add_argument("--manifest", type=Path, metavar="FILE.csv", help="as it was given to both")
    explain.add_argument(
        "--pictures",
        type=Path,
        metavar="FOLDER",
        help="where the paths of the table begin (default: beside the table, or the current folder)",
    )
    explain.add_argument(
        "--altered",
        type=count,
        default=12,
        metavar="N",
        help="pictures that are altered and measured anew, spread over the groups (default 12; a minute each)",
    )
    explain.add_argument(
        "--sanity",
        choices=("quick", "full"),
        default="quick",
        help="full: train networks on one fold again, up to five seeds and with exchanged targets, to see whether "
        "maps show what was learned; kept with the model and shown by later runs",
    )
    explain.add_argument("--seed", type=count, default=0, metavar="S", help="same seed, same result (default 0)")
    add_workers(explain)
    explain.set_defaults(run="explain")


def add_dataset(command: argparse.ArgumentParser) -> None:
    """What a model is trained on: alike for all models, so that they can be trained on the same rows."""
    command.add_argument("table", type=Path, metavar="FEATURES", help="a feature table (.csv, .parquet, .xlsx, .xls)")
    command.add_argument(
        "--target", required=True, metavar="COLUMN", help="the property, a column of table or manifest"
    )
    command.add_argument(
        "--group",
        required=True,
        metavar="COLUMN",
        help="what belongs together and is left out together, such as a sintering schedule; 'folder': the folder "
        "that a picture lies in",
    )
    command.add_argument("--manifest", type=Path, metavar="FILE.csv", help="table joined by its column 'file'")
    command.add_argument(
        "--features",
        nargs="+",
        default=[],
        metavar="COLUMN",
        help="use these columns and no others (default: all that are in the catalogue of features)",
    )
    command.add_argument("--where", action="append", default=[], metavar="COLUMN=VALUE", help="use only such rows")
    command.add_argument("--id", dest="id_column", metavar="COLUMN", help="names the rows of a table of other origin")
    command.add_argument("--no-log", action="store_true", help="model the property itself, not its logarithm")
    command.add_argument(
        "--target-from-name",
        action="store_true",
        help="the property's value is the name of the picture, as in '4.28e-4 (2).tif'",
    )
    command.add_argument("--classes", metavar="COLUMN", help="labels of classes (low, high …), or 'folder'")
    command.add_argument(
        "--cuts", nargs="+", type=float, default=[], metavar="VALUE", help="cut points between classes"
    )
    command.add_argument(
        "--per-micrograph", action="store_true", help="pictures of one sample stay rows of their own, not averaged"
    )


def dataset_request(options: argparse.Namespace) -> DatasetRequest:
    """What `add_dataset` was told, but for the table."""
    return DatasetRequest(
        target=options.target,
        group=options.group,
        manifest=options.manifest,
        features=tuple(options.features),
        log10=not options.no_log,
        target_from_name=options.target_from_name,
        classes=options.classes,
        cuts=tuple(options.cuts),
        per_micrograph=options.per_micrograph,
        where=tuple(options.where),
        id_column=options.id_column,
    )


def add_level(command: argparse.ArgumentParser) -> None:
    """Of prediction intervals."""
    command.add_argument(
        "--level",
        type=share,
        default=0.8,
        metavar="P",
        help="of the prediction intervals; n groups allow at most 1 - 1/(n + 1) (default 0.8)",
    )


def _at_least_two(text: str) -> int:
    """A whole number from 2."""
    if not text.isdecimal() or int(text) < 2:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, 2 or more")
    return int(text)
