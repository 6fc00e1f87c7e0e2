import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micro_features.images.stability import Rung, agreement, expected_f1, rungs, stability
from micro_features.images.watershed import MergeTree, contacts, cut, merge_tree, regions_at

# Four basins in a row, of 10, 20, 30 and 40 columns: the first two unite at 0.2, the others at 0.4, all at 0.6.
LABELS = np.repeat(np.arange(1, 5, dtype=np.int32), [10, 20, 30, 40])[None].repeat(3, axis=0)
TREE = MergeTree(4, np.array([1, 3, 1]), np.array([2, 4, 3]), np.array([0.2, 0.4, 0.6], np.float32))
AREA_PX = np.bincount(LABELS.ravel())


def test_stability_by_hand():
    found = stability(TREE, AREA_PX, 0.5, (0.3, 0.7))
    # The first grain is the same at 0.3, the second has a part of four sevenths there; at 0.7 both are one.
    np.testing.assert_allclose(found, [1, (1 + 0.3) / 2, (4 / 7 + 0.7) / 2], rtol=1e-6)
    assert found.dtype == np.float32


def test_at_its_own_level_every_grain_is_the_same():
    np.testing.assert_array_equal(stability(TREE, AREA_PX, 0.5, (0.5,)), [1, 1, 1])


def test_what_no_level_changes_is_stable():
    alone = MergeTree(2, *(np.zeros(0, dtype) for dtype in (int, int, np.float32)))
    np.testing.assert_array_equal(stability(alone, np.array([5, 7, 9]), 0.5, (0.1, 0.3, 0.9)), [1, 1, 1])


def test_agreement_by_hand():
    # Background and six basins; the first two regions agree in 30 of 40, the third is cut in halves, one is whole.
    area_px = np.array([99, 20, 10, 10, 8, 8, 5])
    one = np.array([0, 1, 1, 2, 3, 3, 4])
    other = np.array([0, 1, 1, 1, 3, 4, 5])
    # 30 of 40, 10 of 40, 8 of 16 twice (not above one half), 5 of 5.
    assert agreement(one, other, area_px) == pytest.approx(2 * 2 / (4 + 4))
    assert agreement(one, one, area_px) == 1
    assert np.isnan(agreement(one[:1], other[:1], area_px[:1]))


@given(seed=st.integers(0, 2**16))
@settings(max_examples=30, deadline=None)
def test_agreement_does_not_depend_on_order_or_numbers(seed):
    rng = np.random.default_rng(seed)
    one, other = np.append(0, rng.integers(1, 6, 12)), np.append(0, rng.integers(1, 6, 12))
    area_px = rng.integers(1, 20, 13)
    found = agreement(one, other, area_px)
    assert 0 <= found <= 1
    assert found == agreement(other, one, area_px)
    renumbered = np.append(0, rng.permutation(np.arange(1, 8)))[other]
    assert found == agreement(one, renumbered, area_px)


def test_expected_f1_lies_on_a_line_between_none_and_all():
    assert expected_f1(0.6, (0.0, 1.0)) == pytest.approx(0.6)
    assert expected_f1(0.6, (0.2, 0.5)) == pytest.approx(0.5)
    assert expected_f1(0.6, (-2.0, 1.0)) == 0
    assert expected_f1(0.6, (0.9, 1.0)) == 1
    assert np.isnan(expected_f1(np.nan, (0.0, 1.0)))


def test_rungs_by_hand():
    touching = contacts(LABELS, np.zeros(LABELS.shape, np.float32))
    assert rungs(TREE, touching, (0.1, 0.3, 0.5, 0.7)) == (
        Rung(0.1, 4, 9),
        Rung(0.3, 3, 6),
        Rung(0.5, 2, 3),
        Rung(0.7, 1, 0),
    )


def grown(seed):
    """A picture of basins of many sizes, and a tree of random merges."""
    rng = np.random.default_rng(seed)
    labels = np.sort(rng.integers(1, 25, (12, 14)), axis=1).astype(np.int32)
    labels[rng.random(labels.shape) < 0.1] = 0
    _, labels = np.unique(np.append(labels, 0), return_inverse=True)
    labels = labels[:-1].reshape(12, 14).astype(np.int32)
    touching = contacts(labels, np.zeros(labels.shape, np.float32))
    tree = merge_tree(
        np.bincount(labels.ravel())[:, None],
        touching,
        rng.random((len(touching.at), 1), np.float32),
        lambda pairs: pairs.evidence[:, 0],
        top=1.0,
    )
    return labels, touching, tree


unit = st.floats(0, 1, width=32)


@given(seed=st.integers(0, 2**16), level=unit, others=st.lists(unit, min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_stability_is_the_largest_overlap_with_a_grain_at_other_levels(seed, level, others):
    labels, _, tree = grown(seed)
    found = stability(tree, np.bincount(labels.ravel()), level, tuple(others))
    here = cut(tree, labels, level)
    assert len(found) == here.max() + 1
    assert found.min() > 0
    assert found.max() <= 1
    for grain in range(1, here.max() + 1):
        overlaps = []
        for other in others:
            there, mask = cut(tree, labels, other), here == grain
            candidates = [there == label for label in np.unique(there[mask])]
            overlaps.append(max(np.sum(mask & each) / np.sum(mask | each) for each in candidates))
        assert found[grain] == pytest.approx(np.mean(overlaps), rel=1e-5)


@given(seed=st.integers(0, 2**16), levels=st.lists(unit, min_size=2, max_size=5))
@settings(max_examples=30, deadline=None)
def test_grains_and_boundary_become_fewer_as_the_level_rises(seed, levels):
    labels, touching, tree = grown(seed)
    found = rungs(tree, touching, tuple(sorted(levels)))
    for lower, higher in itertools.pairwise(found):
        assert higher.n_grains <= lower.n_grains
        assert higher.boundary_px <= lower.boundary_px
    for rung in found:
        region = cut(tree, labels, rung.level)
        meet = [(region[:, :-1], region[:, 1:]), (region[:-1], region[1:])]
        assert rung.boundary_px == sum(np.count_nonzero((a != b) & (a > 0) & (b > 0)) for a, b in meet)
        assert rung.n_grains == regions_at(tree, rung.level).max()
