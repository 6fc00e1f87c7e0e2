import numpy as np
import pytest

from micro_features.images.pair_evidence import PAIR_FEATURES, contact_evidence, pair_features, region_sums
from micro_features.images.watershed import Contacts, basins, contacts, cut, merge_tree

SHARES = ("share_below_0.1", "share_below_0.25", "share_below_0.5", "share_below_0.75")


def first_question(flat, labels, touching, evidence):
    """Pairs of touching basins before anything merged, and their features by name."""
    asked = []

    def weigh(pairs):
        asked.append(pairs)
        return np.ones(len(pairs.first), np.float32)

    merge_tree(region_sums(flat, labels), touching, evidence, weigh, top=0.0)
    table = pair_features(asked[0])
    assert table.dtype == np.float32
    assert table.shape == (len(asked[0].first), len(PAIR_FEATURES))
    return asked[0], dict(zip(PAIR_FEATURES, table.T, strict=True))


def some_log_odds(touching, *, seed=0):
    return np.random.default_rng(seed).normal(0, 2, len(touching.at)).astype(np.float32)


def three_regions():
    """A wide, a narrow and a short region: 1 beside 2 along 30 pixels, 3 below both."""
    labels = np.ones((40, 50), np.int32)
    labels[:30, 35:] = 2
    labels[30:] = 3
    flat = np.choose(labels, [0, 1.0, -0.5, 1.5]).astype(np.float32)
    return flat, labels, contacts(labels, np.zeros(labels.shape, np.float32))


def test_geometry_and_grey_levels_by_hand():
    flat, labels, touching = three_regions()
    rng = np.random.default_rng(1)
    noisy = flat + rng.normal(0, 0.3, flat.shape).astype(np.float32) * (labels == 2)
    evidence = contact_evidence(some_log_odds(touching))
    pairs, found = first_question(noisy, labels, touching, evidence)
    assert list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)) == [(1, 2), (1, 3), (2, 3)]
    area = np.array([30 * 35, 30 * 15, 10 * 50])
    # Contacts with other regions only: the frame is no outline.
    length, outline = np.array([30, 35, 15]), np.array([30 + 35, 30 + 15, 35 + 15])
    np.testing.assert_allclose(found["log_length"], np.log(length), rtol=1e-6)
    one, two = np.array([0, 0, 1]), np.array([1, 2, 2])
    for name, values in (
        ("log_area", np.log(area)),
        ("compactness", area / (outline**2 + 1)),
    ):
        np.testing.assert_allclose(found[f"{name}_smaller"], np.minimum(values[one], values[two]), rtol=1e-5)
        np.testing.assert_allclose(found[f"{name}_larger"], np.maximum(values[one], values[two]), rtol=1e-5)
    shares = np.stack((length / outline[one], length / outline[two]))
    np.testing.assert_allclose(found["outline_share_smaller"], shares.min(axis=0), rtol=1e-5)
    np.testing.assert_allclose(found["outline_share_larger"], shares.max(axis=0), rtol=1e-5)
    np.testing.assert_allclose(found["contrast"], [1.5, 0.5, 2.0], atol=0.15)
    assert (found["spread_smaller"] < found["spread_larger"]).all()
    spread = np.sqrt((found["spread_smaller"] ** 2 + found["spread_larger"] ** 2) / 2 + 0.01)
    np.testing.assert_allclose(found["contrast_to_spread"], found["contrast"] / spread, rtol=1e-4)


def test_spread_is_that_of_the_grey_levels_inside():
    rng = np.random.default_rng(1)
    _, labels, touching = three_regions()
    coarse = rng.normal(0, 1, (8, 10)).astype(np.float32).repeat(5, 0).repeat(5, 1)  # hardly changed by smoothing
    _, found = first_question(coarse, labels, touching, contact_evidence(some_log_odds(touching)))
    spread = [coarse[labels == label].std() for label in (1, 2)]
    assert found["spread_smaller"][0] == pytest.approx(min(spread), rel=0.15)
    assert found["spread_larger"][0] == pytest.approx(max(spread), rel=0.15)


