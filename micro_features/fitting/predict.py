"""The command `predict`: a property from a table of features, or from pictures, by a model on disk.

A model knows features as they were measured in its training. What was measured otherwise is refused, and the difference
named.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from micro_features import pipeline, runs
from micro_features.batch import Failure
from micro_features.errors import ArtefactError, FeatureTableError, OutputError
from micro_features.files.artefacts import check_new_model
from micro_features.files.figures import write_figure
from micro_features.files.journal import commands_run
from micro_features.files.tables import TABLE_SUFFIXES, write_table
from micro_features.fitting import property_model
from micro_features.fitting.card import WAYS, in_pixel_scales, said_score, span
from micro_features.fitting.choosing import candidates
from micro_features.fitting.joining import Joined, read_joined
from micro_features.fitting.origin import differences, origin_of
from micro_features.fitting.property_model import PropertyModel
from micro_features.fitting.result_figures import plain, waterfall
from micro_features.fitting.selecting import some
from micro_features.learn.target import native_values, quantity_and_unit
from micro_features.results import TABLE_NAMES
from micro_features.settings import Settings

OUTSIDE_SETTINGS = "outside the settings this model was trained with"
OF_TRAINING = "named as a training row: it was fitted, not foretold"
NOTHING_MEASURED = "none of the model's features was measured: no prediction"
TABLE_NAME = "predictions.csv"

_SAME_PIXEL = 1.05
"""Pixels whose sizes differ by no larger factor are taken for one magnification."""
_SHOWN = 20
MOST_WATERFALLS = 20


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes
    ----------
    paths : tuple of Path
        One table, or pictures and folders of pictures.
    model : str
        Name of one that ships, or path of a folder.
    output : Path or None
        New table of predictions; of pictures a folder, which holds the measured features, too.
    level : float
        Of the intervals.
    check_settings : bool
        Refuse rows that were measured with other settings; else they are marked.
    explain : Path or None
        New folder for attributions and waterfalls.
    id_column : str or None
        Names the rows of a table without ``micrograph_id``.
    pixel_um, pixel_size_table, uncalibrated, n_workers, command_line
        Of pictures; as in `runs.run`.
    """

    paths: tuple[Path, ...]
    model: str
    output: Path | None = None
    level: float = 0.8
    check_settings: bool = True
    explain: Path | None = None
    id_column: str | None = None
    pixel_um: float | None = None
    pixel_size_table: Path | None = None
    uncalibrated: bool = False
    n_workers: int | None = None
    command_line: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Result:
    """What was predicted.

    Attributes
    ----------
    model : PropertyModel
    table : DataFrame
        A row a micrograph: ``micrograph_id``, the columns of `property_model.predict`, ``warning``.
    written : Path or None
    notes : list of str
    failures : list of Failure
        Pictures that could not be measured.
    interrupted : bool
    """

    model: PropertyModel
    table: pd.DataFrame
    written: Path | None = None
    notes: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    interrupted: bool = False

    def lines(self) -> Iterator[str]:
        """For a person to read."""
        yield from _lines(self)


def predict(request: Request) -> Result:
    """Predict a property of micrographs.

    Parameters
    ----------
    request : Request

    Returns
    -------
    Result

    Raises
    ------
    ArtefactError
        The model is missing, damaged or of another version; or pictures can not be measured as in its training.
    FeatureTableError
        The table is not one that the model can be asked about.
    SettingsError
        The model has too few groups for the level.
    OutputError
        The output exists, or can not be written.
    """
    model = property_model.load(request.model)
    if request.explain is not None:
        check_new_model(request.explain)
    tables = [path for path in request.paths if path.suffix.lower() in (*TABLE_SUFFIXES, ".xls") and not path.is_dir()]
    if tables and len(request.paths) > 1:
        raise FeatureTableError(f"{tables[0]}: name one table, or pictures; not both, and no second table.")
    if tables:
        if request.output is not None and request.output.exists():
            raise OutputError(f"{request.output}: exists; name another file.")
        result = Result(model, predict_table(model, tables[0], request), notes=_model_notes(model))
        written, measured = request.output, tables[0]
    else:
        result, written = _predict_pictures(model, request)
        measured = written.with_name(TABLE_NAMES["extract"])
    if written is not None:
        write_table(written, result.table)
    if request.explain is not None and len(result.table):
        explain_table(model, measured, request)
        result.notes.append(f"why: {request.explain}")
    return replace(result, written=written)


