"""What the logistic steps say of a picture from its physical parameters alone, and which parameters say it.

At node t a picture goes right with probability p_t = sigmoid(b_t + beta_t z) and so on down: a soft tree, which never
looks at the picture itself. It answers the study's own question, which parameters go with high conductivity, in one
number for each picture and parameter, and can be scored on pictures that it has not seen.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import expit

from micro_features.visual_words.steps import Step
from micro_features.visual_words.tree import NONE, Tree

_NEAR = 1e-6  # log-odds: closer than this a slope is taken at a point, which is then exact to 1e-13


def route(tree: Tree, steps: Sequence[Step], z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Classes and property of pictures, by the leaves that their parameters lead to.

    Parameters
    ----------
    tree : Tree
    steps : sequence of Step
        One for each inner node, in the order of the nodes.
    z : (n, k) float array
        Parameters, standardised as those that the steps were fitted to.

    Returns
    -------
    (n, K) float array
        Probability of each class: shares of the leaves' training windows, by the probability of arrival.
    (n,) float array
        Property, model units: means of the leaves' training windows likewise.
    """
    z = np.asarray(z, float)
    sides = {step.node: expit(step.intercept + z @ step.coefficients) for step in steps}
    leaves = tree.left == NONE
    arrival = _arrival(tree, steps, sides, len(z))[:, leaves]
    counts = tree.counts[leaves]
    return arrival @ (counts / counts.sum(axis=1, keepdims=True)), arrival @ tree.value[leaves]


def hits(tree: Tree, steps: Sequence[Step], reached: np.ndarray, picture: np.ndarray, z: np.ndarray) -> pd.DataFrame:
    """How often a step tells from its parameters where the tree sends a window, on windows that it has not seen.

    Parameters
    ----------
    tree : Tree
    steps : sequence of Step
    reached : (m, nodes) bool array
        Nodes that each window left out comes through.
    picture : (m,) int array
        Row of `z` for each window.
    z : (pictures, k) float array
        Parameters, standardised as those that the steps were fitted to.

    Returns
    -------
    DataFrame
        For each step and picture that comes to it: ``node``, ``picture`` (row of `z`), ``n_windows``, ``told`` (windows
        that go where the step says), ``majority`` (windows that go where more training windows went; left where as many
        went right).
    """
    reached, picture, parts = np.asarray(reached), np.asarray(picture), []
    for step in steps:
        at = reached[:, step.node]
        right = reached[at, step.right]
        told = (step.intercept + np.asarray(z, float) @ step.coefficients > 0)[picture[at]]
        part = pd.DataFrame(
            {
                "node": step.node,
                "picture": picture[at],
                "n_windows": 1,
                "told": told == right,
                "majority": right == (step.n_right > step.n_left),
            }
        )
        parts.append(part.groupby(["node", "picture"], as_index=False).sum())
    columns = ["node", "picture", "n_windows", "told", "majority"]
    return pd.concat(parts, ignore_index=True).astype(int) if parts else pd.DataFrame(columns=columns, dtype=int)


def attribute(tree: Tree, steps: Sequence[Step], z: np.ndarray, *, draw: int | None = None) -> tuple[np.ndarray, float]:
    """How far each parameter moves the value that `route` gives a picture, exactly.

    Let u be the value of a leaf, and of an inner node t p_ref u_right + (1 - p_ref) u_left, where p_ref is p_t at the
    mean parameters of the node's training windows. With V the value that `route` gives below a node,
    V_t - u_t = (p_t - p_ref) (u_right - u_left) + p_t (V_right - u_right) + (1 - p_t) (V_left - u_left), and so on
    down: the value is u of the root plus the sum over nodes of the probability of arrival times
    (p_t - p_ref) (u_right - u_left). Each p_t - p_ref is shared among parameters as beta (z - reference), which is what
    integrated gradients give along the straight line (Sundararajan et al. 2017, Axiomatic attribution for deep
    networks, ICML, 3319). The probability of arrival at a node is taken as given there: what led to the node counts at
    the nodes before it.

    Parameters
    ----------
    tree : Tree
    steps : sequence of Step
        One for each inner node, in the order of the nodes.
    z : (n, k) float array
        Parameters, standardised as those that the steps were fitted to.
    draw : int or None
        With the coefficients of this bootstrap draw, of every step that has it; with those of the step otherwise.

    Returns
    -------
    (n, k) float array
        Model units; rows sum to the value of `route` less the base, where no draw is asked for.
    float
        Base: u of the root.
    """
    z = np.asarray(z, float)
    fitted = {step.node: _coefficients(step, draw) for step in steps}
    sides = {node: expit(intercept + z @ beta) for node, (beta, intercept) in fitted.items()}
    arrival = _arrival(tree, steps, sides, len(z))
    u, values = tree.value.astype(float), np.zeros(z.shape)
    for step in reversed(steps):  # nodes below come first
        beta, intercept = fitted[step.node]
        at_reference = intercept + beta @ step.reference
        p_ref = expit(at_reference)
        height = u[step.right] - u[step.left]
        u[step.node] = p_ref * u[step.right] + (1 - p_ref) * u[step.left]
        parts = beta * (z - step.reference)
        way = parts.sum(axis=1)
        near = np.abs(way) < _NEAR
        # Mean slope of the sigmoid along the way.
        slope = np.where(near, p_ref * (1 - p_ref), (sides[step.node] - p_ref) / np.where(near, 1, way))
        values += (arrival[:, step.node] * slope * height)[:, None] * parts
    return values, float(u[0])


def _coefficients(step: Step, draw: int | None) -> tuple[np.ndarray, float]:
    if draw is None or not np.isfinite(step.draws[draw]).all():
        return step.coefficients, step.intercept
    return step.draws[draw, :-1], float(step.draws[draw, -1])


def _arrival(tree: Tree, steps: Sequence[Step], sides: dict[int, np.ndarray], n: int) -> np.ndarray:
    """(n, nodes): probability of coming to each node, given that of going right at each inner one."""
    arrival = np.zeros((n, len(tree.left)))
    arrival[:, 0] = 1
    for step in steps:
        arrival[:, step.right] = arrival[:, step.node] * sides[step.node]
        arrival[:, step.left] = arrival[:, step.node] * (1 - sides[step.node])
    return arrival
