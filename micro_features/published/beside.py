"""The published method beside XGBoost with SHAP and the network with Grad-CAM: same folds, same pictures."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from micro_features.comparison.answers import of_rows
from micro_features.errors import FeatureTableError
from micro_features.explain.compare import rank_correlation
from micro_features.explain.enrichment import over_groups
from micro_features.files.tables import read_table
from micro_features.fitting.dataset import Dataset
from micro_features.learn.folds import codes
from micro_features.learn.scores import regression_scores
from micro_features.learn.target import model_values
from micro_features.network.beside import TRAINING_MEAN, needs_no_picture
from micro_features.published import scoring
from micro_features.published.answer import Answer
from micro_features.published.samples import Samples
from micro_features.published.scoring import Answers

PUBLISHED, XGBOOST, CNN = "published method", "XGBoost with SHAP", "CNN with Grad-CAM"
STEPS, SHAP, GRAD_CAM = "published", "SHAP", "Grad-CAM"
"""What each names causes by."""
STRUCTURE = {"pore": ("pore",), "grain structure": ("grain", "boundary")}
"""What is compared -> phases of the parameters; as `explain` sums SHAP values."""
_LEAN = {"pore": "lean_pore", "grain structure": "lean_boundary"}
_SHAP = {"pore": "shap_pore", "grain structure": "shap_grain_structure"}
_VERDICT = {"pore": "pore", "grain structure": "boundary"}
_SAME = 1e-6  # relative; tables hold ten digits
_SAME_FIT = 1e-3  # relative; the trees are grown again


@dataclass(frozen=True, eq=False)
class Explained:
    """What `explain` wrote.

    Attributes
    ----------
    folder : Path
    rows : DataFrame
        What it says of each picture, in the order of the data set; of pictures of one sample that were explained
        together, the same.
    row : (n,) int array
        Which pictures were explained together.
    comparison : dict
    """

    folder: Path
    rows: pd.DataFrame
    row: np.ndarray
    comparison: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Beside:
    """Side by side.

    Attributes
    ----------
    methods : DataFrame
        method, accuracy, balanced (each with _low, _high), seconds, time (in words).
    agreements : DataFrame
        one, other, phase, low, value, high, said.
    notes : tuple of str
    """

    methods: pd.DataFrame
    agreements: pd.DataFrame
    notes: tuple[str, ...]


def read_explained(folder: Path, dataset: Dataset) -> Explained:
    """What `explain` found on the same pictures.

    Parameters
    ----------
    folder : Path
    dataset : Dataset

    Raises
    ------
    FeatureTableError
        It is no such folder, or one of other pictures.
    """
    rows_file, pictures_file, said = folder / "rows.csv", folder / "pictures.csv", folder / "comparison.json"
    missing = [path.name for path in (rows_file, pictures_file, said) if not path.is_file()]
    if missing:
        raise FeatureTableError(f"{folder}: has no {', '.join(missing)}; name the folder that `explain -o` wrote.")
    try:
        comparison = json.loads(said.read_text(encoding="utf-8"))
        comparison["models"]["at_chance"], comparison["primary"]["by_phase"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise FeatureTableError(
            f"{said}: is not what `explain` writes ({type(error).__name__}); run it anew."
        ) from None
    rows = read_table(rows_file)
    measured = f"measured_{dataset.target.name}"
    wanted = [
        "id",
        measured,
        "predicted_by_network",
        "predicted_by_features",
        "predicted_by_structure",
        *_LEAN.values(),
        *_SHAP.values(),
    ]
    absent = [name for name in wanted if name not in rows]
    if absent:
        raise FeatureTableError(f"{rows_file}: no column {absent[0]!r}; run `explain` anew.")
    rows.index = read_table(rows_file, as_text=True)["id"].astype(str)
    pictures = read_table(pictures_file, as_text=True)
    absent = [name for name in ("micrograph_id", "row") if name not in pictures]
    if absent:
        raise FeatureTableError(f"{pictures_file}: no column {absent[0]!r}; run `explain` anew.")
    row_of = dict(zip(pictures["micrograph_id"].astype(str), pictures["row"].astype(str), strict=True))
    if set(row_of) != set(dataset.ids) or not set(row_of.values()) <= set(rows.index):
        raise FeatureTableError(
            f"{folder}: explains {len(row_of)} pictures, these data are {len(dataset.ids)}, and they are not the same; "
            "explain the same table."
        )
    of_picture = [row_of[name] for name in dataset.ids]
    rows = rows.loc[of_picture]
    if not np.allclose(rows[measured].to_numpy(float), dataset.y_native, rtol=_SAME):
        raise FeatureTableError(f"{rows_file}: {measured} is not that of these data; run `explain` anew.")
    return Explained(folder, rows, codes(of_picture)[0], comparison)


def check_same_fit(explained: Explained, fit: Path, target: str) -> None:
    """Refuse a fit other than the one that was explained: its folds would be others.

    Parameters
    ----------
    explained : Explained
    fit : Path
        Folder that `fit` wrote.
    target : str

    Raises
    ------
    FeatureTableError
    """
    table = read_table(fit / "predictions.csv")
    ids = read_table(fit / "predictions.csv", as_text=True).iloc[:, 0].astype(str)
    column = next((name for name in ("predicted_grouped_5fold", f"predicted_{target}") if name in table), None)
    if column is None:
        raise FeatureTableError(f"{fit / 'predictions.csv'}: no column 'predicted_{target}'; fit anew.")
    of_fit = dict(zip(ids, table[column].to_numpy(float), strict=True))
    known = explained.rows[~explained.rows.index.duplicated()]["predicted_by_features"]
    if not all(name in of_fit and np.isclose(of_fit[name], value, rtol=_SAME_FIT) for name, value in known.items()):
        raise FeatureTableError(
            f"{explained.folder}: was not made from the fit {fit}, whose predictions differ; give the fit that was "
            "explained."
        )


def beside_of(
    explained: Explained,
    samples: Samples,
    answers: Answers,
    scores: Mapping[str, Any],
    answer: Answer,
    seconds: Mapping[str, float],
    fit: Path,
) -> Beside:
    """Accuracies and named causes of the three methods on what the published one was asked about.

    Pictures that were explained together, those of one sample, have one answer: of what the published method says of
    them the mean.

    Parameters
    ----------
    explained : Explained
    samples : Samples
    answers : Answers
        Of the protocol that leaves groups out.
    scores : mapping
        Of the same.
    answer : Answer
    seconds : mapping
        Of the protocols, of one process.
    fit : Path
        Folder that `fit` wrote.
    """
    dataset = samples.dataset
    models = explained.comparison["models"]
    asked = np.isfinite(answers.pictures["steps"]).all(axis=1)
    together = _Together(explained.row[asked])
    classes, groups, y = (together.first(each[asked]) for each in (dataset.classes, dataset.groups, dataset.y))

    def of_classes(given: np.ndarray) -> dict[str, Any]:
        return scoring.scored(classes, together.mean(given[asked]), groups)

    def from_number(column: str) -> dict[str, Any]:
        told = together.first(explained.rows[column].to_numpy(float)[asked])
        predicted = model_values(told, dataset.target.log10)
        found = regression_scores(y, predicted, groups, cuts=dataset.model_cuts)
        return {name: list(found[name]) for name in scoring.METRICS}

    methods = [
        _row(
            f"{PUBLISHED}: tree of words",
            of_classes(answers.pictures["tree"]),
            seconds[answers.protocol],
            "of one process, without measuring pictures",
        ),
        _row(f"{PUBLISHED}: logistic steps", of_classes(answers.pictures["steps"]), math.nan, ""),
        _row(
            XGBOOST, from_number("predicted_by_features"), _seconds_of_fit(fit), "of `fit`, scores and checks with it"
        ),
        _row("XGBoost, pores and grains", from_number("predicted_by_structure"), math.nan, ""),
        _row(CNN, from_number("predicted_by_network"), _number(models.get("seconds_of_training")), "of `cnn train`"),
        *_own_classes(models, asked),
    ]
    for name, each in needs_no_picture(dataset, samples.fold).items():
        if each.probabilities is not None:
            called = scoring.COMMONEST if name == TRAINING_MEAN else name
            methods.append(_row(called, of_classes(each.probabilities), math.nan, ""))
    of_answer = np.isin(dataset.ids, answer.attributions.ids)
    pairs = _Together(explained.row[of_answer])
    rows, groups = explained.rows[of_answer], pairs.first(dataset.groups[of_answer])
    against = "; ".join(scores["against_the_answer"])
    of_shap, of_network = "; ".join(models["at_chance"]), _network_chance(models)
    agreements = []
    for what, phases in STRUCTURE.items():
        columns = [i for i, name in enumerate(answer.attributions.names) if samples.parameters.phases[name] in phases]
        own = pairs.mean(answer.attributions.values[:, columns].sum(axis=1))
        shap, lean = (pairs.first(rows[names[what]].to_numpy(float)) for names in (_SHAP, _LEAN))
        nothing = "" if columns else f"no parameter of {what} is known to the published method"
        agreements += [
            _agreement(STEPS, SHAP, what, own, shap, groups, [nothing, against, of_shap]),
            _agreement(STEPS, GRAD_CAM, what, own, lean, groups, [nothing, against, of_network]),
            _own_verdict(explained.comparison, what),
        ]
    return Beside(pd.DataFrame(methods), pd.DataFrame(agreements), _notes(models, len(classes), int(asked.sum())))


class _Together:
    """Pictures that were explained together, as one."""

    def __init__(self, row: np.ndarray) -> None:
        _, self._first, self._owner = np.unique(row, return_index=True, return_inverse=True)

    def first(self, values: np.ndarray) -> np.ndarray:
        """Of what is the same for them."""
        return values[self._first]

    def mean(self, values: np.ndarray) -> np.ndarray:
        return of_rows(values, self._owner, len(self._first))


def _row(name: str, told: Mapping[str, Any], seconds: float, time: str) -> dict[str, Any]:
    accuracy, balanced = told["accuracy"], told["balanced_accuracy"]
    return {
        "method": name,
        "accuracy_low": accuracy[0],
        "accuracy": accuracy[1],
        "accuracy_high": accuracy[2],
        "balanced_low": balanced[0],
        "balanced": balanced[1],
        "balanced_high": balanced[2],
        "seconds": seconds,
        "time": time,
    }


def _own_classes(models: Mapping[str, Any], asked: np.ndarray) -> list[dict[str, Any]]:
    """The network's own answer to the class, known for all rows together."""
    accuracy = models["network"].get("network", {}).get("class_accuracy")
    if accuracy is None or not asked.all():
        return []
    told = {"accuracy": [_number(end) for end in accuracy], "balanced_accuracy": [math.nan] * 3}
    return [_row(f"{CNN}, its own classes", told, math.nan, "")]


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _seconds_of_fit(fit: Path) -> float:
    try:
        return float(json.loads((fit / "scores.json").read_text(encoding="utf-8"))["seconds"])
    except (OSError, ValueError, LookupError, TypeError):
        return math.nan


