import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micro_features.images.watershed import MergeTree, basins, contacts, cut, merge_tree, regions_at, size_weight


def _tree(labels, count, strength, *, small_area_px, top) -> MergeTree:
    touching = contacts(labels, strength)
    area = np.bincount(labels.ravel(), minlength=count + 1)
    return merge_tree(
        area[:, None],
        touching,
        strength.ravel()[touching.at][:, None],
        lambda pairs: pairs.evidence[:, 0] * size_weight(pairs, small_area_px=small_area_px),
        top=top,
    )


def everywhere(image):
    return np.ones(image.shape, bool)


def test_two_pits_and_the_ridge_between_them():
    height = np.array([[2, 1, 2, 5, 3, 2, 3]], np.float32).repeat(3, axis=0)
    labels, count = basins(height, everywhere(height))
    assert count == 2
    # The ridge pixel runs to the lower of its neighbours.
    np.testing.assert_array_equal(labels[1], [1, 1, 1, 1, 2, 2, 2])


def test_a_plateau_is_one_minimum():
    height = np.full((20, 30), 0.5, np.float32)
    labels, count = basins(height, everywhere(height))
    assert count == 1
    assert (labels == 1).all()


def test_water_does_not_cross_what_is_not_valid():
    height = np.zeros((10, 21), np.float32)
    valid = everywhere(height)
    valid[:, 10] = False
    labels, count = basins(height, valid)
    assert count == 2
    assert (labels[:, 10] == 0).all()
    assert labels[0, 0] != labels[0, 20]


def test_nothing_valid_has_no_basin():
    labels, count = basins(np.zeros((5, 5), np.float32), np.zeros((5, 5), bool))
    assert count == 0
    assert not labels.any()


def test_every_pixel_runs_downhill():
    height = np.random.default_rng(0).random((60, 80), np.float32)
    labels, count = basins(height, everywhere(height))
    lowest_of_basin = np.full(count + 1, np.inf)
    np.minimum.at(lowest_of_basin, labels.ravel(), height.ravel())
    # A basin's lowest pixel is a local minimum, and there is one basin to each.
    padded = np.pad(height, 1, constant_values=np.inf)
    neighbours = [padded[1 + r : 61 + r, 1 + c : 81 + c] for r in (-1, 0, 1) for c in (-1, 0, 1) if r or c]
    minima = (height < np.min(neighbours, axis=0)).sum()
    assert count == minima
    assert np.isin(lowest_of_basin[1:], height[height < np.min(neighbours, axis=0)]).all()


def test_merging_by_hand():
    # Four basins in a row; boundaries of strength 0.5, 0.1, 0.3; areas so large that they do not count.
    labels = np.repeat([[1, 2, 3, 4]], 4, axis=1).reshape(1, 16).repeat(5, axis=0).astype(np.int32)
    strength = np.zeros(labels.shape, np.float32)
    strength[:, 4], strength[:, 8], strength[:, 12] = 0.5, 0.1, 0.3
    tree = _tree(labels, 4, strength, small_area_px=0.01, top=1.0)
    np.testing.assert_allclose(np.sort(tree.level), [0.1, 0.3, 0.5], rtol=1e-6)
    assert [tree.regions(level) for level in (0.05, 0.2, 0.4, 0.6)] == [4, 3, 2, 1]
    np.testing.assert_array_equal(cut(tree, labels, 0.2)[0, ::4], [1, 2, 2, 3])
    np.testing.assert_array_equal(cut(tree, labels, 0.4)[0, ::4], [1, 2, 2, 2])


def test_small_regions_need_stronger_boundaries():
    labels = np.ones((20, 20), np.int32)
    labels[:2, :5] = 2
    strength = np.full(labels.shape, 0.4, np.float32)
    tree = _tree(labels, 2, strength, small_area_px=10.0, top=1.0)
    assert tree.level[0] == pytest.approx(0.4 * (1 - np.exp(-1)), rel=1e-5)


