import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.stats import spearmanr

from micro_features.explain.sanity import (
    Check,
    border_share,
    cascade,
    concentration_check,
    flat_share,
    labels_check,
    perturbation_check,
    randomisation_check,
    randomised_layers,
    seeds_agreement,
    similarity,
)

GROUPS = np.repeat(np.arange(6), 2)


def maps(seed, shape=(30, 40)):
    rng = np.random.default_rng(seed)
    return [gaussian_filter(rng.normal(size=shape), 1) for _ in GROUPS]


def mixed(one, other, share):
    return [share * a + (1 - share) * b for a, b in zip(one, other, strict=True)]


def seeds(share, n=5):
    """Maps of n seeds that share a part."""
    common = maps(99)
    return [mixed(common, maps(seed), share) for seed in range(n)]


def agreed(value):
    return Check("seeds", "passes", value, value, value, 0.5, "")


def test_similarity_by_hand():
    one = np.array([[-3.0, -1.0], [0.5, 2.0]])
    assert similarity(one, 2 * one) == (1, 1)
    assert similarity(one, -one) == pytest.approx((-1, 1))
    other = np.array([[3.0, -1.0], [0.5, 2.0]])
    assert similarity(one, other).signed == pytest.approx(spearmanr(one.ravel(), other.ravel()).statistic)
    assert similarity(one, other).absolute == 1
    assert np.isnan(similarity(one, np.ones((2, 2)))).all()
    with pytest.raises(ValueError, match="take the same layer"):
        similarity(one, np.ones((2, 3)))


def test_border_by_hand():
    heat = np.ones((4, 5))
    assert border_share(heat) == pytest.approx(1)
    heat[1:-1, 1:-1] = 0
    assert border_share(-heat) == pytest.approx(20 / 14)
    heat[:] = 1
    heat[1, 1] = -1
    assert border_share(heat) == pytest.approx(1)
    heat[:] = 0
    heat[1, 1] = 1
    assert border_share(heat) == 0
    assert np.isnan(border_share(heat, 2))
    assert np.isnan(border_share(np.zeros((4, 5))))


def test_flat_area_by_hand():
    contrast = np.arange(16.0).reshape(4, 4)
    heat = np.zeros((4, 4))
    heat[0] = -1
    assert flat_share(heat, contrast) == pytest.approx(4)
    assert flat_share(np.ones((4, 4)), contrast) == pytest.approx(1)
    assert flat_share(heat, -contrast) == 0
    # A cell without valid area is neither flat nor hot.
    heat[3, 3], contrast[3, 3] = 100, np.nan
    assert flat_share(heat, contrast) == pytest.approx(15 / 4)
    assert np.isnan(flat_share(heat, np.full((4, 4), np.nan)))


@pytest.mark.parametrize(("middle", "verdict"), [(1.0, "passes"), (2.0, "fails"), (1.5, "not shown")])
def test_concentration_is_judged_by_its_interval(middle, verdict):
    ratios = middle + 0.1 * np.random.default_rng(0).normal(size=12)
    found = concentration_check("border", ratios, GROUPS)
    assert found.verdict == verdict
    assert found.low < found.value < found.high
    assert "border" in found.words


def test_no_picture_shows_nothing():
    found = concentration_check("border", np.full(12, np.nan), GROUPS)
    assert found.verdict == "not shown"
    assert found.words.endswith("It is defined for no picture.")


@pytest.mark.parametrize(
    ("medians", "verdict"),
    [
        ((1, 2, 5), "passes, 3 groups"),
        ((-1, -2, -5), "fails, 3 groups"),
        ((1, 2, -5), "not shown"),
        ((1,), "not shown"),  # by chance every second group is on the right side
    ],
)
def test_few_groups_answer_for_themselves_alone(medians, verdict):
    # Of the many pictures of a group a single one lies elsewhere: not each picture must be on the right side.
    gains = np.concatenate([np.r_[np.full(9, float(median)), -median] for median in medians])
    found = perturbation_check(gains, np.repeat(np.arange(len(medians)), 10))
    assert found.verdict == verdict
    assert found.by_group == medians
    assert found.value == np.median(gains)
    assert np.isnan([found.low, found.high]).all()
    over = f", over {len(medians)} groups {min(medians):.2f} to {max(medians):.2f}" if len(medians) > 1 else ""
    assert found.words.endswith(f"Fewer than 6 groups: no interval{over}.")


