"""A model of a property on disk, and what it predicts.

FOLDER/model.ubj        the booster that was fitted to all rows
FOLDER/fold-NN.ubj      those of the cross-validation, each without one fold: prediction intervals come from them
FOLDER/schema.json      what it predicts, from which columns, and what it was trained on
FOLDER/scores.json      how good it is
FOLDER/card.md          the same, for people
FOLDER/provenance.json  program, command, versions
FOLDER/checksums.json   SHA-256 of each of these files
"""

import datetime
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from micro_features import __version__
from micro_features.data import Attributions
from micro_features.errors import ArtefactError
from micro_features.files.artefacts import check_new_model, model_folder, read_checked_model, write_checked_model
from micro_features.files.tables import read_table
from micro_features.fitting import scores_file, uncertainty
from micro_features.fitting.card import card
from micro_features.fitting.explaining import contributions, unit_of_attributions
from micro_features.fitting.fit import Fit
from micro_features.fitting.origin import Extraction, origin_of, settings_values
from micro_features.learn.intervals import Domain, below_range, check_level, distance, domain_from_json, domain_to_json
from micro_features.learn.tabular import BoostedTrees
from micro_features.learn.target import Target, native_values
from micro_features.learn.validate import Choice, Chosen
from micro_features.results import versions

FORMAT = 1
FINAL = "model.ubj"
BELOW_RANGE = "at or below the training range"
_DIGITS = 9  # of stored numbers that predictions are made from


class Feature(NamedTuple):
    """A column that the model asks for.

    Attributes
    ----------
    name, unit, phase : str
    assumed_sign : str
        ``rising``, ``falling``, or empty where the data decided.
    lowest, highest : float
        In training.
    missing : int
        Training rows without it.
    """

    name: str
    unit: str
    phase: str
    assumed_sign: str
    lowest: float
    highest: float
    missing: int


@dataclass(frozen=True, eq=False)
class PropertyModel:
    """A model as it is used.

    Attributes
    ----------
    name : str
        As it was asked for: a name or a path.
    target : Target
    class_names : tuple of str
        Of a model of classes; empty for regression.
    features : tuple of Feature
    final : Chosen
        Columns are counted in `features`; so are those of `folds`.
    folds : list of Chosen
        Empty for classes.
    known : Residuals or None
        What intervals are made from; None for classes.
    measured : (n,) float array
        Targets of the training rows, model units.
    domain : Domain
        In the columns of `final`.
    extraction : Extraction
    training_ids : frozenset of str
        Of the training rows.
    of_samples : bool
        Whether a training row was the mean over the pictures of a sample.
    scores : dict
        As `scores_file.scores` gives them.
    """

    name: str
    target: Target
    class_names: tuple[str, ...]
    features: tuple[Feature, ...]
    final: Chosen
    folds: list[Chosen]
    known: uncertainty.Residuals | None
    measured: np.ndarray
    domain: Domain
    extraction: Extraction
    training_ids: frozenset[str]
    of_samples: bool
    scores: dict[str, Any]

    @property
    def predicted_column(self) -> str:
        """Where a table of predictions has them."""
        return "predicted_class" if self.class_names else f"predicted_{self.target.name}"

    @property
    def columns(self) -> list[str]:
        """Names of the features."""
        return [feature.name for feature in self.features]


