import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from micro_features.explain.compare import agreement, rank_correlation, rank_correlations_given, window_correlation
from micro_features.explain.enrichment import MEASURES, enrichment, shifted_null

GROUPS = np.repeat(np.arange(12), 4)


def planted(sign=1.0, *, noise=0.1, seed=0):
    """Leans and SHAP sums of 12 groups of 4 pictures that follow one cause for each phase, and the two nulls."""
    rng = np.random.default_rng(seed)
    cause = np.repeat(rng.normal(size=(12, 2)), 4, axis=0) + 0.3 * rng.normal(size=(48, 2))
    shap = cause + noise * rng.normal(size=(48, 2))
    cnn = sign * 0.01 * (cause + noise * rng.normal(size=(48, 2)))
    return {
        "cnn": cnn,
        "shap": shap,
        "groups": GROUPS,
        "measured": rng.permutation(48),
        "null_shift": 0.01 * rng.normal(size=(199, 48, 2)),
        "untrained": 0.01 * rng.normal(size=(9, 48, 2)),
        "n_resamples": 200,
    }


def test_rank_correlation_is_that_of_scipy_ties_and_all():
    rng = np.random.default_rng(0)
    one, other = rng.integers(5, size=(2, 3, 20, 2)).astype(float)
    found = rank_correlation(one, other)
    assert found.shape == (3, 2)
    assert found[1, 0] == pytest.approx(spearmanr(one[1, :, 0], other[1, :, 0]).statistic)
    np.testing.assert_allclose(rank_correlation(one, one), 1)
    np.testing.assert_allclose(rank_correlation(one, -one), -1)
    assert np.isnan(rank_correlation(one[0], np.ones((20, 2)))).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999))
def test_ranks_do_not_mind_units_or_order(seed):
    rng = np.random.default_rng(seed)
    one, other = rng.normal(size=(2, 15, 2))
    order = rng.permutation(15)
    np.testing.assert_allclose(
        rank_correlation(np.exp(one[order]), other[order] ** 3), rank_correlation(one, other), atol=1e-12
    )


def test_two_models_that_lean_alike_agree():
    data = planted()
    found = agreement(**data)
    expected = [spearmanr(data["cnn"][:, k], data["shap"][:, k]).statistic for k in (0, 1)]
    assert [each.value for each in found.by_phase.values()] == pytest.approx(expected)
    assert list(found.by_phase) == ["pore", "boundary"]
    assert found.value == pytest.approx(np.mean(expected))
    assert found.low > 0.8
    assert found.p_shift == 2 / 200
    assert found.p_shuffle == pytest.approx(2 / 201)
    assert (found.n, found.n_groups, len(found.untrained)) == (48, 12, 9)
    assert found.verdict == "agree"
    assert "not shown to be a cause" in found.reasons[0]


@pytest.mark.parametrize("turned", [1, -1])
def test_a_phase_that_does_not_bear_the_verdict_is_named(turned):
    """One phase alone may carry the mean of both."""
    data = planted()
    assert not any("alone" in reason for reason in agreement(**data).reasons)
    rng = np.random.default_rng(5)
    cnn = turned * np.stack([data["cnn"][:, 0], rng.permutation(data["cnn"][:, 1])], axis=1)
    found = agreement(**{**data, "cnn": cnn})
    assert found.verdict == ("agree" if turned > 0 else "disagree")
    assert "Of boundary alone this is not shown: it is borne by pore." in found.reasons


def test_identical_ranks_give_one_and_turned_ones_disagree():
    data = planted(noise=0.0)
    assert agreement(**data).value == pytest.approx(1)
    found = agreement(**{**data, "cnn": -data["cnn"]})
    assert found.value == pytest.approx(-1)
    assert found.verdict == "disagree"
    assert "the opposite" in found.reasons[0]


