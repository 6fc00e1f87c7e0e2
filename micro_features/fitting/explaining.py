"""What the predictions rest on: attributions out of fold, how sure they are, and whether chance would give the same."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from micro_features.data import Attributions
from micro_features.explain import importance, shapley
from micro_features.fitting.dataset import Dataset
from micro_features.learn.tabular import BoostedTrees
from micro_features.learn.target import Target
from micro_features.learn.validate import Chosen, OutOfFold, Refit

MOST_ROWS_INTERACTING = 100
"""Interactions are averaged over so many rows: their time grows with the square of the number of features."""
MOST_ROWS_BANDED = 500
"""So many rows get a band, and tell the intervals of importance: each is explained by every refit."""
BAND_LEVEL = 0.9


@dataclass(frozen=True, eq=False)
class Explained:
    """Why the model predicts what it predicts.

    Attributes
    ----------
    attributions : Attributions
        Out of fold; columns are the features that some fold used.
    importance : dict of DataFrame
        By ``feature``, ``cluster`` (of correlated features) and ``phase``: see `explain.importance.importance_table`.
    members : dict of dict of list of str
        Features of each group, by ``feature``, ``cluster`` and ``phase``.
    partners : dict of feature to feature or None
        What each acts together with most, in the final model.
    interactions : DataFrame
        Mean absolute interaction values in the final model: alone on the diagonal, half of a pair's in either cell.
    """

    attributions: Attributions
    importance: dict[str, pd.DataFrame]
    members: dict[str, dict[str, list[str]]]
    partners: dict[str, str | None]
    interactions: pd.DataFrame


def unit_of_attributions(target: Target, class_names: Sequence[str]) -> str:
    """Of contributions to a prediction.

    Parameters
    ----------
    target : Target
    class_names : sequence of str
        Of rising value; empty for regression.
    """
    if len(class_names):
        return f"log odds of {class_names[-1]} against {class_names[0]}"
    return f"log10 {target.unit}".strip() if target.log10 else target.unit


def contributions(model: Chosen, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """TreeSHAP of a fitted XGBoost for all columns, 0 for those that it did not choose.

    Parameters
    ----------
    model : Chosen
    X : (n, k) float array
        All columns.

    Returns
    -------
    values : (n, k) array
        Model units. For classes, of the log odds of the highest class against the lowest.
    base : (n,) array
    """
    assert isinstance(model.fitted, BoostedTrees)
    values, base = shapley.tree_shap(model.fitted.booster, X[:, model.choice.columns])
    if values.ndim == 3:
        values, base = values[:, -1] - values[:, 0], base[:, -1] - base[:, 0]
    everywhere = np.zeros(X.shape)
    everywhere[:, model.choice.columns] = values
    return everywhere, base


def left_out_contributions(run: OutOfFold, X: np.ndarray, fold: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Contributions in each row by the model that was trained without its fold."""
    values, base = np.zeros(X.shape), np.zeros(len(X))
    for number, model in zip(np.unique(fold), run.models, strict=True):
        rows = fold == number
        values[rows], base[rows] = contributions(model, X[rows])
    return values, base


def explain(
    dataset: Dataset,
    run: OutOfFold,
    fold: np.ndarray,
    final: Chosen,
    refits: Sequence[Refit],
    null_values: Sequence[np.ndarray],
    *,
    unit: str,
) -> Explained:
    """Attribute every prediction to features.

    Parameters
    ----------
    dataset : Dataset
    run : OutOfFold
        Of the explained model.
    fold : (n,) int array
        What it left out.
    final : Chosen
        Trained on all rows.
    refits : sequence of Refit
        On groups drawn with replacement: a row's band comes from those that did not draw it.
    null_values : sequence of (m, k) arrays
        Contributions under exchanged targets, all columns.
    unit : str
        Of the attributions.
    """
    X = dataset.X.to_numpy(float)
    values, base = left_out_contributions(run, X, fold)
    used = sorted({column for model in [*run.models, final] for column in model.choice.columns})
    names = [str(dataset.X.columns[column]) for column in used]
    banded = _even_choice(len(X), MOST_ROWS_BANDED)
    again = [contributions(refit.model, X[banded])[0][:, used] for refit in refits]
    low, high = _bands(again, refits, banded) if refits else (None, None)
    attributions = Attributions(
        values=values[:, used],
        base=base,
        names=tuple(names),
        unit=unit,
        ids=dataset.ids,
        method="TreeSHAP, out of fold",
        low=low,
        high=high,
    )
    members = {
        "feature": {name: [name] for name in names},
        "cluster": importance.clusters(dataset.X[names]),
        "phase": importance.groups_by_phase(names, dataset.phases),
    }
    # Each refit is asked about rows whose groups it did not draw, as the fold models are.
    unseen = [values[~refit.drawn[banded]] for values, refit in zip(again, refits, strict=True)]
    unseen = [values for values in unseen if len(values)]
    tables = {
        kind: importance.importance_table(
            attributions.values,
            importance.columns_of(groups, names),
            unseen,
            [null[:, used] for null in null_values],
            level=BAND_LEVEL,
        )
        for kind, groups in members.items()
    }
    partners, strength = _interactions(final, X, dataset)
    return Explained(attributions, tables, members, partners, strength)


def _even_choice(n: int, most: int) -> np.ndarray:
    """Numbers of at most `most` of n rows."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(int))


def _bands(again: Sequence[np.ndarray], refits: Sequence[Refit], banded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """From the refits that did not draw a row; NaN in rows that were not asked about."""
    unseen = [np.where(refit.drawn[banded, None], np.nan, values) for values, refit in zip(again, refits, strict=True)]
    low, high = (np.full((len(refits[0].drawn), again[0].shape[1]), np.nan) for _ in range(2))
    low[banded], high[banded] = shapley.bands(unseen, level=BAND_LEVEL)
    return low, high


def _interactions(final: Chosen, X: np.ndarray, dataset: Dataset) -> tuple[dict[str, str | None], pd.DataFrame]:
    """In the final model, over an even choice of rows."""
    assert isinstance(final.fitted, BoostedTrees)
    rows = _even_choice(len(X), MOST_ROWS_INTERACTING)
    names = [str(dataset.X.columns[column]) for column in final.choice.columns]
    cells = shapley.interactions(final.fitted.booster, X[rows][:, final.choice.columns])
    if cells.ndim == 4:
        cells = cells[:, -1] - cells[:, 0]
    strength = np.abs(cells).mean(axis=0)
    return importance.strongest_interaction(cells, names), pd.DataFrame(strength, index=names, columns=names)
