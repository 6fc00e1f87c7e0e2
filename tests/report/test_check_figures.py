import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection, PathCollection

from micro_features.report import check_figures as figures

CAPTION = "Association within these imaging sessions; not shown to be a cause."
NOT_RUN = (np.nan, np.nan, np.nan)
STEPS = ["head", "stage3", "stage2", "stage1", "stem"]


def sanity(**choices):
    share = np.linspace(0, 1, 11)
    given = {
        "layers": pd.DataFrame(
            {
                "step": STEPS,
                "signed": [-0.4, -0.2, 0.1, -0.05, 0.02],
                "kept": [0.5, 0.4, 0.2, 0.12, 0.1],
                "kept_low": [0.4, 0.3, 0.1, 0.1, 0.0],
                "kept_high": [0.6, 0.5, 0.3, 0.2, 0.2],
            }
        ),
        "similarities": {
            "seeds": figures.Judged("passes", (0.55, 0.62, 0.7), 0.5, True),
            "random weights": figures.Judged("not shown", (0.2, 0.28, 0.36), 0.3, False),
            "random labels": figures.Judged("not run", NOT_RUN, 0.3, False),
        },
        "concentrations": {
            "border": figures.Judged("fails", (1.6, 1.8, 4.0), 1.5, False),
            "flat area": figures.Judged("not run", NOT_RUN, 1.5, False),
        },
        "replaced": share,
        "curves": {
            "deletion, most positive first": figures.Curve(-0.4 * share, -0.3 * share, -0.2 * share),
            "insertion, most positive first": figures.Curve(-0.1 * share, -0.3 * share, -0.2 * share),
        },
        "limit": 0.3,
        "unit": "decades",
        "caption": CAPTION,
    }
    given |= choices
    return figures.sanity_figure(*[given.pop(name) for name in list(given)[:5]], **given)


def test_randomised_layers_start_from_the_map_itself(legible):
    ax = legible(sanity())["a"]
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [1, 0.5, 0.4, 0.2, 0.12, 0.1])
    np.testing.assert_allclose(ax.lines[1].get_ydata(), [1, -0.4, -0.2, 0.1, -0.05, 0.02])
    assert ax.lines[3].get_ydata() == [0.3, 0.3]
    assert ax.get_ylim()[0] < -0.4
    assert [label.get_text() for label in ax.get_xticklabels()] == ["none", *STEPS]


def test_checks_shade_the_side_that_is_asked_for(legible):
    ax = legible(sanity())["b"]
    shaded = [each for each in ax.collections if not isinstance(each, LineCollection)]
    spans = [each.get_paths()[0].get_extents().intervalx for each in shaded]
    np.testing.assert_allclose(spans, [(0.5, 1.05), (-0.25, 0.3), (-0.25, 0.3)])
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["seeds\npasses", "random weights\nnot shown", "random labels\nnot run"]


def test_a_check_that_was_not_run_has_no_point(legible):
    axes = legible(sanity())
    assert [line.get_xdata()[0] for line in axes["b"].lines] == [0.62, 0.28]
    assert [line.get_xdata()[0] for line in axes["d"].lines] == [1.8, 1]
    assert axes["d"].get_xlim()[1] > 4


@pytest.mark.parametrize("n_curves", [1, 2])
def test_curves_lie_over_those_of_moved_maps(n_curves, legible):
    share = np.linspace(0, 1, 11)
    given = {f"curve {each}": figures.Curve(-share * each, -share, share) for each in range(n_curves)}
    ax = legible(sanity(curves=given))["c"]
    assert len(ax.collections) == n_curves
    for each, line in zip(range(n_curves), ax.lines, strict=False):
        np.testing.assert_allclose(line.get_xdata(), 100 * share)
        np.testing.assert_allclose(line.get_ydata(), -share * each)


def change(taken, control):
    taken, control = np.asarray(taken, float), np.asarray(control, float)
    return figures.Change(taken, control, (-1, float(taken.mean()), 1), (-2, float(control.mean()), 2))


