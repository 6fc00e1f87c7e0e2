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


def test_few_groups_show_nothing_and_say_so():
    few = np.arange(12) % 5
    gains = 1 + np.random.default_rng(0).random(12)
    assert perturbation_check(gains, GROUPS).verdict == "passes"
    found = perturbation_check(gains, few)
    assert found.verdict == "not shown"
    assert found.words.endswith("Fewer than 6 groups: there is no interval.")
    # A picture that is left out may be all that there was of a group.
    assert perturbation_check(np.where(GROUPS == 0, np.nan, gains), GROUPS).verdict == "not shown"
    alike = seeds_agreement(seeds(0.9), few)
    assert alike.verdict == "not shown"
    for known in (alike, agreed(np.nan)):
        found = randomisation_check("weights", maps(1), [maps(2)], few, seeds=known)
        assert found.verdict == "not shown"
        assert "nan" not in found.words
    assert (
        f"two seeds share, {alike.value:.2f} (no interval)."
        in randomisation_check("weights", maps(1), [maps(2)], few, seeds=alike).words
    )


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
    assert seeds_agreement(sets, GROUPS).value == pytest.approx(np.median(each))


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
    assert randomisation_check("labels", trained, edges, GROUPS, seeds=agreed(0.6)).verdict == "fails"
    turned = [[-each for each in trained]]
    assert randomisation_check("labels", trained, turned, GROUPS, seeds=agreed(0.6)).verdict == "fails"


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