def save(fit: Fit, folder: Path, command_line: Sequence[str] = ()) -> None:
    """Write the model of a fit into a new folder.

    Parameters
    ----------
    fit : Fit
    folder : Path
    command_line : sequence of str
        For the provenance.

    Raises
    ------
    OutputError
        The folder holds something, or can not be written.
    """
    check_new_model(folder)
    boosters = {FINAL: fit.final}
    if not fit.problem.n_classes:
        boosters |= {f"fold-{number:02}.ubj": model for number, model in enumerate(fit.run.models)}
    schema, scores = _schema(fit, boosters), scores_file.scores(fit)
    provenance = {
        "software": f"micro-features {__version__}",
        "command": [os.fsencode(word).decode("utf-8", "backslashreplace") for word in command_line],
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "seconds": round(fit.seconds, 3),
        "seed": fit.request.seed,
        **versions(),
    }
    files = {name: bytes(_trees(model).booster.save_raw("ubj")) for name, model in boosters.items()}
    files |= {
        "schema.json": _listed(schema).encode(),
        "scores.json": (json.dumps(scores, indent=1, ensure_ascii=False) + "\n").encode(),
        "card.md": card(schema, scores).encode(),
        "provenance.json": (json.dumps(provenance, indent=1, ensure_ascii=False) + "\n").encode(),
    }
    write_checked_model(folder, files)


def load(model: str) -> PropertyModel:
    """Read a model that `save` wrote.

    Parameters
    ----------
    model : str
        Name of one that ships, or path of a folder.

    Raises
    ------
    ArtefactError
        There is none, or a file of it is missing, was changed or is of another version of the program.
    """
    folder = model_folder(model)
    files = read_checked_model(folder)
    try:
        schema = json.loads(files["schema.json"])
        if schema["format"] != FORMAT:
            raise ArtefactError(
                f"{folder / 'schema.json'}: is of format {schema['format']}, this version reads {FORMAT}; update the "
                "program, or fit the model anew."
            )
        return _restored(model, folder, schema, files)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise ArtefactError(
            f"{folder / 'schema.json'}: is not what `fit` writes ({type(error).__name__}: {error}); fit the model anew."
        ) from error


def predict(model: PropertyModel, X: pd.DataFrame, *, level: float = 0.8) -> pd.DataFrame:
    """Predict a property from features, without asking where they come from.

    Parameters
    ----------
    model : PropertyModel
    X : (m, k) DataFrame of float
        All columns of the model, in their units, finite or NaN; other columns are not looked at.
    level : float
        Of the intervals.

    Returns
    -------
    DataFrame
        Index of X. For regression ``predicted_TARGET``, ``interval_low``, ``interval_high`` in the target's own unit,
        and ``level``; for classes ``predicted_class``, and ``probability_NAME`` of each. Then ``in_domain``,
        ``domain_distance_over_limit`` (above 1 outside) and, for regression, ``range`` (`BELOW_RANGE` or empty).
        A row that has none of the columns of the final model gets no prediction: missing.

    Raises
    ------
    SettingsError
        So few groups do not allow the level.
    """
    values = X[model.columns].to_numpy(float)
    blank = np.isnan(values[:, model.final.choice.columns]).all(axis=1)
    answer = model.final.predict(values)
    found: dict[str, Any] = {}
    if model.known is None:
        names = np.array(model.class_names, dtype=object)
        found[model.predicted_column] = np.where(blank, None, names[answer.argmax(axis=1)])
        found |= {
            f"probability_{name}": np.where(blank, np.nan, answer[:, i]) for i, name in enumerate(model.class_names)
        }
    else:
        check_level(level, len(np.unique(model.known.groups)))
        ends = (answer, *uncertainty.interval(model.known, model.folds, values, level))
        for name, end in zip((model.predicted_column, "interval_low", "interval_high"), ends, strict=True):
            found[name] = np.where(blank, np.nan, native_values(end, model.target.log10))
        found["level"] = level
    away = distance(model.domain, values[:, model.final.choice.columns])
    found["in_domain"] = (away <= model.domain.limit) & ~blank
    # A limit of 0, where all training rows have equals in other groups, is exceeded infinitely.
    with np.errstate(divide="ignore", invalid="ignore"):
        found["domain_distance_over_limit"] = np.where(blank, np.nan, np.where(away > 0, away / model.domain.limit, 0))
    if model.known is not None:
        below = below_range(answer, model.measured, model.known.groups) & ~blank
        found["range"] = np.where(below, BELOW_RANGE, "")
    return pd.DataFrame(found, index=X.index)