def predict_table(model: PropertyModel, table: Path, request: Request) -> pd.DataFrame:
    """Check that a table is what the model was trained for, and predict its rows.

    Parameters
    ----------
    model : PropertyModel
    table : Path
    request : Request
        For level, ids, and whether settings are checked.

    Returns
    -------
    DataFrame
        As in `Result`.

    Raises
    ------
    FeatureTableError
        A column is missing, or in other units; a cell is infinite or no number; rows were measured otherwise.
    """
    X, warnings = _features(model, table, request)
    predicted = property_model.predict(model, X, level=request.level)
    predicted.insert(0, "micrograph_id", list(X.index))
    return predicted.assign(warning=warnings).reset_index(drop=True)


def explain_table(model: PropertyModel, table: Path, request: Request) -> None:
    """Write why each row of a table is predicted as it is: attributions of all, waterfalls of the first ones.

    Parameters
    ----------
    model : PropertyModel
    table : Path
        That `predict_table` takes.
    request : Request
        With `explain`, a new folder.

    Raises
    ------
    OutputError
        The folder can not be written.
    """
    assert request.explain is not None
    X, _ = _features(model, table, request)
    found = property_model.attribute(model, X)
    values = pd.DataFrame(found.values, columns=list(found.names))
    values.insert(0, "micrograph_id", list(found.ids))
    values.insert(1, "base", found.base)
    values.insert(2, "sum", found.base + found.values.sum(axis=1))
    write_table(request.explain / "attributions.csv", values)
    units = {feature.name: feature.unit for feature in model.features}
    for row, name in enumerate(found.ids[:MOST_WATERFALLS]):
        total = float(values["sum"].iloc[row])
        said = (
            ""
            if model.class_names
            else f": {native_values(np.array(total), model.target.log10):.3g} {model.target.unit}"
        )
        figure = waterfall(
            found,
            row,
            X[list(found.names)].iloc[row].to_numpy(float),
            units=[units[feature] for feature in found.names],
            target=model.target,
            title=f"{name}{said}",
        )
        write_figure(request.explain / "figures" / f"waterfall_{row + 1:02}_{plain(name)}", figure)


def _features(model: PropertyModel, table: Path, request: Request) -> tuple[pd.DataFrame, list[str]]:
    """The model's columns of a table, by id, and a warning for each row."""
    joined = read_joined(table, None, request.id_column)
    _check_columns(model, joined)
    digests = joined.text.get("settings_digest", [None] * len(joined.ids))
    different = differences(model.extraction, digests, origin_of(table))
    if request.check_settings:
        _refuse(joined, different)
    rows = np.arange(len(joined.ids))
    X = candidates(joined, rows, model.columns, {}).values.set_axis(list(joined.ids), axis=0)
    return X, row_warnings(model, joined.table, X, [bool(reason) for reason in different])


# ---- pictures --------------------------------------------------------------------------------------------------------


def _predict_pictures(model: PropertyModel, request: Request) -> tuple[Result, Path]:
    if request.output is None or request.output.suffix.lower() in TABLE_SUFFIXES:
        raise OutputError(f"{request.output or 'output'}: name a folder with -o; what is measured is kept there.")
    written = request.output / TABLE_NAME
    if written.exists() and "extract" not in commands_run(request.output):
        raise OutputError(f"{written}: exists, and was not written by `predict`; name another folder.")
    settings = training_settings(model)
    notes = _model_notes(model)
    if model.extraction.models_digest is None and pipeline.models_used(settings):
        notes.append("which segmentation models measured the training pictures is not known")
    elif request.check_settings:
        check_segmentation(model, settings)
    summary = runs.run(
        "extract",
        request.paths,
        request.output,
        settings,
        pixel_um=request.pixel_um,
        pixel_size_table=request.pixel_size_table,
        uncalibrated=request.uncalibrated,
        ignore_tuned=True,  # a model knows pictures as those of its training were measured
        n_workers=request.n_workers,
        command_line=request.command_line,
    )
    done = summary.done + summary.unchanged + summary.kept
    table = predict_table(model, summary.place.table, request) if done else pd.DataFrame(columns=["micrograph_id"])
    notes += [*summary.notes, f"features: {summary.place.table}"]
    return Result(model, table, None, notes, summary.failures, summary.interrupted), written