def _network_chance(models: Mapping[str, Any]) -> str:
    return "; ".join(each for each in models["at_chance_with_all_features"] if "network" in each.lower())


def _agreement(
    one: str, other: str, phase: str, ours: np.ndarray, theirs: np.ndarray, groups: np.ndarray, against: Sequence[str]
) -> dict[str, Any]:
    """Rank correlation over pictures of what two methods attribute to a phase; words where it would mean nothing."""
    told = {
        "one": one,
        "other": other,
        "phase": phase,
        "low": math.nan,
        "value": math.nan,
        "high": math.nan,
        "said": "",
    }
    why = [each for each in against if each]
    known = np.isfinite(ours) & np.isfinite(theirs)
    ours, theirs, groups = ours[known], theirs[known], groups[known]
    if not len(ours) or not np.ptp(ours) or not np.ptp(theirs):
        why.append("one of them attributes nothing to it")
    if why:
        return told | {"said": f"not meaningful: {why[0]}"}
    pair = ours[:, None], theirs[:, None]
    low, value, high = over_groups(lambda rows: rank_correlation(pair[0][rows], pair[1][rows])[0], groups).tolist()
    return told | {"low": low, "value": value, "high": high}


def _own_verdict(comparison: Mapping[str, Any], phase: str) -> dict[str, Any]:
    """What `explain` itself says of SHAP and Grad-CAM."""
    told = {"one": SHAP, "other": GRAD_CAM, "phase": phase, "low": math.nan, "value": math.nan, "high": math.nan}
    primary = comparison["primary"]
    each = primary["by_phase"].get(_VERDICT[phase])
    meaningless = primary["verdict"] in ("not meaningful", "not resolvable")
    if each is None or meaningless or each["value"] is None:
        return told | {"said": ": ".join([primary["verdict"], *primary["reasons"][:1]])}
    ends = {name: math.nan if each[name] is None else each[name] for name in ("low", "value", "high")}
    return told | ends | {"said": f"(of all phases together: {primary['verdict']})"}


def _notes(models: Mapping[str, Any], n_rows: int, n_pictures: int) -> tuple[str, ...]:
    shares = ", ".join(f"{phase} {100 * share:.0f} %" for phase, share in models["shap_share_by_phase"].items())
    joined = f" Pictures of one sample count as one: {n_pictures} pictures, {n_rows} rows." * (n_rows < n_pictures)
    return (
        f"SHAP of the whole feature model by phase: {shares}. Texture has no counterpart among the study's parameters; "
        "the causes that are compared are those of the model of pores and grains alone.",
        "XGBoost and the network predict the number; their class is that in which it falls, beside the network's own "
        f"answer to the class. The published method predicts the class.{joined}",
        "Agreement is the rank correlation over pictures of what two methods attribute to a phase (decades; of the "
        "network, how far its heat leans on it). It says that two methods name the same cause, not that it is one.",
    )
