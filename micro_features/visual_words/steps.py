"""What tells the two sides of each split of the tree apart, in physical parameters of the pictures.

Windows of a picture share its parameters and pictures of a schedule resemble one another, so neither are samples: how
sure a coefficient is comes from drawing whole groups of pictures. Parameters that rise and fall together share their
coefficient in a way that L1 settles by chance; the draws show it, as one parameter stands in for another.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

from micro_features.visual_words.tree import Tree, inner_nodes

FEWEST_GROUPS = 3
"""Below this number nothing is said of how sure a coefficient is."""
_LEVEL = 0.95
_TOLERANCE, _MOST_ITERATIONS = 1e-6, 1000  # coefficients are then good to 0.002, and to far less where sides overlap


@dataclass(frozen=True, eq=False)
class Step:
    """Logistic regression of an inner node: which parameters go with its right side.

    Parameters
    ----------
    node, left, right : int
        Of the tree.
    n_left, n_right : int
        Training windows.
    pictures_left, pictures_right, groups_left, groups_right : int
        Pictures, and groups of pictures, with a training window there; one can be on both sides.
    coefficients : (k,) float array
        Change of the log-odds of going right by one standard deviation of the parameter.
    intercept : float
    reference : (k,) float array
        Mean of the parameters over the node's training windows.
    draws : (B, k + 1) float array
        Coefficients, then the intercept, of the bootstrap's fits; NaN where one could not be made.
    low, high : (k,) float arrays
        Percentile interval of the draws, 95 %.
    same_sign : (k,) float array
        Share of the draws in which the coefficient has the sign that it has here; 0 is a sign of its own.
    p : (k,) float array
        Two-sided, of a coefficient of 0; not below 2 / (1 + B).
    note : str
        Why nothing is said of how sure the coefficients are, which are NaN then; empty otherwise.
    """

    node: int
    left: int
    right: int
    n_left: int
    n_right: int
    pictures_left: int
    pictures_right: int
    groups_left: int
    groups_right: int
    coefficients: np.ndarray
    intercept: float
    reference: np.ndarray
    draws: np.ndarray
    low: np.ndarray
    high: np.ndarray
    same_sign: np.ndarray
    p: np.ndarray
    note: str


def fit_steps(
    tree: Tree,
    reached: np.ndarray,
    picture: np.ndarray,
    z: np.ndarray,
    groups: np.ndarray,
    *,
    C: float = 0.9,
    times: np.ndarray,
) -> list[Step]:
    """At each inner node, the L1 logistic regression of going right on the parameters of the windows' pictures.

    The regression is the published study's, fitted by liblinear, which shrinks the intercept as well. Rows are pictures
    and sides, weighted by windows, which is the same as a row for each window. The bootstrap draws whole groups of
    pictures (`learn.draws.times_drawn`; cluster bootstrap: Davison and Hinkley 1997, Bootstrap Methods and their
    Application, section 3.8), the same for all nodes, since what draws have in common would average out between them
    else. With few groups its intervals are too narrow rather than too wide, and the tree, whose splits were found on
    the same pictures, is not drawn anew.

    Parameters
    ----------
    tree : Tree
    reached : (n, nodes) bool array
        Nodes that each training window comes through.
    picture : (n,) int array
        Row of `z` for each window.
    z : (pictures, k) float array
        Parameters, standardised over the training pictures, finite.
    groups : (pictures,) array
        That pictures are drawn in.
    C : float
        Inverse strength of the penalty, above 0.
    times : (draws, pictures) int array
        How often each picture counts in each draw.

    Returns
    -------
    list of Step
        In the order of the nodes. Where all windows go one way (pictures without parameters were left out), all
        coefficients are 0 and the intercept holds the log-odds of the sides, half a window added to each. p is
        2 min(1 + draws <= 0, 1 + draws >= 0) / (1 + draws), at most 1, so many parameters and nodes together ask for
        many draws. Nothing is said of how sure coefficients are with fewer than `FEWEST_GROUPS` groups on the node, or
        where fewer than half of the draws have windows on both sides.
    """
    n_windows = np.stack([np.bincount(picture[at], minlength=len(z)) for at in reached.T])
    return [
        _step(tree, int(node), n_windows, np.asarray(z, float), np.asarray(groups), C, np.asarray(times))
        for node in inner_nodes(tree)
    ]


def q_values(p: np.ndarray) -> np.ndarray:
    """False discovery rates (Benjamini and Hochberg 1995, Journal of the Royal Statistical Society B 57, 289).

    Parameters
    ----------
    p : float array
        Of all nodes and parameters that are looked at together; NaN does not count.

    Returns
    -------
    float array
        Of the same shape; NaN stays NaN.
    """
    p = np.asarray(p, float)
    q = np.full(p.shape, np.nan)
    known = np.isfinite(p)
    q[known] = false_discovery_control(p[known])
    return q


def steps_table(steps: Sequence[Step], names: Sequence[str]) -> pd.DataFrame:
    """Steps, a row for each node and parameter.

    Parameters
    ----------
    steps : sequence of Step
    names : sequence of str
        Of the parameters.

    Returns
    -------
    DataFrame
        ``node``, ``parameter``, ``coefficient``, ``low``, ``high``, ``same_sign``, ``p``, ``q`` (over the whole table),
        ``n_left``, ``n_right``, ``pictures_left``, ``pictures_right``, ``groups_left``, ``groups_right``, ``note``.
    """
    counts = ("n_left", "n_right", "pictures_left", "pictures_right", "groups_left", "groups_right")
    k = len(names)

    def each(field: str) -> np.ndarray:
        return np.concatenate([np.zeros(0), *(getattr(step, field) for step in steps)])

    def repeated(field: str) -> np.ndarray:
        return np.repeat([getattr(step, field) for step in steps], k)

    return pd.DataFrame(
        {
            "node": repeated("node").astype(int),
            "parameter": list(names) * len(steps),
            "coefficient": each("coefficients"),
            **{field: each(field) for field in ("low", "high", "same_sign", "p")},
            "q": q_values(each("p")),
            **{field: repeated(field).astype(int) for field in counts},
            "note": repeated("note").astype(object),
        }
    )


def _step(
    tree: Tree,
    node: int,
    n_windows: np.ndarray,
    z: np.ndarray,
    groups: np.ndarray,
    C: float,
    times: np.ndarray,
) -> Step:
    left, right = int(tree.left[node]), int(tree.right[node])
    sides = n_windows[[left, right]]
    here = sides.any(axis=0)
    sides, z, group, times = sides[:, here], z[here], groups[here], times[:, here]
    n_groups, n_draws, k = len(np.unique(group)), len(times), z.shape[1]
    draws = np.full((n_draws, k + 1), np.nan)
    note = ""
    if not sides.any(axis=1).all():
        n_left, n_right = sides.sum(axis=1)
        fitted = np.append(np.zeros(k), np.log((n_right + 0.5) / (n_left + 0.5)))
        note = "all windows with parameters go one way: nothing to fit"
    else:
        fitted = _fitted(sides, z, C)
        if n_groups < FEWEST_GROUPS:
            note = f"only {n_groups} group{'s' * (n_groups > 1)} on the node: how sure can not be told"
        else:
            draws = _drawn(sides, z, C, times)
            n_fitted = int(np.isfinite(draws[:, 0]).sum())
            if 2 * n_fitted < n_draws:
                note = f"only {n_fitted} of {n_draws} draws have windows on both sides: how sure can not be told"
    low, high, same_sign, p = _sureness(fitted[:-1], draws[:, :-1]) if not note else np.full((4, k), np.nan)
    pictures = (sides > 0).sum(axis=1)
    groups_there = [len(np.unique(group[side > 0])) for side in sides]
    return Step(
        node=node,
        left=left,
        right=right,
        n_left=int(sides[0].sum()),
        n_right=int(sides[1].sum()),
        pictures_left=int(pictures[0]),
        pictures_right=int(pictures[1]),
        groups_left=groups_there[0],
        groups_right=groups_there[1],
        coefficients=fitted[:-1],
        intercept=float(fitted[-1]),
        reference=sides.sum(axis=0) @ z / max(int(sides.sum()), 1),
        draws=draws,
        low=low,
        high=high,
        same_sign=same_sign,
        p=p,
        note=note,
    )


def _drawn(sides: np.ndarray, z: np.ndarray, C: float, times: np.ndarray) -> np.ndarray:
    """Coefficients and intercept of each draw, NaN where it has windows on one side only."""
    draws = np.full((len(times), z.shape[1] + 1), np.nan)
    for draw, time in zip(draws, times, strict=True):
        drawn = sides * time
        if drawn.any(axis=1).all():
            draw[:] = _fitted(drawn, z, C)
    return draws


def _fitted(sides: np.ndarray, z: np.ndarray, C: float) -> np.ndarray:
    """Coefficients, then the intercept, of going right."""
    import sklearn
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    side, picture = np.nonzero(sides)
    # The name of the penalty was changed in scikit-learn 1.8, and either is an error in some version that may be here.
    newer = tuple(int(part) for part in sklearn.__version__.split(".")[:2]) >= (1, 8)
    penalty = {"l1_ratio": 1.0} if newer else {"penalty": "l1"}
    model = LogisticRegression(
        **penalty, solver="liblinear", C=C, tol=_TOLERANCE, max_iter=_MOST_ITERATIONS, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(z[picture], side, sample_weight=sides[side, picture].astype(float))
    return np.append(model.coef_[0], model.intercept_)


def _sureness(coefficients: np.ndarray, draws: np.ndarray) -> tuple[np.ndarray, ...]:
    """Interval, share of the same sign and p of each coefficient."""
    draws = draws[np.isfinite(draws).all(axis=1)]
    low, high = np.quantile(draws, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2], axis=0)
    same_sign = (np.sign(draws) == np.sign(coefficients)).mean(axis=0)
    fewer = np.minimum((draws <= 0).sum(axis=0), (draws >= 0).sum(axis=0))
    return low, high, same_sign, np.minimum(2 * (1 + fewer) / (1 + len(draws)), 1.0)
