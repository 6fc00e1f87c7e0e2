import numpy as np
import pytest

from micro_features.report import prediction_figures as figures


def predicted(rendered, n, *, n_groups, log10=True, scores=None, in_domain=None, prefix=""):
    rng = np.random.default_rng(0)
    measured = 10 ** rng.uniform(-6, -3, n)
    said = measured * 10 ** rng.normal(0, 0.2, n)
    low, high = said / 2, said * 2
    low[0] = high[0] = np.nan
    ax = rendered(
        lambda ax: figures.predicted_against_measured(
            ax,
            measured,
            said,
            low,
            high,
            groups=[f"{prefix}{number % n_groups} a_schedule_with_a_long_name_and_more" for number in range(n)],
            in_domain=np.ones(n, bool) if in_domain is None else in_domain,
            name="conductivity",
            unit="S/cm",
            log10=log10,
            scores=scores or {},
        ),
        figures.PREDICTED_SIZE,
    )
    points = np.vstack([each.get_offsets() for each in ax.collections if hasattr(each, "get_sizes")])
    np.testing.assert_allclose(np.sort(points, axis=0), np.sort(np.column_stack([measured, said]), axis=0))
    return ax


@pytest.mark.parametrize(("n", "n_groups"), [(1, 1), (67, 12), (67, 13), (10_000, 500)])
def test_predictions_at_any_size(n, n_groups, rendered):
    ax = predicted(rendered, n, n_groups=n_groups)
    legend = ax.get_legend()
    assert (0 if legend is None else len(legend.get_texts())) == (n_groups if n_groups <= 12 else 0)


def test_twelve_groups_have_twelve_marks(rendered):
    lines = [
        line for line in predicted(rendered, 24, n_groups=12).get_lines() if line.get_label().split(" ")[0].isdigit()
    ]
    assert len({(line.get_marker(), line.get_color()) for line in lines}) == 12


@pytest.mark.parametrize("prefix", ["", "_"])
def test_every_group_is_in_the_legend_whatever_its_name(rendered, prefix):
    legend = predicted(rendered, 24, n_groups=5, prefix=prefix).get_legend()
    named = [text.get_text().split(" ")[0] for text in legend.get_texts()]
    assert sorted(named) == [f"{prefix}{number}" for number in range(5)]


def test_agreement_is_the_diagonal(rendered):
    ax = predicted(rendered, 30, n_groups=3)
    assert ax.get_xlim() == ax.get_ylim()
    assert ax.get_xscale() == ax.get_yscale() == "log"
    assert (ax.get_xlabel(), ax.get_ylabel()) == (
        "measured conductivity / S/cm",
        "predicted conductivity, its group left out / S/cm",
    )
    line = next(line for line in ax.get_lines() if line.get_linestyle() == "-" and len(line.get_xdata()))
    assert tuple(line.get_xdata()) == tuple(line.get_ydata()) == ax.get_xlim()
    assert predicted(rendered, 30, n_groups=3, log10=False).get_xscale() == "linear"


def test_what_is_unlike_the_training_is_drawn_open(rendered):
    in_domain = np.ones(30, bool)
    in_domain[:4] = False
    ax = predicted(rendered, 30, n_groups=3, in_domain=in_domain)
    open_marks = [each for each in ax.collections if hasattr(each, "get_sizes") and not each.get_facecolor().size]
    assert sum(len(each.get_offsets()) for each in open_marks) == 4
    assert ax.get_legend().get_texts()[-1].get_text() == "open: unlike the training"


def test_scores_stand_with_their_intervals(rendered):
    ax = predicted(rendered, 30, n_groups=3, scores={"R²": (0.41, 0.7, 0.83), "MAE (decades)": (0.1, 0.2, 0.3)})
    assert ax.texts[0].get_text() == "R² 0.70 [0.41, 0.83]\nMAE (decades) 0.20 [0.10, 0.30]"
    ax = predicted(rendered, 30, n_groups=3, log10=False, scores={"MAE (S/cm)": (1e-5, 2.34e-5, 0.02)})
    assert ax.texts[0].get_text() == "MAE (S/cm) 2.3e-05 [1e-05, 0.02]"


SCORES = {
    "XGBoost": ((0.4, 0.7, 0.8), (0.85, 0.9, 0.95)),
    "ridge": ((-3.0, -1.4, 0.2), (0.5, 0.7, 0.8)),
}


def optimism(rendered, scores, references):
    return rendered(
        lambda ax: figures.optimism(ax, scores, references=references, left_out="sintering_schedule"),
        figures.OPTIMISM_SIZE,
    )


def test_both_splits_of_every_model_are_drawn(rendered):
    ax = optimism(rendered, SCORES, {"training mean": -0.19, "no extrapolation": 0.85})
    assert [label.get_text() for label in ax.get_yticklabels()] == ["XGBoost", "ridge"]
    marks = {line.get_marker(): line.get_xdata() for line in ax.get_lines() if line.get_marker() in "oD"}
    assert marks["o"].tolist() == [0.7]
    assert marks["D"].tolist() == [0.9, 0.7]
    assert [text.get_text() for text in ax.texts] == ["−1.4", "training mean −0.19", "no extrapolation 0.85"]
    assert ax.get_xlim()[0] > -1.3


def test_optimism_of_one_model_without_references(rendered):
    ax = optimism(rendered, {"mean": ((-0.4, -0.2, -0.1), (-0.1, 0.0, 0.0))}, {})
    assert not ax.texts