def one_pair_at_a_time(labels, strength, small_area_px, top):
    """The definition, as slowly as it reads: levels at which the weakest boundary vanishes."""
    sums: dict[tuple[int, int], list[float]] = {}
    area = dict(enumerate(np.bincount(labels.ravel()).tolist()))
    for (r, c), label in np.ndenumerate(labels):
        for r2, c2 in ((r, c + 1), (r + 1, c)):
            if r2 < labels.shape[0] and c2 < labels.shape[1] and labels[r2, c2] != label:
                pair = tuple(sorted((int(label), int(labels[r2, c2]))))
                entry = sums.setdefault(pair, [0, 0])
                entry[0] += 1
                entry[1] += float(max(strength[r, c], strength[r2, c2]))

    def weight(pair):
        length, total = sums[pair]
        return total / length * (1 - np.exp(-min(area[pair[0]], area[pair[1]]) / small_area_px))

    levels = []
    while sums:
        pair = min(sums, key=weight)
        if weight(pair) > top:
            break
        levels.append(weight(pair))
        kept, gone = pair
        area[kept] += area.pop(gone)
        merged: dict[tuple[int, int], list[float]] = {}
        for (a, b), (length, total) in sums.items():
            new = tuple(sorted((kept if a == gone else a, kept if b == gone else b)))
            if new[0] != new[1]:
                entry = merged.setdefault(new, [0, 0])
                entry[0] += length
                entry[1] += total
        sums = merged
    return levels


@pytest.mark.parametrize("top", [0.4, 2.0])
def test_merging_all_at_once_equals_one_pair_at_a_time(top):
    rng = np.random.default_rng(5)
    strength = rng.random((24, 30), np.float32)
    labels, count = basins(strength, everywhere(strength))
    assert count > 30
    tree = _tree(labels, count, strength, small_area_px=20.0, top=top)
    expected = one_pair_at_a_time(labels, strength, 20.0, top)
    np.testing.assert_allclose(np.sort(tree.level), np.sort(expected), rtol=1e-4)


def test_equal_boundaries_all_vanish():
    labels = np.arange(1, 26, dtype=np.int32).reshape(5, 5).repeat(4, 0).repeat(4, 1)
    tree = _tree(labels, 25, np.full(labels.shape, 0.2, np.float32), small_area_px=0.1, top=0.3)
    assert tree.regions(0.25) == 1
    assert tree.regions(0.15) == 25


def test_background_merges_with_nothing():
    labels = np.ones((10, 21), np.int32)
    labels[:, 10], labels[:, 11:] = 0, 2
    tree = _tree(labels, 2, np.zeros(labels.shape, np.float32), small_area_px=1.0, top=1.0)
    assert tree.regions(1.0) == 2
    np.testing.assert_array_equal(cut(tree, labels, 1.0), labels)


@pytest.mark.parametrize("strength", [0.0, 0.2])
def test_three_equal_boundaries_that_meet_all_vanish(strength):
    # Each of three regions touches both others: every one has two partners that are equally weak.
    labels = np.array([[1, 2], [3, 3]], np.int32).repeat(8, 0).repeat(8, 1)
    tree = _tree(labels, 3, np.full(labels.shape, strength, np.float32), small_area_px=0.1, top=0.3)
    np.testing.assert_allclose(tree.level, np.float32([strength] * 2))
    assert tree.regions(0.3) == 1


def sums_by_hand(labels, region_of, strength, inside):
    """Length, mean strength, sums inside and outlines of every pair of touching regions, from the picture itself."""
    regions = region_of[labels]
    pairs: dict[tuple[int, int], list[float]] = {}
    for (r, c), label in np.ndenumerate(regions):
        for r2, c2 in ((r, c + 1), (r + 1, c)):
            if r2 < labels.shape[0] and c2 < labels.shape[1] and regions[r2, c2] != label:
                pair = tuple(sorted((int(label), int(regions[r2, c2]))))
                pairs.setdefault(pair, []).append(float(max(strength[r, c], strength[r2, c2])))
    outline = np.zeros(region_of.max() + 1)
    for pair, values in pairs.items():
        outline[list(pair)] += len(values)
    total = np.zeros((region_of.max() + 1, inside.shape[1]))
    np.add.at(total, region_of, inside)
    return {
        pair: (len(values), np.mean(values), *total[list(pair)].ravel(), *outline[list(pair)])
        for pair, values in pairs.items()
    }


def test_what_is_known_of_a_pair_is_that_of_its_merged_regions():
    rng = np.random.default_rng(2)
    strength = rng.random((20, 26), np.float32)
    labels, _ = basins(strength, everywhere(strength))
    touching = contacts(labels, strength)
    inside = np.stack((np.bincount(labels.ravel()), np.bincount(labels.ravel(), strength.ravel())), axis=1)
    asked = []

    def weigh(pairs):
        asked.append(pairs)
        return pairs.evidence[:, 0]

    tree = merge_tree(inside, touching, strength.ravel()[touching.at][:, None], weigh, top=0.8)
    assert len(asked) > 4
    latest: dict[tuple[int, int], tuple[float, ...]] = {}
    for pairs in asked:
        assert (pairs.first < pairs.second).all()
        for n, pair in enumerate(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)):
            latest[pair] = (
                pairs.length_px[n],
                pairs.evidence[n, 0],
                *pairs.inside_first[n],
                *pairs.inside_second[n],
                pairs.outline_first_px[n],
                pairs.outline_second_px[n],
            )
    # Regions that are left at the top keep the label of one of their basins; all is compared under that label.
    region = regions_at(tree, 0.8)
    left = {pair for pair in latest if not any(gone in tree.second for gone in pair)}
    name = {int(region[label]): label for pair in left for label in pair}
    by_hand = sums_by_hand(labels, np.array([name.get(int(r), 0) for r in region]), strength, inside)
    assert set(by_hand) == left
    for pair, expected in by_hand.items():
        np.testing.assert_allclose(latest[pair], expected, rtol=1e-4)


