"""What is left to chance: one stream of random numbers for each purpose, and rows drawn so that no group is lost."""

import numpy as np

CHOICE, PERMUTATION, BOOTSTRAP, THINNING, CURVE = 1, 2, 3, 4, 5
"""Purposes. They differ, so that no two draws that ought to be independent are the same."""


def stream(seed: int, purpose: int, number: int = 0) -> np.random.Generator:
    """Random numbers of their own for each purpose and number.

    Parameters
    ----------
    seed : int
    purpose : int
        Above 0.
    number : int
        Of the fold, permutation, refit …, from 0.
    """
    return np.random.default_rng([seed, purpose, number + 1])


def thinned(groups: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """Some rows of every group, alike many where groups allow it; of some groups where there are more groups than that.

    Parameters
    ----------
    groups : (n,) int array
    most : int
        Rows that are kept, about.
    rng : numpy.random.Generator

    Returns
    -------
    (m,) int array
        Numbers of the rows, rising; all of them where they are no more than `most`.
    """
    if len(groups) <= most:
        return np.arange(len(groups))
    code = np.unique(groups, return_inverse=True)[1]
    shuffled = rng.permutation(len(groups))
    by_group = shuffled[np.argsort(code[shuffled], kind="stable")]
    starts = np.concatenate([[0], np.cumsum(np.bincount(code))[:-1]])
    turn = np.empty(len(groups), int)  # the how-manieth of its group a row is
    turn[by_group] = np.arange(len(groups)) - np.repeat(starts, np.bincount(code))
    return np.sort(shuffled[np.argsort(turn[shuffled], kind="stable")][:most])


def times_drawn(groups: np.ndarray, n_draws: int, seed: int) -> np.ndarray:
    """Groups drawn with replacement, as many as there are, again and again: how often each row counts.

    Parameters
    ----------
    groups : (n,) int array
    n_draws : int
    seed : int

    Returns
    -------
    (n_draws, n) int array
        Rows of a group count alike. The same groups and seed give the same draws.
    """
    _, code = np.unique(groups, return_inverse=True)
    n_groups = int(code.max()) + 1
    rng = stream(seed, BOOTSTRAP)
    return rng.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=n_draws)[:, code]
