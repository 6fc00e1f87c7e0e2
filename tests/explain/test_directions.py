import numpy as np
import pytest

from micro_features.explain.directions import interventional, sign_reversal, too_few

GROUPS = np.repeat(np.arange(8), 3)


def answered(network, features, seed=0, *, pores_lower=True):
    """Signs of two models in which pores move the prediction by the given sign, 0 for none."""
    rng = np.random.default_rng(seed)
    porosity = rng.uniform(0, 0.2, 24)
    lean = 0.05 * network * porosity + 0.001 * rng.normal(size=24)
    shap = features * (porosity - 0.1) + (0.01 if features else 0.1) * rng.normal(size=24)
    return sign_reversal(lean, shap, porosity, GROUPS, pores_lower=pores_lower, n_resamples=300)


def test_a_reversal_is_shouted_with_both_signs():
    found = answered(1, 1)
    assert (found.network, found.features) == ("raise", "raise")
    assert found.reversed == ("network", "features")
    assert found.words.startswith("Pores RAISE the prediction of the network (lean +0.00")
    assert "pores RAISE the prediction of the feature model" in found.words
    assert found.words.endswith(
        "Physics: pores lower conductivity. Both models are against it: association within these imaging sessions, not "
        "cause."
    )


@pytest.mark.parametrize("sign", [1, -1])
def test_where_physics_does_not_say_signs_are_told_and_not_judged(sign):
    found = answered(sign, sign, pores_lower=False)
    judged = answered(sign, sign)
    assert (found.network, found.features, found.lean) == (judged.network, judged.features, judged.lean)
    assert found.reversed == ()
    assert judged.words.startswith(f"{found.words} Physics")
    assert "hysics" not in found.words


@pytest.mark.parametrize(
    ("network", "features", "against", "said"),
    [
        (1, -1, ("network",), "The network is against it, the feature model opposes it"),
        (-1, 1, ("features",), "The feature model is against it, the network opposes it"),
        (1, 0, ("network",), "the feature model does not settle it"),
        (-1, -1, (), "Both models are in line with it"),
        (-1, 0, (), "Only the network is in line with it"),
        (0, 0, (), "Neither model says."),
    ],
)
def test_each_pair_of_signs_has_its_words(network, features, against, said):
    found = answered(network, features, seed=3)
    assert found.reversed == against
    assert said in found.words


def test_maps_that_do_not_resolve_pores_tell_no_sign_of_theirs():
    porosity = np.linspace(0, 0.2, 24)
    found = sign_reversal(None, porosity, porosity, GROUPS, pores_lower=True, n_resamples=50)
    assert (found.network, found.features, found.reversed) == ("unclear", "raise", ("features",))
    assert np.isnan(found.lean).all()
    assert found.words.startswith(
        "The maps of the network do not resolve pores and tell no sign of theirs, pores RAISE the prediction of the "
        "feature model"
    )
    assert "The feature model is against it, the network does not settle it" in found.words