def training_settings(model: PropertyModel) -> Settings:
    """The settings with which the training pictures were measured.

    Raises
    ------
    ArtefactError
        They are not known, or this version of the program has others.
    """
    digests, values = model.extraction.settings_digests, model.extraction.settings
    if len(digests) != 1:
        why = "was trained on rows measured with different settings" if digests else "was trained on a table of numbers"
        raise ArtefactError(f"{model.name}: {why}, so pictures can not be measured for it; give it a table.")
    settings = Settings.from_mapping(values, f"settings of {model.name}") if values is not None else None
    if settings is None or settings.digest != digests[0]:
        raise ArtefactError(
            f"{model.name}: the settings of its training pictures ({digests[0]}) are not known to this version of the "
            "program; give it a table that was measured with them."
        )
    return settings


def check_segmentation(model: PropertyModel, settings: Settings) -> None:
    """That grains and pores are found here by the same weights as in training; ArtefactError."""
    trained, today = model.extraction.models_digest or {}, pipeline.models_used(settings)
    for what in sorted(trained.keys() | today.keys()):
        if trained.get(what) != today.get(what):
            raise ArtefactError(
                f"{model.name}: {what} of its training pictures were found by weights {trained.get(what)}, here "
                f"{getattr(settings, what).model} has {today.get(what)}; fit the model anew on features of today."
            )


# ---- what a table must be --------------------------------------------------------------------------------------------


def _check_columns(model: PropertyModel, joined: Joined) -> None:
    """All columns are there, in the units of the training, in every row."""
    columns = [str(name) for name in joined.table.columns]
    others = {name: _in_other_units(name, columns) for name in model.columns}
    missing = [name for name in model.columns if name not in columns]
    if missing:
        told = [f"{name} (there is {others[name][0]}, in other units)" if others[name] else name for name in missing]
        raise FeatureTableError(
            f"{joined.file}: {len(missing)} of the {len(model.columns)} columns that {model.name} needs are missing: "
            f"{some(told)}; measure them as in training."
        )
    for name in model.columns:
        for other in others[name]:
            rows = (joined.table[name].isna() & joined.table[other].notna()).to_numpy()
            if rows.any():
                ids = [joined.ids[row] for row in np.flatnonzero(rows)]
                raise FeatureTableError(
                    f"{joined.file}: column {name!r} is empty and {other!r} is filled in {rows.sum()} rows "
                    f"({some(ids)}): these were measured in other units than the model's; measure them as in training."
                )


def _in_other_units(name: str, columns: list[str]) -> list[str]:
    quantity = quantity_and_unit(name)[0]
    return [other for other in columns if other != name and quantity_and_unit(other)[0] == quantity]


def _refuse(joined: Joined, different: list[str]) -> None:
    for reason in dict.fromkeys(different):
        if reason:
            ids = [name for name, why in zip(joined.ids, different, strict=True) if why == reason]
            which = "all rows" if len(ids) == len(joined.ids) else f"{len(ids)} rows ({some(ids)})"
            raise FeatureTableError(f"{joined.file}: {which}: {reason}. Extract them with the model's settings.")


# ---- what a reader must know of a row --------------------------------------------------------------------------------