def attribute(model: PropertyModel, X: pd.DataFrame) -> Attributions:
    """What moves the predictions of rows away from the mean of the training.

    Parameters
    ----------
    model : PropertyModel
    X : (m, k) DataFrame of float
        As for `predict`; its index holds the ids.

    Returns
    -------
    Attributions
        Of the columns that the final model uses; without bands.
    """
    values, base = contributions(model.final, X[model.columns].to_numpy(float))
    used = list(model.final.choice.columns)
    names = [model.columns[column] for column in used]
    unit = unit_of_attributions(model.target, model.class_names)
    return Attributions(values[:, used], base, tuple(names), unit, tuple(map(str, X.index)), "TreeSHAP")


def _trees(model: Chosen) -> BoostedTrees:
    assert isinstance(model.fitted, BoostedTrees)
    return model.fitted


def _schema(fit: Fit, boosters: Mapping[str, Chosen]) -> dict[str, Any]:
    dataset, task = fit.dataset, fit.request.task
    names = list(dataset.X.columns)
    used = sorted({column for model in boosters.values() for column in model.choice.columns})
    signs = {1: "rising", -1: "falling"}
    training: dict[str, Any] = {
        "table": fit.request.table.name,
        "table_sha256": hashlib.sha256(fit.request.table.read_bytes()).hexdigest(),
        "pictures_sha256": _pictures(fit),
        "of_samples": sum(map(len, dataset.members.values())) > len(dataset.ids),
        "surfaces": {name: dataset.surface.count(name) for name in sorted(set(dataset.surface))},
        "ids": list(dataset.ids),
        "group_names": list(dict.fromkeys(dataset.group_names)),
        "groups": dataset.groups.tolist(),
        "measured": _rounded(dataset.y),
    }
    if not fit.problem.n_classes:
        known = uncertainty.residuals(dataset, fit.run, fit.first.fold)
        training |= {"folds": known.fold.tolist(), "residuals": _rounded(known.residual)}
    domain = uncertainty.domain_of(dataset.X.to_numpy(float), dataset.groups, fit.final)
    return {
        "format": FORMAT,
        "target": {"name": dataset.target.name, "unit": dataset.target.unit, "log10": dataset.target.log10},
        "task": task,
        "class_names": list(dataset.class_names),
        "cuts": list(dataset.cuts),
        "group": fit.request.data.group,
        "features": [
            Feature(
                name=names[column],
                unit=dataset.units[names[column]],
                phase=dataset.phases[names[column]],
                assumed_sign=signs.get(fit.assumed.get(names[column], 0), ""),
                lowest=float(dataset.X.iloc[:, column].min()),
                highest=float(dataset.X.iloc[:, column].max()),
                missing=int(dataset.X.iloc[:, column].isna().sum()),
            )._asdict()
            for column in used
        ],
        "boosters": {
            name: {
                "columns": [names[column] for column in model.choice.columns],
                "subset": model.choice.subset,
                "variant": dict(model.choice.variant),
            }
            for name, model in boosters.items()
        },
        "training": training,
        "domain": domain_to_json(domain),
        "extraction": vars(_extraction(fit)),
    }


def _extraction(fit: Fit) -> Extraction:
    dataset, origin = fit.dataset, origin_of(fit.request.table)
    digests = dataset.settings_digests
    one = digests[0] if len(digests) == 1 else ""
    sizes = dataset.confounders["pixel_um"].dropna() if "pixel_um" in dataset.confounders else ()
    return Extraction(
        settings_digests=digests,
        settings=settings_values(one, origin),
        models_digest=origin.models_digest if one and one == origin.digest else None,
        pixel_um=(float(min(sizes)), float(max(sizes))) if len(sizes) else None,
    )