def test_two_models_that_answer_with_porosity_agree_by_lean_where_density_would_see_nothing():
    rng = np.random.default_rng(2)
    porosity = np.repeat(rng.uniform(0.02, 0.4, 12), 3) * rng.uniform(0.9, 1.1, 36)
    lean, density, null = [], [], []
    for share in porosity:
        pore = (rng.random((12, 12)) < share).astype(float)
        shares = {"pore": pore, "interior": 1 - pore}
        # What the network says of the rest of the picture differs and has nothing to do with pores.
        heat = -pore + rng.normal()
        table = enrichment(heat, shares)
        lean.append([table.loc["pore", "lean"]])
        density.append([table.loc["pore", "net"]])
        null.append(shifted_null(heat, shares, n=99, rng=rng)[:, :1, MEASURES.index("lean")])
    shap = -2 * (porosity - porosity.mean())[:, None]
    found = agreement(
        np.array(lean),
        shap,
        np.repeat(np.arange(12), 3),
        measured=rng.permutation(36),
        null_shift=np.stack(null, axis=1),
        untrained=rng.normal(size=(9, 36, 1)),
        phases=["pore"],
        n_resamples=200,
    )
    assert found.value > 0.8
    assert found.verdict == "agree"
    assert rank_correlation(np.array(density), shap)[0] < 0.4


def test_partial_rank_correlation_is_that_of_the_residuals():
    rng = np.random.default_rng(20)
    one, other, given = rng.normal(size=(30, 2)), rng.normal(size=(30, 2)), rng.normal(size=30)
    one[:, 1] += given
    other += 2 * given[:, None]
    plain, partial = rank_correlations_given(one, other, given)
    np.testing.assert_allclose(plain, rank_correlation(one, other))
    ranks = [np.argsort(np.argsort(each, axis=0), axis=0) for each in (one, other)]
    of_given = np.column_stack([np.argsort(np.argsort(given)), np.ones(30)])
    left = [each - of_given @ np.linalg.lstsq(of_given, each, rcond=None)[0] for each in ranks]
    np.testing.assert_allclose(partial, [np.corrcoef(left[0][:, k], left[1][:, k])[0, 1] for k in (0, 1)])
    np.testing.assert_allclose(rank_correlations_given(one, one, given)[1], 1)
    # In the order of the third there is nothing left; nor is there at equal rank of what does not vary.
    assert np.isnan(rank_correlations_given(one, other, one[:, 0] ** 3)[1][0])
    assert np.isnan(rank_correlations_given(one, other, np.ones(30))[1]).all()


@pytest.mark.parametrize(("sign", "verdict"), [(1, "agree"), (-1, "disagree")])
def test_models_that_only_follow_the_property_are_not_told_to_agree(sign, verdict):
    rng = np.random.default_rng(21)
    data = planted()
    measured = np.repeat(rng.normal(size=12), 4) + 0.1 * rng.normal(size=48)

    def both(own):
        noise = rng.normal(size=(2, 48, 2))
        return {
            "cnn": sign * 0.01 * (measured[:, None] + 0.3 * noise[0] + own),
            "shap": measured[:, None] + 0.3 * noise[1] + own,
        }

    found = agreement(**{**data, **both(0), "measured": np.exp(measured)})
    assert sign * found.value > 0.7
    assert min(abs(found.low), abs(found.high)) > 0.5
    assert found.partial[0] < 0 < found.partial[2]
    assert found.verdict == "undecided"
    assert len(found.reasons) == 1
    low, left, high = found.partial
    assert found.reasons[0] == (
        f"What is left of it at equal measured property: {left:.2f} ({low:.2f} to {high:.2f}); both may only follow "
        "the property."
    )
    assert left == pytest.approx(np.mean([each.partial[1] for each in found.by_phase.values()]))
    # A cause of their own, which the property does not hold.
    found = agreement(**{**data, **both(0.7 * rng.normal(size=(48, 2))), "measured": measured})
    assert sign * found.partial[1] > 0.6
    assert found.verdict == verdict
    assert f"at equal measured property {found.partial[1]:.2f} (" in found.reasons[0]


def test_what_is_in_the_order_of_the_property_leaves_nothing_to_agree():
    data = planted()
    data["shap"][:, 1] = data["shap"][:, 0]
    found = agreement(**{**data, "cnn": data["shap"], "measured": data["shap"][:, 0]})
    assert np.isnan(found.partial[1])
    assert found.verdict == "undecided"
    assert "equal measured property: not defined" in found.reasons[0]


