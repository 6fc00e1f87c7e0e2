import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micro_features.visual_words.tree import grow, inner_nodes, leaf_of, probabilities, reached, rules, table


def some(seed, n=300, positions=25, words=6):
    rng = np.random.default_rng(seed)
    shares = rng.multinomial(positions, np.ones(words) / words, size=n) / positions
    classes = np.clip((shares[:, 0] * 8 + rng.normal(0, 0.5, n)).astype(int), 0, 2)
    return shares, classes, classes + rng.normal(0, 0.1, n)


def by_hand():
    """Word 0 decides between class 2 and the others, word 1 between these."""
    shares = np.array([[0.0, 0.2], [0.0, 0.2], [0.2, 0.6], [0.2, 0.6], [0.9, 0.2], [0.9, 0.6], [0.8, 0.6], [0.8, 0.2]])
    return shares, np.array([0, 0, 1, 1, 2, 2, 2, 2]), np.array([1.0, 2, 3, 4, 5, 6, 7, 8])


def test_tree_worked_by_hand():
    tree = grow(*by_hand(), 4)
    assert tree.left.tolist() == [1, 2, -1, -1, -1]
    assert tree.right.tolist() == [4, 3, -1, -1, -1]
    assert tree.parent.tolist() == [-1, 0, 1, 1, 0]
    assert tree.depth.tolist() == [0, 1, 2, 2, 1]
    assert tree.word[0] == 0
    assert np.allclose(tree.threshold[0], 0.5)
    assert np.isnan(tree.threshold[2:]).all()
    assert tree.counts.tolist() == [[2, 2, 4, 0], [2, 2, 0, 0], [2, 0, 0, 0], [0, 2, 0, 0], [0, 0, 4, 0]]
    assert tree.value.tolist() == [4.5, 2.5, 1.5, 3.5, 6.5]
    assert inner_nodes(tree).tolist() == [0, 1]
    assert leaf_of(tree, by_hand()[0]).tolist() == [2, 2, 3, 3, 4, 4, 4, 4]
    assert reached(tree, np.array([[0.0, 0.0]])).tolist() == [[True, True, True, False, False]]
    found = table(tree, ["low", "median", "high", "none"])
    assert found.columns.tolist() == [
        *("node", "parent", "left", "right", "depth", "word", "threshold", "n_windows"),
        *("n_low", "n_median", "n_high", "n_none", "value", "entropy_bits"),
    ]
    assert np.allclose(found["entropy_bits"], [1.5, 1, 0, 0, 0])
    assert found["n_windows"].tolist() == [8, 4, 2, 2, 4]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 8))
def test_says_what_sklearn_says(seed, max_depth):
    from sklearn.tree import DecisionTreeClassifier

    shares, classes, y = some(seed)
    theirs = DecisionTreeClassifier(criterion="entropy", max_depth=max_depth, random_state=seed).fit(shares, classes)
    tree = grow(shares, classes, y, 3, max_depth=max_depth, seed=seed)
    # Shares on a threshold, and a hair beside it, as well.
    on = np.add.outer(tree.threshold[inner_nodes(tree)], [-1e-9, 0, 1e-9]).reshape(-1, 1)
    for asked in (shares, some(seed + 1)[0], np.repeat(on, 6, axis=1)):
        assert (reached(tree, asked) == theirs.decision_path(asked).toarray().astype(bool)).all()
        assert (leaf_of(tree, asked) == theirs.apply(asked)).all()
        assert np.allclose(probabilities(tree, asked)[:, theirs.classes_], theirs.predict_proba(asked), atol=1e-12)
    assert tree.depth.max() <= max_depth


def test_counts_and_values_of_a_node_are_those_of_its_sides():
    tree = grow(*some(1), 3)
    inner = inner_nodes(tree)
    left, right = tree.left[inner], tree.right[inner]
    assert (tree.counts[inner] == tree.counts[left] + tree.counts[right]).all()
    n = tree.counts.sum(axis=1)
    assert np.allclose(n[inner] * tree.value[inner], n[left] * tree.value[left] + n[right] * tree.value[right])


def test_rules_read_as_sentences():
    found = rules(grow(*by_hand(), 3))
    assert list(found) == [2, 3, 4]
    assert found[4] == "word 0 > 0.5"
    assert found[3] in ("word 0 > 0.1 and word 0 <= 0.5", "word 0 <= 0.5 and word 1 > 0.4")
    only = rules(grow(np.ones((3, 2)), np.zeros(3, int), np.zeros(3), 2))
    assert only == {0: "all windows"}


def test_what_is_asked_of_a_word_again_is_drawn_together():
    shares = np.array([[0.0], [0.2], [0.4], [0.6]])
    found = rules(grow(shares, np.array([0, 1, 0, 1]), np.zeros(4), 2))
    assert sorted(found.values()) == sorted(
        ["word 0 <= 0.1", "word 0 > 0.1 and word 0 <= 0.3", "word 0 > 0.3 and word 0 <= 0.5", "word 0 > 0.5"]
    )


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_windows_of_a_leaf_obey_its_rule(seed):
    shares, classes, y = some(seed)
    tree = grow(shares, classes, y, 3)
    leaves = leaf_of(tree, shares)
    for leaf, rule in rules(tree).items():
        obey = np.ones(len(shares), bool)
        for condition in rule.split(" and "):
            _, word, sign, number = condition.split()
            share = shares[:, int(word)]
            obey &= share > float(number) if sign == ">" else share <= float(number)
        assert (obey == (leaves == leaf)).all()
