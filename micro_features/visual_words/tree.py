"""A decision tree over histograms of words, kept as plain arrays that can be written, drawn and followed."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

NONE = -1
"""No node, no word."""


@dataclass(frozen=True, eq=False)
class Tree:
    """Nodes in preorder, node 0 the root: a node comes before all that is below it, left before right.

    Parameters
    ----------
    left, right, parent : (nodes,) int arrays
        Node numbers; -1 where there is none, as below a leaf and above the root.
    depth : (nodes,) int array
        0 at the root.
    word : (nodes,) int array
        Word that the node asks for; -1 in leaves.
    threshold : (nodes,) float array
        Share of the word, 0 to 1, up to which a window goes left; NaN in leaves.
    counts : (nodes, K) int array
        Training windows of each class.
    value : (nodes,) float array
        Mean of the property of the training windows, model units.
    """

    left: np.ndarray
    right: np.ndarray
    parent: np.ndarray
    depth: np.ndarray
    word: np.ndarray
    threshold: np.ndarray
    counts: np.ndarray
    value: np.ndarray


def grow(
    histograms: np.ndarray, classes: np.ndarray, y: np.ndarray, n_classes: int, *, max_depth: int = 6, seed: int = 0
) -> Tree:
    """Tree that tells the classes of training windows apart, by entropy.

    Parameters
    ----------
    histograms : (n, words) float array
        Share of each word in each window.
    classes : (n,) int array
        Class of the window's picture, 0 to `n_classes` - 1.
    y : (n,) float array
        Property of the window's picture, model units.
    n_classes : int
        Also counts classes that no window has.
    max_depth : int
        Questions on a path at most.
    seed : int
        Chooses between questions that tell the classes apart equally well.

    Returns
    -------
    Tree
    """
    from sklearn.tree import DecisionTreeClassifier

    grown = DecisionTreeClassifier(criterion="entropy", max_depth=max_depth, random_state=seed)
    grown = grown.fit(histograms, classes).tree_
    inner = grown.children_left >= 0
    left, right = (np.where(inner, side, NONE) for side in (grown.children_left, grown.children_right))
    parent = np.full(len(inner), NONE)
    parent[left[inner]] = parent[right[inner]] = np.flatnonzero(inner)
    depth = np.zeros(len(inner), int)
    for node in range(1, len(inner)):
        depth[node] = depth[parent[node]] + 1
    word, threshold = np.where(inner, grown.feature, NONE), np.where(inner, grown.threshold, np.nan)
    at = _followed(left, right, word, threshold, histograms)
    counts = at.T.astype(int) @ np.eye(n_classes, dtype=int)[classes]
    return Tree(left, right, parent, depth, word, threshold, counts, at.T @ np.asarray(y, float) / at.sum(axis=0))


def inner_nodes(tree: Tree) -> np.ndarray:
    """Nodes that ask a question.

    Returns
    -------
    (number of inner nodes,) int array
        Rising.
    """
    return np.flatnonzero(tree.left != NONE)


def reached(tree: Tree, histograms: np.ndarray) -> np.ndarray:
    """Decision paths: which nodes each window comes through.

    Parameters
    ----------
    tree : Tree
    histograms : (n, words) float array

    Returns
    -------
    (n, nodes) bool array
        The root, one leaf and all between them.
    """
    return _followed(tree.left, tree.right, tree.word, tree.threshold, histograms)


def leaf_of(tree: Tree, histograms: np.ndarray) -> np.ndarray:
    """The leaf where each window ends.

    Parameters
    ----------
    tree : Tree
    histograms : (n, words) float array

    Returns
    -------
    (n,) int array
        Node numbers.
    """
    return (reached(tree, histograms) & (tree.left == NONE)).argmax(axis=1)


def probabilities(tree: Tree, histograms: np.ndarray) -> np.ndarray:
    """Classes of windows, by the training windows of their leaf.

    Parameters
    ----------
    tree : Tree
    histograms : (n, words) float array

    Returns
    -------
    (n, K) float array
        Rows sum to 1.
    """
    counts = tree.counts[leaf_of(tree, histograms)]
    return counts / counts.sum(axis=1, keepdims=True)


def rules(tree: Tree) -> dict[int, str]:
    """What a window must be like to end in each leaf.

    Returns
    -------
    dict of str
        By leaf: ``"word 3 > 0.12 and word 17 <= 0.04"``, words in the order in which they are first asked for, what is
        asked of one word several times drawn together; ``"all windows"`` of a tree that asks nothing.
    """
    return {int(leaf): _rule(tree, int(leaf)) for leaf in np.flatnonzero(tree.left == NONE)}


def table(tree: Tree, class_names: list[str]) -> pd.DataFrame:
    """The tree, a row for each node.

    Parameters
    ----------
    tree : Tree
    class_names : list of str
        In the order of the classes.

    Returns
    -------
    DataFrame
        ``node``, ``parent``, ``left``, ``right``, ``depth``, ``word``, ``threshold``, ``n_windows``, a column
        ``n_<class>`` for each class, ``value`` (model units), ``entropy_bits`` (of the classes of the node's training
        windows). -1 and NaN as in `Tree`.
    """
    n = tree.counts.sum(axis=1)
    share = tree.counts / n[:, None]
    bits = -np.log2(share, out=np.zeros_like(share), where=share > 0)
    return pd.DataFrame(
        {
            "node": np.arange(len(n)),
            "parent": tree.parent,
            "left": tree.left,
            "right": tree.right,
            "depth": tree.depth,
            "word": tree.word,
            "threshold": tree.threshold,
            "n_windows": n,
            **{f"n_{name}": tree.counts[:, number] for number, name in enumerate(class_names)},
            "value": tree.value,
            "entropy_bits": (share * bits).sum(axis=1),
        }
    )


def _followed(
    left: np.ndarray, right: np.ndarray, word: np.ndarray, threshold: np.ndarray, histograms: np.ndarray
) -> np.ndarray:
    # Rounded as when the tree was grown: a share on a threshold must not change sides.
    rounded = np.asarray(histograms, np.float32)
    at = np.zeros((len(rounded), len(left)), bool)
    at[:, 0] = True
    for node in np.flatnonzero(left != NONE):
        goes_left = rounded[:, word[node]] <= threshold[node]
        at[:, left[node]] = at[:, node] & goes_left
        at[:, right[node]] = at[:, node] & ~goes_left
    return at


def _rule(tree: Tree, leaf: int) -> str:
    above: dict[int, float] = {}
    up_to: dict[int, float] = {}
    path = [leaf]
    while path[-1] != 0:
        path.append(int(tree.parent[path[-1]]))
    path.reverse()
    for node, below in pairwise(path):
        word, threshold = int(tree.word[node]), float(tree.threshold[node])
        if below == tree.left[node]:
            up_to[word] = min(threshold, up_to.get(word, np.inf))
        else:
            above[word] = max(threshold, above.get(word, -np.inf))
    conditions = []
    for word in dict.fromkeys(int(tree.word[node]) for node in path[:-1]):
        conditions += [f"word {word} > {above[word]:.3g}"] if word in above else []
        conditions += [f"word {word} <= {up_to[word]:.3g}"] if word in up_to else []
    return " and ".join(conditions) or "all windows"