@pytest.mark.parametrize(("n", "verdict"), [(5, "undecided"), (6, "agree")])
def test_fewer_than_six_groups_do_not_agree(n, verdict):
    groups = np.arange(48) % n
    cause = 3.0 * groups[:, None] + np.random.default_rng(22).normal(size=(48, 2))
    found = agreement(**{**planted(), "cnn": cause, "shap": cause, "groups": groups})
    assert np.isnan([found.low, found.high, found.partial[0]]).all() == (n < 6)
    assert found.verdict == verdict
    assert "nan" not in "".join(found.reasons)


def test_models_of_different_causes_are_not_told_to_agree():
    verdicts = [agreement(**{**planted(seed=s), "shap": planted(seed=s + 500)["shap"]}).verdict for s in range(8)]
    assert verdicts.count("undecided") >= 7


def test_groups_that_share_a_value_are_not_many_pictures():
    # Three groups whose order agrees by luck: 1 in 6, though 30 pictures agree.
    rng = np.random.default_rng(0)
    groups = np.repeat([0, 1, 2], 10)
    cnn = groups[:, None] + 0.01 * rng.normal(size=(30, 2))
    found = agreement(
        cnn,
        groups[:, None] + 0.01 * rng.normal(size=(30, 2)),
        groups,
        null_shift=rng.normal(size=(99, 30, 2)),
        untrained=rng.normal(size=(9, 30, 2)),
        measured=rng.permutation(30),
        n_resamples=200,
    )
    assert found.value > 0.8
    assert found.p_shift < 0.05
    assert found.p_shuffle > 0.2
    assert found.verdict == "undecided"


def test_whole_groups_are_dealt():
    # Within groups nothing is shared: dealing pictures within their group would change nothing.
    rng = np.random.default_rng(11)
    cause = np.repeat(rng.normal(size=(12, 2)), 4, axis=0)
    found = agreement(
        **{**planted(), "cnn": cause + rng.normal(size=(48, 2)), "shap": cause + rng.normal(size=(48, 2))}
    )
    assert found.p_shuffle < 0.05


def test_an_interval_that_holds_0_is_no_agreement():
    # Six groups in the same order, pictures within each in reverse.
    groups, within = np.repeat(np.arange(6), 6), np.tile(np.arange(6.0), 6)
    cnn, shap = (np.column_stack([3 * groups + turn * within] * 2) for turn in (1, -1))
    rng = np.random.default_rng(0)
    found = agreement(
        cnn,
        shap,
        groups,
        null_shift=rng.normal(size=(99, 36, 2)),
        untrained=rng.normal(size=(9, 36, 2)),
        measured=rng.permutation(36),
        n_resamples=800,
    )
    assert found.low < 0 < found.value
    assert max(found.p_shift, found.p_shuffle) < 0.05
    assert found.verdict == "undecided"
    assert len(found.reasons) == 1
    assert "holds 0" in found.reasons[0]


def test_a_network_that_learned_nothing_takes_the_agreement_away():
    data = planted()
    for turned in (1, -1):
        rival = np.concatenate([data["untrained"], turned * data["shap"][None]])
        found = agreement(**{**data, "untrained": rival})
        assert found.verdict == "undecided"
        assert found.reasons == (
            f"An untrained network is as far from 0, 1.00 on either side, as the trained one, {found.value:.2f}.",
        )


def test_maps_that_agree_wherever_they_lie_take_it_away_too():
    data = planted()
    found = agreement(**{**data, "null_shift": np.repeat(data["cnn"][None], 99, axis=0)})
    assert found.p_shift == 1
    assert found.verdict == "undecided"
    assert "100 %" in found.reasons[0]


@pytest.mark.parametrize(
    ("left_out", "word"), [("null_shift", "moved"), ("untrained", "0 untrained networks; at least 9")]
)
def test_what_was_not_tested_is_not_agreed(left_out, word):
    data = planted()
    found = agreement(**{**data, left_out: data[left_out][:0]})
    assert found.verdict == "undecided"
    assert word in found.reasons[0]
    if left_out == "null_shift":
        assert np.isnan(found.p_shift)
        assert agreement(**{**data, left_out: np.full((9, 48, 2), np.nan)}).verdict == "undecided"