def test_a_region_that_grew_is_asked_about_anew_and_no_other():
    # Basins in a row. The first two merge; only then is their boundary with the third another one.
    labels = np.repeat([[1, 2, 3, 4, 5]], 4, axis=1).reshape(1, 20).repeat(3, axis=0).astype(np.int32)
    strength = np.zeros(labels.shape, np.float32)
    strength[:, 4::4] = [0.1, 0.5, 0.6, 0.7]
    touching = contacts(labels, strength)
    asked = []

    def weigh(pairs):
        asked.append(list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)))
        return pairs.evidence[:, 0]

    merge_tree(np.bincount(labels.ravel())[:, None], touching, strength.ravel()[touching.at][:, None], weigh, top=0.2)
    assert asked == [[(1, 2), (2, 3), (3, 4), (4, 5)], [(1, 3)]]


@given(seed=st.integers(0, 2**16), levels=st.lists(st.floats(0, 1, width=32), min_size=2, max_size=6))
@settings(max_examples=60, deadline=None)
def test_regions_only_unite_when_the_level_rises(seed, levels):
    rng = np.random.default_rng(seed)
    labels = np.arange(1, 31, dtype=np.int32).reshape(5, 6)
    labels[rng.random(labels.shape) < 0.1] = 0
    strength = np.zeros(labels.shape, np.float32)
    touching = contacts(labels, strength)
    inside = np.bincount(labels.ravel(), minlength=31)[:, None]

    def whim(pairs):
        # Any answer, equal ones among them, whether or not it falls when regions grow.
        return rng.integers(0, 8, len(pairs.first)).astype(np.float32) / 7

    tree = merge_tree(inside, touching, np.zeros((len(touching.at), 1), np.float32), whim, top=1.0)
    below, *above = (regions_at(tree, level) for level in sorted(levels))
    for higher in above:
        # What is together stays together.
        together = {int(region): int(higher[n]) for n, region in enumerate(below)}
        np.testing.assert_array_equal([together[int(region)] for region in below], higher)
        assert higher.max() <= below.max()
        below = higher
    for level in levels:
        region = regions_at(tree, level)
        assert region[0] == 0
        assert region.max() == tree.regions(level)
        # Numbered from 1 in the order of the first basins.
        _, first_basin = np.unique(region, return_index=True)
        assert (np.diff(first_basin) > 0).all()
    np.testing.assert_array_equal(regions_at(tree, -1.0), np.arange(31))


def test_a_region_vanishes_no_earlier_than_the_boundaries_inside_it():
    # Once the first two have merged at 0.5, their boundary with the third is said to be weak.
    labels = np.repeat([[1, 2, 3]], 4, axis=1).reshape(1, 12).astype(np.int32)
    touching = contacts(labels, np.zeros(labels.shape, np.float32))
    answers = iter(([0.5, 0.9], [0.2], []))
    tree = merge_tree(
        np.full((4, 1), 4),
        touching,
        np.zeros((2, 1), np.float32),
        lambda pairs: np.array(next(answers), np.float32),
        top=1.0,
    )
    np.testing.assert_array_equal(tree.level, [0.5, 0.5])


def test_no_contact_leaves_the_basins_as_they_are():
    labels = np.array([[1, 1, 0, 2, 2]], np.int32)
    tree = _tree(labels, 2, np.zeros(labels.shape, np.float32), small_area_px=1.0, top=1.0)
    assert tree.count == 2
    assert len(tree.level) == 0
    np.testing.assert_array_equal(regions_at(tree, 1.0), [0, 1, 2])


@pytest.mark.parametrize("shape", [(1, 40), (40, 1), (1, 1), (2, 3)])
def test_narrowest_pictures(shape):
    strength = np.random.default_rng(0).random(shape, np.float32)
    labels, count = basins(strength, everywhere(strength))
    assert labels.shape == shape
    assert set(np.unique(labels)) == set(range(1, count + 1))
    tree = _tree(labels, count, strength, small_area_px=0.1, top=1.0)
    assert tree.regions(1.0) == 1
