"""What is said over all pictures: planted agreement is found, and what is at chance is not compared."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from micro_features.comparison import answers, wording
from micro_features.comparison.asked import Layers
from micro_features.comparison.examine import PHASES
from micro_features.explain import sanity
from micro_features.explain.enrichment import MEASURES, enrichment, shifted_null
from micro_features.learn.target import Target

N, N_GROUPS = 24, 12
GROUPS = np.repeat(np.arange(N_GROUPS), N // N_GROUPS)
RESOLVED = Layers(43.0, 40.0, "stage2", "stage2", "stage2", False)
BOTH = ("pore", "boundary")
AT_CHANCE = ("The network does no better than chance with groups left out.",)
UNTRAINED = 9


def picture(lean, rng, *, name="p", **more):
    """A picture whose map leans by so much on pores and boundaries; what is moved or untrained leans on nothing."""
    table = pd.DataFrame(0.0, PHASES, ["area", *MEASURES])
    table["lean"] = [lean[0], lean[1], -lean[0] - lean[1]]
    null = np.zeros((50, len(PHASES), len(MEASURES)))
    null[..., MEASURES.index("lean")] = rng.normal(size=(50, len(PHASES)))
    heats = {(layer, "gradcam"): SimpleNamespace(table=table, null=null) for layer in ("stage1", "stage2")}
    untrained = rng.normal(size=(UNTRAINED, len(PHASES)))
    return SimpleNamespace(name=name, heats=heats, untrained=untrained, porosity=0.1, alterations={}, **more)


@pytest.fixture
def planted():
    """Data set of one picture a row, SHAP sums of the feature model, and pictures whose maps lean on the same."""
    rng = np.random.default_rng(0)
    sums = rng.normal(size=(N, 2))
    ids = tuple(f"p{row:02}" for row in range(N))
    dataset = SimpleNamespace(ids=ids, groups=GROUPS, y=rng.normal(size=N), target=Target("sigma", "S/cm", True))
    features = SimpleNamespace(sums=sums, shares={"pore": 0.5, "boundary": 0.3, "texture": 0.2})
    pictures = [picture(0.01 * row, rng, name=name) for row, name in zip(sums, ids, strict=True)]
    return dataset, features, pictures


def agreement(dataset, features, pictures, *, layers=RESOLVED, at_chance=(), phases=BOTH, owner=None):
    owner = np.arange(len(pictures)) if owner is None else owner
    request = SimpleNamespace(seed=0)
    return answers.agreement_of(request, dataset, features, pictures, owner, layers, at_chance, phases)


def test_planted_agreement_is_found(planted):
    found = agreement(*planted)
    assert found.value == pytest.approx(1)
    assert found.verdict == "agree"
    assert (found.n, found.n_groups, list(found.by_phase)) == (N, N_GROUPS, list(BOTH))


def test_planted_disagreement_is_found_with_its_sign(planted):
    dataset, features, pictures = planted
    turned = dataclasses.replace(_features(features), sums=-features.sums)
    found = agreement(dataset, turned, pictures)
    assert (found.verdict, found.value) == ("disagree", pytest.approx(-1))


def test_phases_are_held_against_their_own_masks(planted):
    dataset, features, pictures = planted
    crossed = dataclasses.replace(_features(features), sums=features.sums[:, ::-1])
    found = agreement(dataset, crossed, pictures)
    of_each_other = spearmanr(features.sums[:, 0], features.sums[:, 1]).statistic
    assert found.by_phase["pore"].value == pytest.approx(of_each_other)
    # Pores alone are compared with pores alone.
    mixed = np.stack([features.sums[:, 0], -features.sums[:, 1]], axis=1)
    alone = agreement(dataset, dataclasses.replace(_features(features), sums=mixed), pictures, phases=("pore",))
    assert (alone.verdict, alone.value) == ("agree", pytest.approx(1))


def test_the_share_of_texture_is_said(planted):
    assert any(
        "20% of the attribution of the feature model is to texture" in each for each in agreement(*planted).reasons
    )


def test_what_is_at_chance_is_not_compared_however_well_it_agrees(planted):
    found = agreement(*planted, at_chance=AT_CHANCE)
    assert found.verdict == "not meaningful"
    assert found.reasons[0] == AT_CHANCE[0]
    said = list(wording._agreement(found))
    assert said == [f"  {reason}" for reason in found.reasons]
    assert not any(f"{number:.2f}" in line for line in said for number in (found.value, found.low, found.high))
    # The same numbers are printed where they mean something.
    assert any(f"{found.value:.2f}" in line for line in wording._agreement(agreement(*planted)))


def test_what_no_layer_resolves_is_not_compared(planted):
    coarse = Layers(10.0, 24.0, None, "stage1", "stage1", False)
    found = agreement(*planted, layers=coarse)
    assert found.verdict == "not resolvable"
    assert found.reasons[0] == (
        "No layer of the network resolves the grains (mean diameter 10 px): its maps tell nothing about them."
    )
    assert agreement(*planted, layers=coarse, phases=("pore",)).verdict == "agree"
    unknown = Layers(float("nan"), 24.0, None, "stage1", "stage1", False)
    assert "resolves the grains (not resolved in the pictures)" in agreement(*planted, layers=unknown).reasons[0]


def test_maps_are_those_of_the_judged_layer(planted):
    dataset, features, pictures = planted
    rng = np.random.default_rng(1)
    for each in pictures:
        each.heats["stage1", "gradcam"] = picture(rng.normal(size=2), rng).heats["stage1", "gradcam"]
    assert agreement(dataset, features, pictures).value == pytest.approx(1)
    other = dataclasses.replace(RESOLVED, judged="stage1")
    assert abs(agreement(dataset, features, pictures, layers=other).value) < 0.6


def test_agreement_that_untrained_networks_have_too_is_none(planted):
    dataset, features, pictures = planted
    for each in pictures:
        each.untrained[3] = each.heats["stage2", "gradcam"].table["lean"]
    found = agreement(dataset, features, pictures)
    assert found.verdict == "undecided"
    assert len(found.untrained) == UNTRAINED
    assert found.untrained[3] == pytest.approx(1)


def test_two_pictures_of_a_sample_are_averaged(planted):
    dataset, features, pictures = planted
    rng = np.random.default_rng(2)
    # Each alone leans on chance; their mean is what was planted.
    twins, owner = [], []
    for row, one in enumerate(pictures):
        lean = one.heats["stage2", "gradcam"].table.loc[list(BOTH), "lean"].to_numpy()
        noise = rng.normal(size=2)
        twins += [picture(lean + noise, rng), picture(lean - noise, rng)]
        owner += [row, row]
    assert agreement(dataset, features, twins, owner=np.array(owner)).value == pytest.approx(1)
    np.testing.assert_allclose(answers.of_rows(np.array([1.0, 3, 10]), np.array([0, 0, 1]), 2), [2, 10])
    both = answers.of_rows(np.array([[1.0, 2], [3, 6], [0, 1]]), np.array([1, 1, 0]), 2)
    np.testing.assert_allclose(both, [[0, 1], [2, 4]])


def without_interior(one):
    """The picture, were all of it pore and boundary: what the real measures say of its maps then."""
    rng = np.random.default_rng(3)
    pore = rng.random((8, 8)) < 0.4
    shares = {"pore": pore.astype(float), "boundary": 1.0 - pore, "interior": np.zeros((8, 8))}
    for heat in one.heats.values():
        map_ = rng.normal(size=(8, 8))
        heat.table, heat.null = enrichment(map_, shares), shifted_null(map_, shares, n=50, rng=rng)
    one.untrained[:] = [enrichment(rng.normal(size=(8, 8)), shares)["lean"] for _ in range(UNTRAINED)]


def test_a_picture_without_interior_is_left_out_of_the_mean_of_its_sample(planted):
    dataset, features, pictures = planted
    twins, owner = [*pictures, picture((9.0, 9.0), np.random.default_rng(4))], np.array([*range(N), 5])
    without_interior(twins[-1])
    found = agreement(dataset, features, twins, owner=owner)
    assert found == agreement(*planted)
    assert found.n == N


def test_samples_without_any_lean_are_left_out_and_counted(planted):
    dataset, features, pictures = planted
    for row in (0, 1, 7):
        without_interior(pictures[row])
    found = agreement(dataset, features, pictures)
    assert (found.verdict, found.value) == ("agree", pytest.approx(1))
    assert (found.n, found.n_groups) == (N - 3, N_GROUPS - 1)
    assert any(reason.startswith("3 of 24 rows are left out: ") for reason in found.reasons)
    signs = answers.signs_of(dataset, features, pictures, np.arange(N), RESOLVED)
    rest = [row for row in range(N) if row not in (0, 1, 7)]
    assert signs.lean.value == pytest.approx(0.01 * features.sums[rest, 0].mean())


@pytest.mark.parametrize("left", [0, 1, 8])
def test_too_few_leans_are_undecided(planted, left):
    """Eight rows are of four groups."""
    dataset, features, pictures = planted
    for each in pictures[left:]:
        without_interior(each)
    found = agreement(dataset, features, pictures)
    assert (found.verdict, found.n) == ("undecided", left)
    assert any(f"{N - left} of 24 rows are left out: " in reason for reason in found.reasons)
    said = "Fewer than 6 groups" if left == 8 else "No agreement can be computed"
    assert found.reasons[0].startswith(said)
    assert list(wording._agreement(found))
    signs = answers.signs_of(dataset, features, pictures, np.arange(N), RESOLVED)
    assert signs.network == "unclear"


def _features(namespace):
    kind = dataclasses.make_dataclass("Features", ["sums", "shares"])
    return kind(namespace.sums, namespace.shares)


# ---- chance ----------------------------------------------------------------------------------------------------------


def test_a_model_at_chance_is_named(planted):
    dataset, *_ = planted
    rng = np.random.default_rng(0)

    def said(predicted):
        return answers.at_chance(dataset, predicted, "model of pores, grains and boundaries")

    assert said(dataset.y + 0.1 * rng.normal(size=N)) == ()
    bad = rng.normal(size=N)
    (structure,) = said(bad)
    assert structure.startswith("The model of pores, grains and boundaries does no better than chance")
    # A little above 0 by luck alone.
    y, other = dataset.y - dataset.y.mean(), bad - bad.mean()
    other -= (other @ y) / (y @ y) * y
    luck = dataset.y.mean() + 0.04 * y + 0.1 * np.sqrt(y @ y / (other @ other)) * other  # R² is 0.07
    assert len(said(luck)) == 1
    # Better than dealt targets, and yet worse than the mean: at chance as well.
    assert len(said(dataset.y + 5)) == 1


# ---- signs, alterations, windows -------------------------------------------------------------------------------------


def test_a_reversal_is_made_visible(planted):
    dataset, features, pictures = planted
    porosity = np.linspace(0.01, 0.2, N)
    for each, share in zip(pictures, porosity, strict=True):
        each.porosity = share
        for heat in each.heats.values():
            heat.table.loc["pore", "lean"] = 0.3 * share
    features.sums[:, 0] = -porosity
    found = answers.signs_of(dataset, features, pictures, np.arange(N), RESOLVED)
    assert (found.network, found.features, found.reversed) == ("raise", "lower", ("network",))


@pytest.mark.parametrize(
    "layers",
    [
        Layers(43.0, 2.0, "stage2", None, "stage2", False),
        Layers(float("nan"), 2.0, None, None, "stage2", False),
    ],
)
def test_pores_that_no_layer_resolves_have_no_sign(planted, layers):
    dataset, features, pictures = planted
    for row, each in enumerate(pictures):
        each.porosity = 0.01 * row
        for heat in each.heats.values():
            heat.table.loc["pore", "lean"] = 0.3
    assert answers.signs_of(dataset, features, pictures, np.arange(N), RESOLVED).network == "raise"
    found = answers.signs_of(dataset, features, pictures, np.arange(N), layers)
    assert (found.network, found.reversed) == ("unclear", ())
    assert np.isnan(found.lean.value)
    assert "do not resolve pores" in found.words
    # The feature model's is told all the same, and of all rows.
    assert found.trend == answers.signs_of(dataset, features, pictures, np.arange(N), RESOLVED).trend


def test_an_agreement_says_where_pores_run_together(planted):
    def told(layers):
        return [reason for reason in agreement(*planted, layers=layers).reasons if "run together" in reason]

    assert told(RESOLVED) == []
    assert len(told(dataclasses.replace(RESOLVED, pores="stage1", run_together=True))) == 1


def test_pores_that_no_layer_resolves_are_not_compared(planted):
    found = agreement(*planted, layers=dataclasses.replace(RESOLVED, pores=None))
    assert found.verdict == "not resolvable"
    assert found.reasons[0] == "No layer of the network resolves the pores: its maps tell nothing about them."


def altered(change, *, control_share=1.0):
    """Both predictions of 1 after filling, moved by the change; porosity halved, control as it was."""
    return SimpleNamespace(
        control_share=control_share,
        network=np.array([1.0 + change, 1.0]),
        features=[
            {"porosity": 0.1, "boundary_darkness_mean": 0.9, "contrast_unevenness": 0.4},
            {"porosity": 0.2, "boundary_darkness_mean": 0.8, "contrast_unevenness": 0.5},
        ],
    )


# Without a control of nearly as much area nothing can be told; where grains are not resolved nothing was erased.
@pytest.mark.parametrize("share", [0.89, None])
def test_answers_to_alterations_are_of_the_models_that_did_not_see_the_picture(share):
    erased = {} if share is None else {"boundaries erased": altered(0.1, control_share=share)}
    phases = {
        "porosity": "pore",
        "boundary_darkness_mean": "boundary",
        "contrast_unevenness": "texture",
        "grain_diameter_mean_um": "grain",
    }
    columns = pd.DataFrame(np.zeros((2, 4)), columns=list(phases))
    dataset = SimpleNamespace(X=columns, groups=np.array([7, 8]), phases=phases)
    asked = []

    def predict(X, row):
        asked.append((X, row))
        return 10 * X[:, 0] + row

    pictures = [
        SimpleNamespace(name="p0", alterations={}),
        SimpleNamespace(
            name="p1",
            alterations={"pores filled": altered(0.5)} | erased,
            predicted=np.array([0.9, 1.1]),
            features={"porosity": 0.3, "boundary_darkness_mean": 0.7, "contrast_unevenness": 0.6, "pore_number": 5.0},
        ),
    ]
    found = answers.answers_to_alterations(dataset, SimpleNamespace(predict=predict), pictures, np.array([0, 1]))
    assert list(found) == ["pores filled"]
    before, after, control, groups = found["pores filled"]
    np.testing.assert_allclose([before[0], after[0], control[0]], [[1.0, 4.0], [1.5, 2.0], [1.0, 3.0]])
    assert groups.tolist() == [8]
    ((X, row),) = asked
    assert row == 1
    # Boundaries are left alone when pores are filled; what was not measured is missing.
    expected = [[0.3, 0.7, 0.6, np.nan], [0.1, 0.7, 0.4, np.nan], [0.2, 0.7, 0.5, np.nan]]
    np.testing.assert_array_equal(X, expected)


def test_every_altered_picture_has_one_fate():
    shares = {"a": 1.0, "b": 0.9, "c": 0.89, "d": 0.0, "e": np.nan}
    pictures = [
        SimpleNamespace(name=name, alterations={"pores filled": altered(0.1, control_share=share)})
        for name, share in shares.items()
    ]
    pictures.append(SimpleNamespace(name="not altered", alterations={}))
    expected = {"judged": ["a", "b"], "no room": ["c", "d"], "nothing": ["e"]}
    assert answers.fates(pictures, "pores filled") == expected
    assert not any(answers.fates(pictures, "boundaries erased").values())


def test_windows_of_one_picture_are_ordered_by_both_models():
    columns = pd.DataFrame(np.zeros((4, 1)), columns=["porosity"])
    dataset = SimpleNamespace(X=columns, groups=np.arange(4))
    features = SimpleNamespace(predict=lambda X, row: -X[:, 0] + 100 * row)
    shares = np.array([0.1, 0.2, 0.3, 0.4])
    pictures = [
        SimpleNamespace(windows=pd.DataFrame({"predicted": -shares - 50 * row, "porosity": shares})) for row in range(4)
    ]
    found = answers.windows_of(dataset, features, pictures, np.arange(4))
    assert found is not None
    assert found.within[1] == pytest.approx(1)  # inside a picture the same order
    assert found.overall[1] < 0  # though pictures are ordered the other way round
    assert (found.n_windows, found.n_pictures) == (16, 4)
    bare = [SimpleNamespace(windows=pd.DataFrame({"predicted": [0.0], "porosity": [0.1]}))] * 4
    assert answers.windows_of(dataset, features, bare, np.arange(4)) is None


# ---- sanity ----------------------------------------------------------------------------------------------------------


def test_checks_are_of_the_maps_given():
    rng = np.random.default_rng(0)
    dataset = SimpleNamespace(groups=np.arange(6))

    def one(seeds):
        map_ = rng.normal(size=(8, 8))
        gain = SimpleNamespace(gain=0.5)
        return SimpleNamespace(
            by_seed=[map_ + 0.1 * rng.normal(size=(8, 8)) for _ in range(seeds)],
            cascade={"head": [-map_, -map_], "stem": [rng.normal(size=(8, 8)) for _ in range(2)]},
            border=0.9,
            flat=2.0,
            deletion=gain,
        )

    pictures = [one(5) for _ in range(6)]
    checks, cascade = answers.checks_of(dataset, pictures, np.arange(6), None)
    verdicts = {check.name: check.verdict for check in checks}
    assert verdicts == {
        "seeds": "passes",
        "weights": "passes",
        "border": "passes",
        "flat area": "fails",
        "deletion and insertion": "passes",
    }
    # A random head turns the sign: nothing of the map has changed.
    assert cascade["step"].tolist() == ["head", "stem"]
    assert cascade["signed"][0] < -0.9
    assert cascade["kept"][0] > 0.9
    # With what was found by retraining, its seeds take the place of the few.
    labels = sanity.Check("labels", "passes", 0.0, 0.1, 0.2, 0.3, "words")
    seeds = sanity.Check("seeds", "fails", 0.0, 0.1, 0.2, 0.5, "five")
    few = [one(2) for _ in range(6)]
    for each in few:
        each.deletion = None
    told, _ = answers.checks_of(dataset, few, np.arange(6), SimpleNamespace(seeds=seeds, labels=labels))
    assert [check.name for check in told] == ["seeds", "weights", "labels", "border", "flat area"]
    assert told[0] is seeds
    assert told[2] is labels
    alone, _ = answers.checks_of(dataset, few, np.arange(6), None)
    assert alone[0].verdict == "not shown"


def test_the_median_leaves_out_what_is_not_known():
    groups = np.arange(9)
    low, value, high = answers.median_of(np.array([1.0, np.nan, 2, 3, np.nan, 1, 2, 3, 2]), groups)
    assert value == 2
    assert low <= value <= high
    assert np.isnan(answers.median_of(np.full(9, np.nan), groups)).all()