def test_models_at_chance_and_cells_too_coarse_are_said_first():
    data = planted()
    found = agreement(**data, at_chance=["R² of the network is 0.1 (-0.3 to 0.4)."], unresolved=["Grains are 2 px."])
    assert found.verdict == "not meaningful"
    assert found.reasons == ("R² of the network is 0.1 (-0.3 to 0.4).",)
    found = agreement(**data, unresolved=["Grains are 2 px."])
    assert found.verdict == "not resolvable"
    assert found.reasons == ("Grains are 2 px.",)
    assert found.value > 0.8


def test_a_side_that_does_not_vary_has_no_agreement():
    data = planted()
    data["shap"][:, 0] = 0
    found = agreement(**data)
    assert np.isnan([found.value, found.low, found.p_shift, found.p_shuffle, found.by_phase["pore"].value]).all()
    assert found.by_phase["boundary"].value > 0.8
    assert found.verdict == "undecided"
    assert "The SHAP sum of pore is the same in all pictures: it has no rank." in found.reasons


def test_one_phase_one_group_and_two_groups():
    data = planted()
    one = {key: data[key][..., :1] for key in ("cnn", "shap", "null_shift", "untrained")}
    assert agreement(**{**data, **one}, phases=["boundary"]).verdict == "agree"
    found = agreement(**{**data, "groups": np.zeros(48)})
    assert np.isnan([found.low, found.p_shuffle]).all()
    assert found.verdict == "undecided"
    assert found.reasons[0] == "Fewer than 6 groups: there is no interval."


def test_without_any_picture_nothing_is_decided():
    data = planted()
    none = {"cnn": (0, 2), "shap": (0, 2), "groups": 0, "measured": 0, "null_shift": (9, 0, 2), "untrained": (9, 0, 2)}
    found = agreement(**{**data, **{name: np.empty(shape) for name, shape in none.items()}})
    assert (found.verdict, found.reasons) == ("undecided", ("No agreement can be computed.",))
    assert (found.n, found.n_groups) == (0, 0)
    assert np.isnan([found.value, found.p_shift, found.p_shuffle, *found.untrained]).all()


def test_texture_is_said():
    assert "12% of the attribution" in agreement(**planted(), texture_share=0.12).reasons[-1]
    assert "the smaller part" in agreement(**planted(), texture_share=0.8).reasons[-1]


def test_the_same_seed_gives_the_same_and_json_can_hold_it():
    found = agreement(**planted())
    assert json.dumps(asdict(found)) == json.dumps(asdict(agreement(**planted())))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shap": np.zeros((47, 2))}, r"shap has shape \(47, 2\), expected \(48, 2\)"),
        ({"untrained": np.zeros((48, 2))}, "untrained has shape"),
        ({"cnn": np.full((48, 2), np.nan)}, "network's leans hold NaN"),
        ({"measured": np.ones(47)}, r"measured has shape \(47,\), expected \(48,\)"),
        ({"measured": np.full(48, np.inf)}, "measured properties hold NaN"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        agreement(**{**planted(), **change})


def test_windows_within_pictures_are_apart_from_what_sets_pictures_apart():
    rng = np.random.default_rng(1)
    pictures = np.repeat(np.arange(24), 12)
    groups = pictures // 2
    of_group = 10 * rng.normal(size=12)[groups]
    inside = rng.normal(size=len(pictures))
    found = window_correlation(of_group - inside, of_group + inside, pictures, groups, n_resamples=100)
    assert found.within[1] == pytest.approx(-1)
    assert found.overall[0] > 0.2
    assert (found.n_windows, found.n_pictures) == (288, 24)
    assert found.within[2] < -0.9
    flat = window_correlation(of_group, of_group + inside, pictures, groups, n_resamples=100)
    assert flat.n_pictures == 0
    assert np.isnan(flat.within).all()
