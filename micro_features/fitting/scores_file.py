"""What a fit found, as ``scores.json`` for programs."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from micro_features.fitting import evaluate
from micro_features.fitting.dataset import Dataset
from micro_features.fitting.evaluate import EXPLAINED, Evaluated
from micro_features.fitting.fit import Fit
from micro_features.fitting.group_scores import by_group, group_score
from micro_features.fitting.wording import sentences
from micro_features.learn.intervals import highest_level
from micro_features.learn.scores import Interval


def scores(fit: Fit) -> dict[str, Any]:
    """Everything that a fit prints, and more.

    Parameters
    ----------
    fit : Fit

    Returns
    -------
    dict
        For JSON; a score is [low, value, high] with a 95 % interval over groups, null where it is not defined.
    """
    dataset, request = fit.dataset, fit.request
    names = list(dataset.X.columns)
    used = fit.final.choice
    return {
        "target": {
            "name": dataset.target.name,
            "unit": dataset.target.unit,
            "log10": dataset.target.log10,
            "task": request.task,
            "lowest": float(dataset.y_native.min()),
            "highest": float(dataset.y_native.max()),
            "classes": list(dataset.class_names),
            "cuts": list(dataset.cuts),
        },
        "group": request.data.group,
        "n_rows": len(dataset.ids),
        "n_micrographs": sum(map(len, dataset.members.values())),
        "n_groups": len(set(dataset.group_names)),
        "features": {
            "offered": names,
            "used": [names[column] for column in used.columns],
            "left_out": dict(dataset.left_out),
            "assumed_sign": {name: "rising" if sign > 0 else "falling" for name, sign in fit.assumed.items()},
        },
        "excluded_rows": dict(dataset.excluded_rows),
        "settings_digests": list(dataset.settings_digests),
        "notes": list(dataset.notes),
        "protocols": {way.name: _protocol(way) for way in fit.ways},
        "models": {name: _model(fit, model) for name, model in fit.models.items()},
        "explained_model": EXPLAINED,
        "chosen": {
            "subset": used.subset,
            "variant": dict(used.variant),
            "by_fold": [{"subset": c.subset, "variant": dict(c.variant)} for c in fit.run.choices],
        },
        "permutation_p": fit.permutation_p,
        "permutations": request.permutations,
        "rows_fitted_again": fit.permutation_rows,
        "bootstraps": request.bootstraps,
        "other_partitions": finite(fit.partitions),
        "reference_r2": finite(evaluate.reference_lines(dataset, fit.first.fold)) if not fit.problem.n_classes else {},
        "by_group": by_group(fit),
        "learning_curve": {str(size): list(values) for size, values in fit.learning_curve.items()},
        "confounders": [_confounder(each) for each in fit.audit],
        "intervals": _intervals(fit),
        "importance": {
            kind: finite(table.to_dict("records")) for kind, table in fit.explained.importance.items()
        },
        "clusters": fit.explained.members["cluster"],
        "said": sentences(fit),
        "seed": request.seed,
        "seconds": round(fit.seconds, 1),
    }  # fmt: skip


def _protocol(way: evaluate.Protocol) -> dict[str, Any]:
    return {"meaning": way.meaning, "folds": len(np.unique(way.fold))}


def _model(fit: Fit, model: Evaluated) -> dict[str, Any]:
    entry: dict[str, Any] = {"meaning": model.meaning, "n_groups": len(set(fit.dataset.group_names))}
    for way in fit.ways:
        entry[way.name] = _named(fit.dataset, model.scores[way.name])
    if model.name == EXPLAINED:
        entry["permutation_p"] = fit.permutation_p
    if not fit.problem.n_classes:
        entry["one_prediction_a_group"] = _named(fit.dataset, group_score(fit, model.name))
    return entry


def _named(dataset: Dataset, found: Mapping[str, Interval]) -> dict[str, Any]:
    """Scores by the names of the file: an error in decades is called so."""
    renamed = {("mae_decades" if name == "mae" and dataset.target.log10 else name): s for name, s in found.items()}
    return {name: finite(list(score)) for name, score in renamed.items()}


def _confounder(each: Any) -> dict[str, Any]:
    return finite(
        {
            "name": each.name,
            "kind": each.kind,
            "n_values": each.n_values,
            "left_out_rows": {"r2": list(each.left_out_rows)},
            "left_out_groups": {"r2": list(each.left_out_groups)},
            "nested_rows": each.nested_rows,
            "nested_variance": each.nested_variance,
            "not_usable": each.reason,
        }
    )


def _intervals(fit: Fit) -> dict[str, Any]:
    if fit.problem.n_classes:
        return {"in_domain": int(fit.left_out.in_domain.sum())}
    n_groups = len(set(fit.dataset.group_names))
    return {
        "level": fit.request.level,
        "highest_level": highest_level(n_groups),
        "coverage": finite(list(fit.left_out.coverage)),
        "in_domain": int(fit.left_out.in_domain.sum()),
        "at_or_below_training_range": int(fit.left_out.at_or_below_range.sum()),
    }


def finite(value: Any) -> Any:
    """Numbers that JSON knows: null for what is not defined."""
    if isinstance(value, Mapping):
        return {str(name): finite(each) for name, each in value.items()}
    if isinstance(value, str | bool | np.bool_) or value is None:
        return bool(value) if isinstance(value, np.bool_) else value
    if isinstance(value, Iterable):
        return [finite(each) for each in value]
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, int):
        return value
    return float(value) if math.isfinite(value) else None