def _pictures(fit: Fit) -> dict[str, str | None]:
    """Hash of each training picture, null where the provenance beside the table does not tell it."""
    hashes = origin_of(fit.request.table).inputs_sha256
    table = read_table(fit.request.table, as_text=True)
    paths = {}
    if hashes and {"micrograph_id", "path"} <= set(table.columns):
        paths = dict(zip(table["micrograph_id"], table["path"], strict=True))
    members = [name for row in fit.dataset.ids for name in fit.dataset.members[row]]
    return {name: hashes.get(str(paths.get(name))) for name in members}


def _rounded(values: np.ndarray) -> list[float]:
    return [float(f"{value:.{_DIGITS}g}") for value in values]


def _listed(content: Mapping[str, Any]) -> str:
    """JSON with a line for each entry, and for each entry of what is nested in it."""

    def nested(value: Any) -> str:
        if isinstance(value, dict) and value:
            return "{\n  " + ",\n  ".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in value.items()) + "\n }"
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return "[\n  " + ",\n  ".join(map(json.dumps, value)) + "\n ]"
        return json.dumps(value)

    return "{\n " + ",\n ".join(f"{json.dumps(name)}: {nested(value)}" for name, value in content.items()) + "\n}\n"


def _restored(name: str, folder: Path, schema: dict[str, Any], files: Mapping[str, bytes]) -> PropertyModel:
    features = tuple(Feature(**feature) for feature in schema["features"])
    place = {feature.name: i for i, feature in enumerate(features)}
    class_names = tuple(schema["class_names"]) if schema["task"] == "classes" else ()
    chosen = {}
    for file, told in schema["boosters"].items():
        choice = Choice(told["subset"], tuple(place[c] for c in told["columns"]), told["variant"], float("nan"))
        booster = _booster(folder / file, files[file], len(choice.columns))
        chosen[file] = Chosen(choice, BoostedTrees(booster, len(class_names)))
    final = chosen.pop(FINAL)
    training, extraction = schema["training"], dict(schema["extraction"])
    groups, measured = np.array(training["groups"], int), np.array(training["measured"], float)
    known = None
    if not class_names:
        residual, fold = np.array(training["residuals"], float), np.array(training["folds"], int)
        known = uncertainty.Residuals(residual, fold, groups)
        if not len(residual) == len(fold) == len(groups) == len(measured) or len(np.unique(fold)) != len(chosen):
            raise ValueError("training rows and folds do not fit")
    try:
        domain = domain_from_json(schema["domain"])
    except ArtefactError as error:
        raise ArtefactError(f"{folder / 'schema.json'} {error}") from None
    if len(domain.centre) != len(final.choice.columns):
        raise ValueError("columns of the model and of its domain do not fit")
    size = extraction["pixel_um"]
    return PropertyModel(
        name=name,
        target=Target(**schema["target"]),
        class_names=class_names,
        features=features,
        final=final,
        folds=list(chosen.values()),
        known=known,
        measured=measured,
        domain=domain,
        extraction=Extraction(
            tuple(extraction["settings_digests"]),
            extraction["settings"],
            extraction["models_digest"],
            (size[0], size[1]) if size else None,
        ),
        training_ids=frozenset(map(str, training["ids"])),
        of_samples=bool(training["of_samples"]),
        scores=json.loads(files["scores.json"]),
    )


def _booster(path: Path, content: bytes, n_columns: int) -> Any:
    """Only bytes whose checksum was right: XGBoost takes them on trust."""
    import xgboost

    booster = xgboost.Booster({"nthread": 1})
    try:
        booster.load_model(bytearray(content))
    except xgboost.core.XGBoostError:
        raise ArtefactError(f"{path}: XGBoost can not read it; fit the model anew.") from None
    if booster.num_features() != n_columns:
        raise ArtefactError(f"{path}: asks for {booster.num_features()} columns, schema.json names {n_columns}.")
    return booster
