"""Which group of features the predictions rest on, and whether more than chance would give it.

Features that rise and fall together share their attribution between them in a way the data do not settle: their sum is
what can be trusted, so groups (phases, clusters of correlated features) are compared, not single features.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

PHASES = ("pore", "grain", "boundary", "texture")
OTHER = "other"
_MOST_ROWS = 1000
"""Rows that correlations are taken from: they are then good to 0.03."""
_FEWEST_PAIRS = 4
_NULL_QUANTILE = 0.95


def groups_by_phase(names: Sequence[str], phases: Mapping[str, str]) -> dict[str, list[str]]:
    """Features by what they describe.

    Parameters
    ----------
    names : sequence of str
        Features.
    phases : mapping
        Phase by feature: pore, grain, boundary, texture; any other, or none, counts as ``"other"``.

    Returns
    -------
    dict of list of str
        Features by phase, phases without features left out.
    """
    known = {name: phases.get(name, OTHER) for name in names}
    groups: dict[str, list[str]] = {phase: [name for name in names if known[name] == phase] for phase in PHASES}
    groups[OTHER] = [name for name in names if known[name] not in PHASES]
    return {phase: members for phase, members in groups.items() if members}


def clusters(X: pd.DataFrame, *, min_correlation: float = 0.7) -> dict[str, list[str]]:
    """Features that rank the rows alike, or in reverse.

    Average linkage on 1 - |Spearman's rank correlation|, cut where the mean correlation between two clusters falls
    below the limit. Rows where one of a pair is missing do not count for that pair.

    Parameters
    ----------
    X : (n, k) DataFrame
        Features; NaN is missing. Above 1000 rows, 1000 drawn with a fixed seed are used.
    min_correlation : float
        0 to 1.

    Returns
    -------
    dict of list of str
        Members by label, in the order of the columns. The label is the member that is on average most correlated with
        the others, and their number: ``"texture_gradient_cv_4px + 5 alike"``.
    """
    names = [str(name) for name in X.columns]
    if len(names) < 2:
        return {name: [name] for name in names}
    drawn = X if len(X) <= _MOST_ROWS else X.sample(_MOST_ROWS, random_state=0)
    # A feature that does not vary, or never occurs together with another, is like none.
    alike = drawn.corr("spearman", min_periods=_FEWEST_PAIRS).abs().fillna(0.0).to_numpy().clip(0.0, 1.0)
    np.fill_diagonal(alike, 1.0)
    tree = linkage(squareform(1.0 - alike, checks=False), method="average")
    labels = fcluster(tree, 1.0 - min_correlation + 1e-12, criterion="distance")
    found: dict[str, list[str]] = {}
    for label in dict.fromkeys(labels):
        members = np.flatnonzero(labels == label)
        middle = names[members[alike[np.ix_(members, members)].sum(axis=1).argmax()]]
        others = len(members) - 1
        found[f"{middle} + {others} alike" if others else middle] = [names[member] for member in members]
    return found


def columns_of(groups: Mapping[str, Sequence[str]], names: Sequence[str]) -> dict[str, list[int]]:
    """Groups of features as places in an order of columns.

    Parameters
    ----------
    groups : mapping
        Names of features by group.
    names : sequence of str
        Features in the order of the columns.

    Returns
    -------
    dict of list of int
    """
    place = {name: number for number, name in enumerate(names)}
    return {group: [place[name] for name in members] for group, members in groups.items()}


def mean_abs(values: np.ndarray, groups: Mapping[str, Sequence[int]]) -> np.ndarray:
    """Mean over rows of how far a group of features moves the prediction, its members added before the sign is dropped.

    Parameters
    ----------
    values : (n, k) float array
        Attributions.
    groups : mapping
        Columns by group, no column twice.

    Returns
    -------
    (number of groups,) float array
        In the unit of the attributions.
    """
    return np.array([np.abs(values[:, list(members)].sum(axis=1)).mean() for members in groups.values()])


def shares(values: np.ndarray, groups: Mapping[str, Sequence[int]]) -> np.ndarray:
    """Each group's part in the mean absolute attribution of all groups.

    Parameters
    ----------
    values : (n, k) float array
        Attributions.
    groups : mapping
        Columns by group, no column twice.

    Returns
    -------
    (number of groups,) float array
        Sum 1; all 0 where nothing is attributed to any (a model that answers with its mean).
    """
    each = mean_abs(values, groups)
    total = each.sum()
    return each / total if total > 0 else np.zeros(len(each))


def importance_table(
    values: np.ndarray,
    groups: Mapping[str, Sequence[int]],
    bootstrap_values: Iterable[np.ndarray],
    null_values: Iterable[np.ndarray],
    *,
    level: float = 0.9,
) -> pd.DataFrame:
    """Groups of features by their share of the attribution, beside what chance gives them.

    Parameters
    ----------
    values : (n, k) float array
        Attributions.
    groups : mapping
        Columns by group, no column twice.
    bootstrap_values : iterable of (m, k) float arrays
        Attributions of models fitted again on groups of rows drawn with replacement; looked at one after the other.
    null_values : iterable of (m, k) float arrays
        Attributions of models fitted to permuted targets, hyper-parameters the same.
    level : float
        Of the interval, 0 to 1.

    Returns
    -------
    DataFrame
        Largest share first: ``group``, ``n_features``, ``mean_abs`` (unit of the attributions), ``share``,
        ``share_low`` and ``share_high`` (percentile bootstrap, which need not hold the share), ``null_p95`` (95 %
        quantile of the share under permuted targets), ``clears_null`` (share and share_low above it). NaN, and not
        clear, where there are no refits.
    """
    again, null = (_all_shares(several, groups) for several in (bootstrap_values, null_values))
    low, high = np.quantile(again, [(1 - level) / 2, (1 + level) / 2], axis=0)
    limit = np.quantile(null, _NULL_QUANTILE, axis=0)
    table = pd.DataFrame(
        {
            "group": list(groups),
            "n_features": [len(members) for members in groups.values()],
            "mean_abs": mean_abs(values, groups),
            "share": shares(values, groups),
            "share_low": low,
            "share_high": high,
            "null_p95": limit,
            "clears_null": (low > limit) & (shares(values, groups) > limit),
        }
    )
    return table.sort_values("share", ascending=False, kind="stable", ignore_index=True)


def strongest_interaction(values: np.ndarray, names: Sequence[str]) -> dict[str, str | None]:
    """For each feature the one it acts together with most.

    Parameters
    ----------
    values : (n, k, k) float array
        SHAP interaction values.
    names : sequence of str
        Features in the order of the columns.

    Returns
    -------
    dict of str or None
        The partner with the largest mean absolute interaction; None where there is no interaction at all.
    """
    strength = np.abs(values).mean(axis=0)
    np.fill_diagonal(strength, 0.0)
    partners = strength.argmax(axis=1)
    return {
        name: names[partner] if strength[row, partner] > 0 else None
        for row, (name, partner) in enumerate(zip(names, partners, strict=True))
    }


def _all_shares(several: Iterable[np.ndarray], groups: Mapping[str, Sequence[int]]) -> np.ndarray:
    """(number of refits, number of groups), at least one row, which is NaN if there are none."""
    found = [shares(values, groups) for values in several]
    return np.array(found) if found else np.full((1, len(groups)), np.nan)