@pytest.mark.parametrize("n", [1, 3, 47])
def test_changes_keep_sign_and_pairs(n, legible):
    rng = np.random.default_rng(0)
    given = {
        treatment: {model: change(*rng.normal(size=(2, n))) for model in ("network", "feature model")}
        for treatment in ("pores filled", "boundaries erased")
    }
    figure = figures.perturbation_figure(given, unit="decades", caption=CAPTION)
    legible(figure)
    shown = {ax.get_title(loc="left"): ax for ax in figure.axes}
    assert list(shown) == [f"{model}: {treatment}" for model in ("network", "feature model") for treatment in given]
    for treatment, models in given.items():
        for model, one in models.items():
            ax = shown[f"{model}: {treatment}"]
            dots = [each.get_offsets() for each in ax.collections if isinstance(each, PathCollection)]
            np.testing.assert_allclose([each[:, 1] for each in dots], [one.taken, one.control])
            joined = [line.get_ydata() for line in ax.lines if line.get_color() == figures.GREY]
            np.testing.assert_allclose(joined, np.transpose(one[:2]))
            means = [line.get_ydata()[0] for line in ax.lines if line.get_marker() == "D"]
            np.testing.assert_allclose(means, [one.taken.mean(), one.control.mean()])


def test_each_model_has_its_own_scale(legible):
    """On the scale of the other, a network that moves by a ten-thousandth would have no sign."""
    no_interval = (np.nan, 0.1, np.nan)  # one group
    large = figures.Change(np.array([0.1]), np.array([0.0]), no_interval, no_interval)
    given = {
        "pores filled": {"network": change([-1e-4], [0])._replace(taken_mean=(-2e-4, -1e-4, 0)), "features": large},
        "boundaries erased": {"network": change([1e-5], [0]), "features": large},
    }
    for models in given.values():
        models["network"] = models["network"]._replace(control_mean=(0, 0, 0))
    given["boundaries erased"]["network"] = given["boundaries erased"]["network"]._replace(taken_mean=(0, 1e-5, 2e-5))
    figure = figures.perturbation_figure(given, unit="decades", caption=CAPTION)
    legible(figure)
    limits = [ax.get_ylim() for ax in figure.axes]
    np.testing.assert_allclose(limits[0], (-2.2e-4, 2.2e-4 / 3))
    np.testing.assert_allclose(limits[2], (-0.11 / 3, 0.11))
    assert limits[::2] == limits[1::2]
    for ax in figure.axes[::2]:
        assert "0" in [label.get_text() for label in ax.get_yticklabels()]


def test_nothing_moves(legible):
    nothing = figures.Change(np.zeros(2), np.zeros(2), (0, 0, 0), (0, 0, 0))
    figure = figures.perturbation_figure({"pores filled": {"network": nothing}}, unit="decades", caption=CAPTION)
    legible(figure)
    low, high = figure.axes[0].get_ylim()
    assert low < 0 < high


def test_one_model_and_one_treatment(legible):
    given = {"pores filled": {"network": change([0.1, -0.2], [0, 0.01])}}
    figure = figures.perturbation_figure(given, unit="decades", caption=CAPTION)
    legible(figure)
    assert len(figure.axes) == 1


def test_without_altered_pictures_there_are_words_in_place_of_curves(legible):
    ax = legible(sanity(curves={}))["c"]
    assert [text.get_text() for text in ax.texts] == ["no picture was altered"]
    assert not ax.axison


def test_groups_too_few_for_an_interval_are_drawn_one_by_one(legible):
    few = figures.Judged("passes, 3 groups", (np.nan, 1.1, np.nan), 1.5, False, (0.9, 1.1, 3.2))
    ax = legible(sanity(concentrations={"border": few}))["d"]
    (groups,) = (line for line in ax.lines if line.get_markerfacecolor() == "white")
    assert tuple(groups.get_xdata()) == (0.9, 1.1, 3.2)
    assert ax.get_xlim()[1] > 3.2
    assert "open: single groups" in ax.get_xlabel()
