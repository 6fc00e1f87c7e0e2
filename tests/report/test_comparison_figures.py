import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from micro_features.report import comparison_figures as figures
from micro_features.report.axes import GREY
from micro_features.report.prediction_figures import PREDICTED_SIZE, predicted_against_measured

CAPTION = "Association within these imaging sessions; not shown to be a cause."


def leans(n, seed=0):
    shap, network = np.random.default_rng(seed).normal(size=(2, n))
    return figures.Lean(shap, network, (-0.9, -0.45, -0.1), (-0.3, 0.25))


def lean_figure(of, n, n_groups, measured=None):
    groups = [f"{'_' * (row % n_groups == 4)}1100C-{row % n_groups}h-20pct$x$" for row in range(n)]
    measured = np.linspace(1, 2, n) if measured is None else measured
    return figures.lean_figure(of, groups=groups, measured=measured, unit="decades", caption=CAPTION)


@pytest.mark.parametrize(("n", "n_groups"), [(1, 1), (47, 12), (300, 100)])
def test_lean_figure_shows_every_picture(n, n_groups, legible):
    given = {"pore": leans(n), "boundary": leans(n, 1)}
    figure = lean_figure(given, n, n_groups)
    legible(figure)
    assert len(figure.legends) == (n_groups <= 12)
    for ax, lean in zip(figure.axes, given.values(), strict=False):
        drawn = np.vstack([line.get_xydata() for line in ax.lines if line.get_marker() != "None"])
        expected = np.column_stack([lean.shap, lean.network])
        np.testing.assert_allclose(drawn[np.lexsort(drawn.T)], expected[np.lexsort(expected.T)])
    assert figure.axes[1].get_title(loc="left") == "grain structure\nSpearman −0.45 [−0.90, −0.10]"


def test_correlation_stands_over_what_chance_gives(legible):
    figure = lean_figure({"pore": leans(20)}, 20, 4)
    legible(figure)
    strip = figure.axes[1]
    (band,) = strip.patches
    assert band.get_extents().transformed(strip.transData.inverted()).intervalx == pytest.approx([-0.3, 0.25])
    assert strip.collections[0].get_segments()[0][:, 0] == pytest.approx([-0.9, -0.1])
    assert strip.lines[1].get_xdata() == [-0.45]
    assert strip.get_xlim() == (-1, 1)


@pytest.mark.parametrize("both", [True, False])
def test_what_can_not_be_compared_is_said(both, legible):
    said = "not resolvable: no layer has cells of at most half a grain in these pictures"
    figure = lean_figure({"pore": said if both else leans(20), "boundary": said}, 20, 4)
    legible(figure)
    texts = [" ".join(text.get_text().split()) for ax in figure.axes for text in ax.texts]
    assert texts == [said]
    assert len(figure.legends) == (not both)
    assert (figure.get_figheight() < 1.2) == both


def test_different_words_stand_beside_each_other(legible):
    figure = lean_figure({"pore": "The network is at chance. " * 8, "boundary": "Not resolvable."}, 20, 4)
    legible(figure)
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["pores: not compared", "grain structure: not compared"]
    assert figure.axes[1].texts[0].get_text() == "Not resolvable."


def test_small_leans_have_no_factor_apart(legible):
    lean = leans(20)
    figure = lean_figure({"pore": lean._replace(network=1e-5 * lean.network)}, 20, 4)
    legible(figure)
    assert figure.axes[0].yaxis.get_offset_text().get_text() == ""
    assert any("e−05" in label.get_text() for label in figure.axes[0].get_yticklabels())


def test_groups_look_as_in_figures_of_predictions(rendered):
    rng = np.random.default_rng(0)
    measured = rng.lognormal(size=40)
    groups = [f"{'_' * (row % 9 == 4)}1100C-{row % 9}h-20pct$x$" for row in range(40)]
    figure = lean_figure({"pore": leans(40)}, 40, 9, measured)
    other = rendered(
        lambda ax: predicted_against_measured(
            ax,
            measured,
            measured,
            measured,
            measured,
            groups=groups,
            in_domain=np.ones(40, bool),
            name="conductivity",
            unit="S/cm",
            log10=True,
            scores={},
        ),
        PREDICTED_SIZE,
    )

    def marks(legend):
        handles = zip(legend.legend_handles, legend.get_texts(), strict=True)
        return [(text.get_text(), to_hex(mark.get_color()), mark.get_marker()) for mark, text in handles]

    assert marks(figure.legends[0]) == marks(other.get_legend())


def table(**changes):
    rows = [("pore", 1, 0.5), ("pore", -1, 2.1), ("boundary", 1, 1.3), ("boundary", -1, np.nan)]
    found = pd.DataFrame(rows, columns=["phase", "sign", "value"])
    return found.assign(low=found.value - 0.1, high=found.value + 0.2, null_low=0.9, null_high=1.05, **changes)


def test_enrichment_bars_start_at_one(rendered):
    with matplotlib.rc_context({"text.parse_math": False}):
        ax = rendered(lambda ax: figures.enrichment_bars(ax, table()), figures.ENRICHMENT_SIZE)
    bars = [(bar.get_x(), bar.get_width(), bar.get_hatch() is not None) for bar in ax.patches]
    np.testing.assert_allclose(bars, [(1, -0.5, False), (1, 1.1, True), (1, 0.3, False)], atol=1e-12)
    # What raises stands above what lowers, and pores above boundaries.
    assert np.diff([bar.get_y() for bar in ax.patches]).max() < 0
    assert [text.get_text() for text in ax.texts] == ["too little of it"]
    bands = [each.get_paths()[0].get_extents().intervalx for each in ax.collections if each.get_facecolor().size]
    np.testing.assert_allclose(bands, [(0.9, 1.05)] * 3)
    assert to_hex(ax.get_legend().legend_handles[2].get_facecolor()) == GREY.lower()


@pytest.mark.parametrize("columns", [["value", "low", "high"], ["low", "high", "null_low", "null_high"]])
def test_enrichment_bars_without_numbers(columns, rendered):
    rendered(
        lambda ax: figures.enrichment_bars(ax, table().assign(**dict.fromkeys(columns, np.nan))),
        figures.ENRICHMENT_SIZE,
    )
