"""The published method beside XGBoost with SHAP and the network with Grad-CAM: same folds, same pictures."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from micro_features.errors import FeatureTableError
from micro_features.explain.compare import rank_correlation
from micro_features.explain.enrichment import over_groups
from micro_features.files.tables import read_table
from micro_features.fitting.dataset import Dataset
from micro_features.learn.folds import codes
from micro_features.learn.scores import regression_scores
from micro_features.learn.target import model_values
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
    wanted = ["id", measured, "predicted_by_network", "predicted_by_features", *_LEAN.values(), *_SHAP.values()]
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


def beside_of(
    explained: Explained,
    samples: Samples,
    answers: Answers,
    scores: Mapping[str, Any],
    answer: Answer,
    seconds: Mapping[str, float],
    fit: Path | None,
) -> Beside:
    """Accuracies and named causes of the three methods on the pictures that the published one was asked about.

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
        Of the protocols, of one core.
    fit : Path or None
        Folder that `fit` wrote.
    """
    dataset, asked = samples.dataset, answers.asked
    models = explained.comparison["models"]
    methods = [
        _row(f"{PUBLISHED}: tree of words", scores["tree"], seconds[answers.protocol], "of one core, whole method"),
        _row(f"{PUBLISHED}: logistic steps", scores["steps"], math.nan, "the same"),
        _row(
            XGBOOST, _from_number(explained, "predicted_by_features", dataset, asked), _seconds_of_fit(fit), "of `fit`"
        ),
        _row(
            CNN,
            _from_number(explained, "predicted_by_network", dataset, asked),
            float(models.get("seconds_of_training") or math.nan),
            "of `cnn train`",
        ),
    ]
    methods += [_row(name, told, math.nan, "none") for name, told in scoring.references(samples, asked).items()]
    ids = list(answer.attributions.ids)
    of_answer = [dataset.ids.index(name) for name in ids]
    # Pictures that were explained together are compared together.
    together, first = np.unique(explained.row[of_answer], return_index=True)
    groups = dataset.groups[of_answer][first]
    chance = _at_chance(scores)
    agreements = []
    for what, phases in STRUCTURE.items():
        columns = [i for i, name in enumerate(answer.attributions.names) if samples.parameters.phases[name] in phases]
        of_pictures = answer.attributions.values[:, columns].sum(axis=1)
        own = np.array([of_pictures[explained.row[of_answer] == row].mean() for row in together])
        rows = explained.rows.iloc[of_answer].iloc[first]
        shap, lean = (rows[names[what]].to_numpy(float) for names in (_SHAP, _LEAN))
        nothing = "" if columns else f"no parameter of {what} is known to the published method"
        of_shap = "; ".join(models["at_chance"])
        agreements += [
            _agreement(STEPS, SHAP, what, own, shap, groups, [nothing, chance, of_shap]),
            _agreement(STEPS, GRAD_CAM, what, own, lean, groups, [nothing, chance, _network_chance(models)]),
            _own_verdict(explained.comparison, what),
        ]
    return Beside(pd.DataFrame(methods), pd.DataFrame(agreements), _notes(explained, models))


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


def _from_number(explained: Explained, column: str, dataset: Dataset, asked: np.ndarray) -> dict[str, Any]:
    """Classes that predicted numbers fall in."""
    predicted = model_values(explained.rows[column].to_numpy(float), dataset.target.log10)
    found = regression_scores(dataset.y[asked], predicted[asked], dataset.groups[asked], cuts=dataset.model_cuts)
    return {name: list(found[name]) for name in scoring.METRICS}


def _seconds_of_fit(fit: Path | None) -> float:
    if fit is None:
        return math.nan
    try:
        return float(json.loads((fit / "scores.json").read_text(encoding="utf-8"))["seconds"])
    except (OSError, ValueError, LookupError, TypeError):
        return math.nan


def _at_chance(scores: Mapping[str, Any]) -> str:
    stages = [scoring.STAGES[stage] for stage in scoring.stages_at_chance(scores)]
    return f"the published method does no better than chance ({'; '.join(stages)})" if stages else ""


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
    if not np.ptp(ours) or not np.ptp(theirs):
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
        return told | {"said": f"{primary['verdict']}: {primary['reasons'][0]}"}
    ends = {name: math.nan if each[name] is None else each[name] for name in ("low", "value", "high")}
    return told | ends | {"said": str(primary["verdict"])}


def _notes(explained: Explained, models: Mapping[str, Any]) -> tuple[str, ...]:
    shares = ", ".join(f"{phase} {100 * share:.0f} %" for phase, share in models["shap_share_by_phase"].items())
    return (
        f"SHAP of the whole feature model by phase: {shares}. Texture has no counterpart among the study's parameters.",
        "XGBoost and the network predict the number; their class is that in which it falls. The published method "
        "predicts the class.",
        "Agreement is the rank correlation over pictures of what two methods attribute to a phase (decades; of the "
        "network, how far its heat leans on it). It says that two methods name the same cause, not that it is one.",
    )