def test_few_groups_are_no_more_certain_with_more_pictures():
    values = 1.5 + 0.1 * np.random.default_rng(0).normal(size=12)
    one, many = (concentration_check("border", np.tile(values, k), np.tile(np.arange(12) % 3, k)) for k in (1, 50))
    assert repr(one) == repr(many)  # NaN is not equal to itself


def test_few_groups_have_no_interval_and_say_so():
    few = np.arange(12) % 5
    gains = 1 + np.random.default_rng(0).random(12)
    assert perturbation_check(gains, GROUPS).verdict == "passes"
    found = perturbation_check(gains, few)
    assert found.verdict == "passes, 5 groups"
    # A picture that is left out may be all that there was of a group.
    assert perturbation_check(np.where(GROUPS == 0, np.nan, gains), GROUPS).verdict == "passes, 5 groups"
    assert perturbation_check(gains, GROUPS).by_group == ()
    alike = seeds_agreement(seeds(0.9), few)
    assert alike.verdict == "passes, 5 groups"
    span = f"no interval, over 5 groups {min(alike.by_group):.2f} to {max(alike.by_group):.2f}"
    found = randomisation_check("weights", maps(1), [maps(2)], few, seeds=alike)
    assert found.verdict == "passes, 5 groups"
    assert f"two seeds share with signs, {alike.value:.2f} ({span})." in found.words
    # An interval is not held against the range of few groups, nor this against an interval.
    assert randomisation_check("weights", maps(1), [maps(2)], GROUPS, seeds=alike).verdict == "not shown"
    assert randomisation_check("weights", maps(1), [maps(2)], few, seeds=agreed(0.9)).verdict == "not shown"
    found = randomisation_check("weights", maps(1), [maps(2)], few, seeds=agreed(np.nan))
    assert found.verdict == "not shown"
    assert "nan" not in found.words


def test_seeds_that_share_most_of_their_maps_pass():
    found = seeds_agreement(seeds(0.75), GROUPS)
    assert found.verdict == "passes"
    assert found.value == pytest.approx(0.9, abs=0.05)
    assert seeds_agreement(seeds(0.2), GROUPS).verdict == "fails"


def test_the_value_of_seeds_is_the_median_of_means_over_pairs():
    sets = seeds(0.5, n=3)
    each = [
        np.mean([similarity(sets[a][k], sets[b][k]).signed for a, b in ((0, 1), (0, 2), (1, 2))])
        for k in range(len(GROUPS))
    ]
    found = seeds_agreement(sets, GROUPS)
    assert found.value == pytest.approx(np.median(each))
    without = [
        np.mean([similarity(sets[a][k], sets[b][k]).absolute for a, b in ((0, 1), (0, 2), (1, 2))]) for k in range(12)
    ]
    assert f"Without signs: {np.median(without):.2f} (" in found.words


@pytest.mark.parametrize("n", [0, 1, 4])
def test_fewer_than_five_seeds_show_nothing(n):
    found = seeds_agreement(seeds(0.9, n=n), GROUPS)
    assert found.verdict == "not shown"
    assert "Fewer than 5 seeds." in found.words
    assert ("defined for no picture" in found.words) == (n < 2)
    assert np.isnan(found.value) == (n < 2)


def test_layers_are_randomised_from_the_answer_down():
    assert cascade(["stem", "stage1", "head"]) == [("head",), ("head", "stage1"), ("head", "stage1", "stem")]