def row_warnings(model: PropertyModel, table: pd.DataFrame, X: pd.DataFrame, otherwise: Sequence[bool]) -> list[str]:
    """What a reader must know of each prediction, beside whether it resembles the training.

    Parameters
    ----------
    model : PropertyModel
    table : DataFrame
        A row a micrograph; of its columns ``pixel_um`` is looked at.
    X : (m, k) DataFrame of float
        The model's columns, by id.
    otherwise : (m,) sequence of bool
        Whether a row was measured otherwise than in training.

    Returns
    -------
    list of str
        Empty where nothing speaks against it.
    """
    sizes = _pixel_warnings(model, table)
    never_missing = [feature.name for feature in model.features if not feature.missing]
    final = [model.columns[i] for i in model.final.choice.columns]
    empty, blank = X[never_missing].isna(), X[final].isna().all(axis=1)
    found = []
    for row in range(len(X)):
        said = [OUTSIDE_SETTINGS] if otherwise[row] else []
        said += [OF_TRAINING] if X.index[row] in model.training_ids else []
        if blank.iloc[row]:
            said.append(NOTHING_MEASURED)
        else:
            names = [name for name, gone in zip(never_missing, empty.iloc[row], strict=True) if gone]
            said += [f"missing, which it never was in training: {some(names)}"] if names else []
            said += [sizes[row]] if sizes[row] else []
        found.append("; ".join(said))
    return found


def _pixel_warnings(model: PropertyModel, table: pd.DataFrame) -> list[str]:
    """Where features at scales of pixels come from another magnification."""
    trained = model.extraction.pixel_um
    if trained is None or not any(map(in_pixel_scales, model.columns)):
        return [""] * len(table)
    known = span(trained)
    told = []
    sizes = table.get("pixel_um", pd.Series(np.nan, index=table.index))
    for size in pd.to_numeric(sizes, errors="coerce"):
        if np.isnan(size):
            told.append(f"pixel size not known; in training {known} µm")
        elif not trained[0] / _SAME_PIXEL <= size <= trained[1] * _SAME_PIXEL:
            told.append(f"other magnification: pixel {size:.4g} µm, in training {known} µm")
        else:
            told.append("")
    return told


def _model_notes(model: PropertyModel) -> list[str]:
    notes = ["the model knows what resembles its training; another material can look alike, and no flag tells"]
    if model.of_samples:
        notes.append(
            "trained on means over the pictures of a sample: single pictures scatter more than the intervals say"
        )
    return notes


def _lines(result: Result) -> Iterator[str]:
    model, table = result.model, result.table
    own = model.scores["models"][model.scores["explained_model"]]
    way = next(way for way in WAYS if way in own)
    key, name = ("balanced_accuracy", "balanced accuracy") if model.class_names else ("r2", "R²")
    yield f"model {model.name}: {model.target.name}, {name} {said_score(own[way][key])} with {WAYS[way]}"
    for failure in result.failures:
        yield f"  {' '.join(failure.path.split())}: {failure.stage}: {failure.reason}"
    if len(table):
        for _, row in table.head(_SHOWN).iterrows():
            yield f"  {_row(model, row)}"
        if len(table) > _SHOWN:
            yield f"  and {len(table) - _SHOWN} more"
        yield f"{len(table)} rows, {int((~table['in_domain'].astype(bool)).sum())} of them unlike the training rows"
    yield from result.notes
    if result.written is not None:
        yield f"predictions: {result.written}"


def _row(model: PropertyModel, row: pd.Series) -> str:
    said = []
    if model.class_names:
        name = row[model.predicted_column]
        said = [f"{name} (probability {row[f'probability_{name}']:.2f})"] if isinstance(name, str) else []
    elif np.isfinite(row[model.predicted_column]):
        unit = f" {model.target.unit}" if model.target.unit else ""
        between = f"{row['interval_low']:.3g} to {row['interval_high']:.3g}"
        said = [f"{row[model.predicted_column]:.3g}{unit} ({100 * row['level']:g} %: {between})"]
        said += [row["range"]] if row["range"] else []
    said += ["unlike the training rows"] if said and not row["in_domain"] else []
    said += [row["warning"]] if row["warning"] else []
    return f"{row['micrograph_id']}: {'; '.join(said)}"