def test_no_spread_leaves_contrast_finite():
    flat, labels, touching = three_regions()
    _, found = first_question(np.zeros_like(flat), labels, touching, contact_evidence(some_log_odds(touching)))
    np.testing.assert_allclose(found["contrast_to_spread"], 0, atol=1e-6)
    _, found = first_question(100 * flat, labels, touching, contact_evidence(some_log_odds(touching)))
    assert all(np.isfinite(column).all() for column in found.values())


def test_evidence_is_the_mean_over_contacts():
    flat, labels, touching = three_regions()
    log_odds = some_log_odds(touching)
    pairs, found = first_question(flat, labels, touching, contact_evidence(log_odds))
    probability = 1 / (1 + np.exp(-log_odds))
    for n, pair in enumerate(zip(pairs.first, pairs.second, strict=True)):
        here = (touching.first == pair[0]) & (touching.second == pair[1])
        assert found["log_odds"][n] == pytest.approx(log_odds[here].mean(), rel=1e-4)
        assert found["probability"][n] == pytest.approx(probability[here].mean(), rel=1e-4)
        for name in SHARES:
            assert found[name][n] == pytest.approx(np.mean(probability[here] < float(name[12:])), abs=1e-6)


def test_sure_answers():
    flat, labels, touching = three_regions()
    for sign in (-1, 1):
        log_odds = np.full(len(touching.at), sign * 200, np.float32)
        _, found = first_question(flat, labels, touching, contact_evidence(log_odds))
        np.testing.assert_allclose(found["probability"], sign > 0)
        for name in SHARES:
            np.testing.assert_allclose(found[name], sign < 0)


def test_merged_regions_are_described_as_if_they_had_been_one_from_the_start():
    # What makes it right to merge sums instead of looking at the picture again.
    rng = np.random.default_rng(3)
    flat = rng.normal(0, 1, (40, 50)).astype(np.float32)
    strength = rng.random(flat.shape, np.float32)
    labels, _ = basins(strength, np.ones(flat.shape, bool))
    touching = contacts(labels, strength)
    evidence = contact_evidence(some_log_odds(touching))
    latest = {}

    def weigh(pairs):
        for pair, row in zip(
            zip(pairs.first.tolist(), pairs.second.tolist(), strict=True), pair_features(pairs), strict=True
        ):
            latest[pair] = row
        return pairs.evidence[:, PAIR_FEATURES.index("probability") - 1]

    tree = merge_tree(region_sums(flat, labels), touching, evidence, weigh, top=0.5)
    merged = cut(tree, labels, 0.5)
    assert 10 < merged.max() < labels.max() / 2
    region = np.zeros(labels.max() + 1, np.int32)
    region[labels.ravel()] = merged.ravel()
    first, second = region[touching.first], region[touching.second]
    apart = first != second
    pairs, expected = first_question(
        flat, merged, Contacts(touching.at[apart], first[apart], second[apart]), evidence[apart]
    )
    left = {
        tuple(sorted((int(region[one]), int(region[two])))): row
        for (one, two), row in latest.items()
        if one not in tree.second and two not in tree.second
    }
    assert set(left) == set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    found = np.array([left[pair] for pair in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)])
    np.testing.assert_allclose(found, np.column_stack(list(expected.values())), rtol=2e-3, atol=2e-4)


def test_no_pair_has_no_row():
    flat, labels = np.zeros((20, 30), np.float32), np.ones((20, 30), np.int32)
    touching = contacts(labels, flat)
    evidence = contact_evidence(np.zeros(0, np.float32))
    pairs, _ = first_question(flat, labels, touching, evidence)
    assert pair_features(pairs).shape == (0, len(PAIR_FEATURES))


def test_region_sums_are_of_every_label():
    flat, labels, _ = three_regions()
    labels[:, :5] = 0
    sums = region_sums(flat, labels)
    assert sums.shape == (4, 3)
    assert sums.dtype == np.float32
    np.testing.assert_array_equal(sums[:, 0], np.bincount(labels.ravel()))
    assert sums[:, 1].sum() == pytest.approx(flat.sum(), rel=0.02)
    assert (sums[:, 2] * sums[:, 0] >= sums[:, 1] ** 2 * (1 - 1e-5)).all()