def test_what_is_left_of_maps_step_by_step():
    trained = maps(1)
    steps = {"head": [[-each for each in trained]], "stage1": [mixed(trained, maps(k), 0.5) for k in (2, 3)]}
    table = randomised_layers(trained, {**steps, "stem": [maps(4), maps(5), maps(6)]}, GROUPS)
    assert table["step"].tolist() == ["head", "stage1", "stem"]
    # A turned sign is still the same map.
    assert table.loc[0, ["signed", "absolute", "kept"]].tolist() == pytest.approx([-1, 1, 1])
    assert table["kept"].is_monotonic_decreasing
    assert table.loc[1, "kept"] == pytest.approx(table.loc[1, "signed"], abs=0.02)
    assert table.loc[1, "kept"] > table.loc[1, "absolute"] + 0.1
    assert table.loc[2, "kept_high"] < 0.2
    assert abs(table.loc[2, "signed"]) < 0.1


def test_random_networks_must_show_something_else():
    trained = maps(1)
    found = randomisation_check("weights", trained, [maps(2), maps(3)], GROUPS, seeds=agreed(0.6))
    assert found.verdict == "passes"
    assert "weights are random" in found.words
    edges = [mixed(trained, maps(k), 0.7) for k in (2, 3)]
    assert randomisation_check("weights", trained, edges, GROUPS, seeds=agreed(0.6)).verdict == "fails"
    turned = [[-each for each in trained]]
    assert randomisation_check("weights", trained, turned, GROUPS, seeds=agreed(0.6)).verdict == "fails"


def test_networks_that_learned_exchanged_targets_must_show_something_else():
    trained, common = seeds(0.6), maps(99)
    other = [maps(20), maps(21)]
    found = labels_check(trained, other, GROUPS)
    assert found.verdict == "passes"
    assert (found.name, found.limit) == ("labels", 0.3)
    assert "5 seeds to those of 2 networks" in found.words
    assert labels_check(trained, [mixed(common, each, 0.6) for each in other], GROUPS).verdict == "fails"
    # The places are the same though signs are turned: less than 0.3 with signs, much without.
    turned = labels_check(trained, [[-each for each in common]] * 2, GROUPS)
    assert turned.high < -0.5
    assert turned.verdict == "fails"
    # Where seeds share no more, that other networks share little shows nothing.
    assert labels_check(seeds(0.0), other, GROUPS).verdict == "not shown"


def test_exchanged_targets_are_measured_as_seeds_are_over_all_pairs():
    trained, other = seeds(0.5, n=3), [mixed(maps(99), maps(20), 0.4), maps(21)]
    each = np.array(
        [np.mean([similarity(own[k], one[k]) for own in trained for one in other], axis=0) for k in range(len(GROUPS))]
    )
    signed, absolute = np.median(each, axis=0)
    found = labels_check(trained, other, GROUPS)
    assert found.value == pytest.approx(signed)
    seen = seeds_agreement(trained, GROUPS)
    assert f"less than two seeds share, {seen.value:.2f} ({seen.low:.2f} to {seen.high:.2f})." in found.words
    assert f"Without signs: {absolute:.2f} (" in found.words
    # Of maps that have nothing in common neither measure is more than 0 on average; the larger of both would be.
    chance = [labels_check([maps(k)], [maps(k + 50)], GROUPS).value for k in range(20)]
    assert abs(np.mean(chance)) < 0.02


def test_exchanged_targets_with_few_groups_are_of_these_alone():
    few = np.arange(12) % 3
    found = labels_check(seeds(0.6), [maps(20), maps(21)], few)
    assert found.verdict == "passes, 3 groups"
    assert len(found.by_group) == 3
    assert found.words.endswith(
        f"Fewer than 6 groups: no interval, over 3 groups {min(found.by_group):.2f} to {max(found.by_group):.2f}."
    )
    assert labels_check(seeds(0.6), [maps(20)], np.zeros(12)).verdict == "not shown"


def test_where_seeds_share_nothing_a_change_shows_nothing():
    for value in (0.01, np.nan):
        found = randomisation_check("weights", maps(1), [maps(2)], GROUPS, seeds=agreed(value))
        assert found.high < 0.3
        assert found.verdict == "not shown"


def test_gains_are_judged_by_their_interval():
    gains = np.random.default_rng(0).normal(size=12)
    assert perturbation_check(gains + 3, GROUPS).verdict == "passes"
    assert perturbation_check(gains - 3, GROUPS).verdict == "fails"
    assert perturbation_check(gains, GROUPS).verdict == "not shown"