def test_no_pores_and_few_groups_give_no_sign():
    nothing = np.zeros(24)
    found = sign_reversal(nothing, nothing, nothing, GROUPS, n_resamples=50)
    assert (found.network, found.features) == ("unclear", "unclear")
    assert "not defined" in found.words
    found = sign_reversal(np.ones(24), np.arange(24.0), np.arange(24.0), GROUPS // 4)
    assert (found.network, found.features) == ("unclear", "unclear")
    assert "+1, no interval: fewer than 6 groups" in found.words
    assert "nan" not in found.words
    found = sign_reversal(-np.ones(24), np.arange(24.0), -np.arange(24.0), np.arange(24) % 5)
    assert (found.network, found.features) == ("unclear", "unclear")


def test_an_intervention_by_hand():
    before = np.tile([1.0, 2.0], (24, 1))
    after = before + np.array([0.3, -0.1])
    control = before + np.array([0.1, 0.0])
    # A picture without pores: nothing is filled.
    after[0] = control[0] = before[0]
    found = interventional(before, after, control, GROUPS, what="Filling pores", n_resamples=100)
    assert found.change[0].value == pytest.approx(0.3 * 23 / 24)
    assert found.control[0].value == pytest.approx(0.1 * 23 / 24)
    assert found.beyond[0].value == pytest.approx(0.2 * 23 / 24)
    assert found.beyond[1].value == pytest.approx(-0.1 * 23 / 24)
    assert found.same_sign.value == 0
    assert (found.n, found.n_left_out) == (23, 1)
    assert found.words.startswith("Filling pores raises the network's prediction (+0.19, ")
    assert "and lowers the feature model's" in found.words
    said = "In 0% of 23 pictures, each group counting alike, both move the same way: less often than chance."
    assert found.words.endswith(said)


def test_what_the_control_does_as_well_is_not_the_phase():
    rng = np.random.default_rng(0)
    before = rng.normal(size=(24, 2))
    after, control = (before + 0.5 + 0.1 * rng.normal(size=(24, 2)) for _ in range(2))
    found = interventional(before, after, control, GROUPS, what="Erasing boundaries", n_resamples=300)
    assert found.change[0].low > 0.4
    assert found.beyond[0].low < 0 < found.beyond[0].high
    assert "does not clearly move the network's prediction" in found.words
    assert "not told from chance" in found.words


@pytest.mark.parametrize(
    ("groups", "few"),
    [
        ([], "too few pictures to tell (0)"),
        ([1], "too few pictures to tell (1)"),
        ([1, 2], "too few pictures to tell (2)"),
        ([1, 1, 1, 2], "too few groups to tell (2)"),
        ([1, 2, 3], ""),
    ],
)
def test_one_or_two_pictures_or_groups_tell_nothing(groups, few):
    assert too_few(np.array(groups)) == few


def test_of_one_or_two_pictures_no_number_is_told():
    before = np.zeros((2, 2))
    found = interventional(before, before + 1, before, np.arange(2), what="Filling pores", n_resamples=50)
    assert found.words == "Filling pores: too few pictures to tell (2)."
    # Four pictures, of which both models moved in one.
    before, after = np.zeros((4, 2)), np.array([[1.0, 1], [1, 0], [0, 1], [1, 0]])
    found = interventional(before, after, before, np.arange(4), what="Filling pores", n_resamples=50)
    assert "100%" not in found.words
    assert found.words.endswith("does. Whether both move the same way: too few pictures to tell (1).")


def test_two_models_that_move_alike():
    rng = np.random.default_rng(1)
    before, moved = np.zeros((24, 2)), rng.normal(size=(24, 1)) * [1, 2]
    found = interventional(before, moved, before, GROUPS, what="Filling pores", n_resamples=100)
    assert found.same_sign.value == 1
    assert found.same_sign.low == pytest.approx(0.025 ** (1 / len(set(GROUPS))))  # Clopper and Pearson, all alike
    assert "more often than chance" in found.words
    few = interventional(before[:15], moved[:15], before[:15], GROUPS[:15], what="x", n_resamples=50)
    assert "not told from chance" in few.words  # five of five groups
    assert few.words.count("no interval: fewer than 6 groups") == 2
    assert "does not clearly move the network's" in few.words
    assert "nan" not in few.words
    none = interventional(before, before, before, GROUPS, what="Filling pores", n_resamples=50)
    assert none.n == 0
    assert none.words.endswith("In no picture did both models move.")


def test_a_large_group_counts_as_one_and_the_share_lies_in_its_interval():
    # Ten pictures of one group alike, five of five groups not: one of six groups, whatever the pictures say.
    before, alike, groups = np.zeros((15, 2)), np.arange(15) < 10, np.array([0] * 10 + [1, 2, 3, 4, 5])
    after = np.stack([np.where(alike, 1.0, -1.0), np.ones(15)], axis=1)
    found = interventional(before, after, before, groups, what="x", n_resamples=50)
    assert found.same_sign == pytest.approx((0.0042, 1 / 6, 0.6412), abs=1e-4)  # Clopper and Pearson, 1 of 6
    assert "In 17% of 15 pictures" in found.words
    # Three groups of which one picture of two is alike: one and a half successes, not two.
    of_each = slice(7, 13), np.array([0, 1, 2, 0, 1, 2])
    half = interventional(before[:6], after[of_each[0]], before[:6], of_each[1], what="x", n_resamples=50).same_sign
    assert half.value == 0.5
    assert half.low == pytest.approx(1 - half.high)


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"expected \(24, 2\)"):
        interventional(np.zeros((24, 1)), np.zeros((24, 2)), np.zeros((24, 2)), GROUPS, what="x")
