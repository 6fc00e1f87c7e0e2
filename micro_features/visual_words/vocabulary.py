"""Visual words: centres of clusters of vectors, the word of each vector, and how often words occur in a window."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from micro_features.errors import ArtefactError
from micro_features.visual_words.projection import sample_rows

MOST_VECTORS = 200_000
"""Vectors that words are learned from at most; a centre is then the mean of some thousand."""
_AT_ONCE = 50_000  # vectors whose distances to all centres are held at a time
_ROUNDING = 1e-12  # of squared lengths: centres that are as near as this are equally near
# Attempts are told apart long before they have settled, so only the best of them is taken to where nothing moves.
_ATTEMPT = {"tol": 1e-2, "max_iter": 300}
_SETTLED = {"tol": 0.0, "max_iter": 10_000}


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Words, the commonest first.

    Parameters
    ----------
    centres : (k, C) float32 array
        Word 0 has the most of the vectors that the words were learned from.
    notes : tuple of str
        What differs from what was asked for, a sentence each.
    """

    centres: np.ndarray
    notes: tuple[str, ...] = ()


def learn_vocabulary(
    vectors: np.ndarray, n_windows: int, *, n_words: int = 40, attempts: int = 20, seed: int = 0
) -> Vocabulary:
    """Centres of vectors by k-means: Lloyd's algorithm, the best of several starts.

    Starts are those of k-means++ (Arthur and Vassilvitskii 2007, k-means++: the advantages of careful seeding, SODA,
    1027). The same vectors and seed give the same words, as one thread takes all sums in one order.

    Parameters
    ----------
    vectors : (m, C) float array
        Of training windows only. Above `MOST_VECTORS`, that many drawn with `seed` are used, with a note.
    n_windows : int
        Windows that the vectors come from. There can not be more words than windows, nor than distinct vectors; they
        are reduced otherwise, with a note.
    n_words, attempts : int
        At least 1.
    seed : int

    Returns
    -------
    Vocabulary

    Raises
    ------
    ArtefactError
        There are no vectors.
    """
    from sklearn.cluster import KMeans

    if not len(vectors):
        raise ArtefactError("no windows to learn visual words from: give more pictures, or smaller windows")
    notes = []
    if len(vectors) > MOST_VECTORS:
        notes.append(f"Words were learned from {MOST_VECTORS} of {len(vectors)} vectors, drawn with seed {seed}.")
        vectors = vectors[sample_rows(len(vectors), MOST_VECTORS, seed)]
    vectors = np.ascontiguousarray(vectors, np.float32)
    for found, what in ((n_windows, "windows"), (_distinct(vectors), "distinct vectors")):
        if found < n_words:
            notes.append(f"{n_words} words were reduced to {found}, as there are only {found} {what}.")
            n_words = found
    with threadpool_limits(1):
        first = KMeans(n_words, n_init=attempts, random_state=seed, **_ATTEMPT).fit(vectors)
        best = KMeans(n_words, init=first.cluster_centers_, n_init=1, **_SETTLED).fit(vectors)
        centres = best.cluster_centers_
        count = np.bincount(words_of(vectors, centres), minlength=n_words)
    return Vocabulary(centres[np.argsort(-count, kind="stable")], tuple(notes))


def words_of(vectors: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The word of each vector: its nearest centre.

    Parameters
    ----------
    vectors : (..., C) float array
    centres : (k, C) float array

    Returns
    -------
    (...) int16 array
        0 to k - 1; the lower number where two centres are equally near.
    """
    flat, exact = vectors.reshape(-1, vectors.shape[-1]), centres.astype(float)
    words = np.empty(len(flat), np.int16)
    lengths = (exact**2).sum(axis=1)
    for start in range(0, len(flat), _AT_ONCE):
        some = flat[start : start + _AT_ONCE].astype(float)
        # Squared distance less the vector's own squared length, which is the same for all centres.
        distance = lengths - 2 * some @ exact.T
        slack = _ROUNDING * ((some**2).sum(axis=1) + lengths.max())
        nearest = distance <= (distance.min(axis=1) + slack)[:, None]
        words[start : start + _AT_ONCE] = nearest.argmax(axis=1)
    return words.reshape(vectors.shape[:-1])


def histograms(words: np.ndarray, n_words: int) -> np.ndarray:
    """How large a part of each window every word has.

    Parameters
    ----------
    words : (windows, positions) int array
        0 to `n_words` - 1, at least one position.
    n_words : int

    Returns
    -------
    (windows, n_words) float array
        Shares; each row sums to 1.
    """
    n, positions = words.shape
    place = np.arange(n)[:, None] * n_words + words
    return np.bincount(place.ravel(), minlength=n * n_words).reshape(n, n_words) / positions


def nearest_windows(
    vectors: np.ndarray, words: np.ndarray, centres: np.ndarray, picture: np.ndarray, *, per_word: int = 6
) -> pd.DataFrame:
    """For every word the windows that show it best, pictures in turn.

    A window shows a word by its vector of that word that lies nearest to the word's centre. Every picture that has the
    word gives its best window before any gives a second, so that a person sees the word and not one picture.

    Parameters
    ----------
    vectors : (windows, positions, C) float array
    words : (windows, positions) int array
        As of `words_of`.
    centres : (k, C) float array
    picture : (windows,) int array
        Picture that each window was cut from.
    per_word : int
        Windows at most for each word.

    Returns
    -------
    DataFrame
        ``word``, ``rank`` (from 0), ``window``, ``position``, ``distance`` (to the centre, in the unit of the vectors);
        by word and rank. A word that no vector has is left out.
    """
    n, positions = words.shape
    distance = np.concatenate(
        [
            np.linalg.norm(some - centres[of_some], axis=-1).ravel()
            for some, of_some in zip(*(_portions(each, positions) for each in (vectors, words)), strict=True)
        ]
    )
    window, position = np.divmod(np.arange(n * positions), positions)
    each = pd.DataFrame(
        {"word": words.ravel().astype(int), "window": window, "position": position, "distance": distance}
    )
    each["picture"] = np.asarray(picture)[window]
    best = each.sort_values("distance", kind="stable").drop_duplicates(["word", "window"])
    best["turn"] = best.groupby(["word", "picture"]).cumcount()
    best = best.sort_values(["word", "turn", "distance"], kind="stable", ignore_index=True)
    best["rank"] = best.groupby("word").cumcount()
    shown = best[best["rank"] < per_word]
    return shown[["word", "rank", "window", "position", "distance"]].reset_index(drop=True)


def _portions(array: np.ndarray, positions: int) -> list[np.ndarray]:
    """Windows in portions that fit in memory."""
    step = max(1, _AT_ONCE // positions)
    return [array[start : start + step] for start in range(0, len(array), step)]


def _distinct(vectors: np.ndarray) -> int:
    # Adding 0 makes -0 a 0: rows are compared byte by byte, which is quicker than number by number.
    rows = np.ascontiguousarray(vectors + 0.0).view(np.dtype((np.void, vectors.itemsize * vectors.shape[1])))
    return len(np.unique(rows))
