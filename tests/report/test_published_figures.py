import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex

from micro_features.report import published_figures as figures
from micro_features.report.axes import BLUE, ORANGE
from micro_features.report.signs import LOWERS, RAISES

NAMES = ["low", "$m$ median", "high"]


def epochs(runs, n_epochs=5):
    rows = [
        (run, epoch, split, name, np.nan if name == NAMES[1] and epoch == 2 else epoch / 10, 0.5)
        for run in runs
        for epoch in range(n_epochs, 0, -1)
        for split in ("train", "left out")
        for name in NAMES
        if (run, split) != ("in-sample", "left out")
    ]
    return pd.DataFrame(rows, columns=["run", "epoch", "split", "class", "precision", "recall"])


@pytest.mark.parametrize("runs", [["in-sample"], [f"fold-{n}" for n in range(5)] + ["in-sample"]])
@pytest.mark.parametrize("n_epochs", [1, 12])
def test_every_run_has_its_panels(runs, n_epochs, legible):
    figure = figures.epochs_figure(epochs(runs, n_epochs), NAMES, caption="The last epoch is kept. " * 6)
    legible(figure)
    assert len(figure.axes) == 2 * len(runs)
    assert [ax.get_ylabel() for ax in figure.axes[::2]] == runs
    lines = [line for line in figure.axes[0].lines if len(line.get_xdata())]
    assert len(lines) == 3 * (1 if runs[0] == "in-sample" else 2)
    for line in lines:
        np.testing.assert_array_equal(line.get_xdata(), np.arange(1, n_epochs + 1))
    assert {line.get_linestyle() for line in lines} == ({"--"} if runs[0] == "in-sample" else {"--", "-"})


def test_a_class_never_predicted_leaves_a_gap():
    figure = figures.epochs_figure(epochs(["fold-0"]), NAMES, caption="")
    gaps = [np.isnan(line.get_ydata()).sum() for line in figure.axes[0].lines]
    assert gaps == [0, 0, 1, 1, 0, 0]


def stages(**gaps):
    rows = []
    for stage, gap in gaps.items():
        rows += [(stage, "grouped", 0.3, 0.4, 0.5), (stage, "in sample", 0.3 + gap, 0.4 + gap, 0.5 + gap)]
    return pd.DataFrame(rows, columns=["stage", "protocol", "low", "value", "high"])


def test_the_gap_is_named_and_points_lie_at_their_values(legible):
    table = stages(network=0.42, tree=-0.05, steps=0.001)
    figure = figures.stages_figure(
        table, chance=0.40, references={"date alone": (0.2, 0.36, 0.5)}, metric="accuracy", caption="Caption. " * 20
    )
    (ax,) = {legible(figure)[""]}
    said = [text.get_text() for text in ax.texts]
    assert said[:3] == ["0.42 better in sample", "0.05 worse in sample", "the same in sample"]
    assert sorted(said[3:]) == ["chance 0.40", "date alone 0.36 [0.20, 0.50]"]
    points = {to_hex(line.get_color()): line.get_xdata() for line in ax.lines if line.get_marker() in ("o", "D")}
    np.testing.assert_allclose(points[BLUE.lower()], [0.4] * 3)
    np.testing.assert_allclose(points[ORANGE.lower()], [0.82, 0.35, 0.401])
    vertical = sorted(line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == "--")
    assert vertical == [0.36, 0.40]


def test_no_line_crosses_the_words_of_another():
    references = {"acquisition date alone": (0.2, 0.36, 0.5), "something": (0.3, 0.45, 0.5)}
    figure = figures.stages_figure(
        stages(network=0.1), chance=0.40, references=references, metric="accuracy", caption=""
    )
    FigureCanvasAgg(figure).draw()
    (ax,) = figure.axes
    lines = [line.get_window_extent() for line in ax.lines if line.get_linestyle() == "--"]
    words = [text.get_window_extent() for text in ax.texts if "better" not in text.get_text()]
    assert len(lines) == len(words) == 3
    assert not any(line.padded(-0.5).y1 > word.y0 and word.x0 < line.x0 < word.x1 for line in lines for word in words)


@pytest.mark.parametrize("value", [0.02, 0.5, 0.7, 1.0])
def test_references_anywhere_stay_legible(value, legible):
    references = {"acquisition date alone": (value, value, value), "another reference": (0.0, value - 0.01, 1.0)}
    figure = figures.stages_figure(
        stages(network=0.1), chance=value, references=references, metric="accuracy", caption=""
    )
    legible(figure)


def test_one_protocol_alone_has_no_gap(legible):
    table = stages(network=0.4)
    for protocol in ("grouped", "in sample"):
        figure = figures.stages_figure(
            table[table["protocol"] == protocol], chance=0.4, references={}, metric="accuracy", caption=""
        )
        legible(figure)
        assert [text.get_text() for text in figure.axes[0].texts] == ["chance 0.40"]
        assert len(figure.legends[0].get_texts()) == 1


def answer(n):
    effect = np.where(np.arange(n) % 2, -1, 1) * (1 + np.arange(n)) / n
    return pd.DataFrame(
        {
            "parameter": [f"grain perimeter $minimum$ {k}" + (k % 3 == 2) * " long name" for k in range(n)],
            "unit": "um2",
            "phase": ["pore", "boundary"] * (n // 2) + ["pore"] * (n % 2),
            "effect": effect,
            "low": effect - 0.1,
            "high": effect + 0.2,
            "share": 1 / max(n, 1),
            "sure": np.arange(n) % 3 == 0,
            "steps": 12,
            "same_sign": 0.8,
        }
    )


@pytest.mark.parametrize("n", [0, 1, 22, 40])
def test_answers_of_any_length_are_legible(n, legible):
    figure = figures.answer_figure(answer(n), unit="decades", caption="Not shown to be a cause. " * 8)
    legible(figure)
    bars = figure.axes[0].patches
    assert len(bars) == min(n, 22)
    assert ("Not drawn: 18" in figure.get_supxlabel().replace("\n", " ")) == (n == 40)


def test_bars_are_sorted_and_hollow_where_not_sure():
    table = answer(9).sample(frac=1, random_state=0)
    table.loc[8, "effect"] = np.nan
    figure = figures.answer_figure(table, unit="decades", caption="")
    bars = sorted(figure.axes[0].patches, key=lambda bar: -bar.get_y())
    widths = [bar.get_width() for bar in bars]
    np.testing.assert_allclose(widths, [-8 / 9, 7 / 9, -6 / 9, 5 / 9, -4 / 9, 3 / 9, -2 / 9, 1 / 9])
    sure = {abs(row.effect): row.sure for row in table.itertuples()}
    for bar, width in zip(bars, widths, strict=True):
        colour = (RAISES if width > 0 else LOWERS).lower()
        filled = to_hex(bar.get_facecolor()) == colour
        assert filled == min(sure.items(), key=lambda item: abs(item[0] - abs(width)))[1]
        assert filled or to_hex(bar.get_edgecolor()) == colour
    top = figure.axes[1].texts[:4]
    assert [text.get_text() for text in top] == ["grain boundaries", "11 %", "12", "80 %"]
    label = figure.axes[0].get_yticklabels()[0].get_text()
    assert label == "grain perimeter $minimum$ 7 / µm²"


def methods():
    names = ["published method", "XGBoost with SHAP", "CNN with Grad-CAM", "acquisition date alone", "commonest class"]
    value = np.linspace(0.2, 0.6, 5)
    table = pd.DataFrame({"method": names, "seconds": [1800.0, 42, 900, np.nan, np.nan]})
    for name, move in (("accuracy", 0.05), ("balanced", 0.0)):
        table = table.assign(**{name: value + move, f"{name}_low": value - 0.1, f"{name}_high": value + 0.2})
    return table


def agreements(value):
    rows = [
        (one, other, phase, value - 0.3, value, value + 0.2, "not meaningful: the published method is at chance here")
        for one, other in (("published", "SHAP"), ("published", "Grad-CAM"), ("SHAP", "Grad-CAM"))
        for phase in ("pore", "boundary")
    ]
    return pd.DataFrame(rows, columns=["one", "other", "phase", "low", "value", "high", "said"])


@pytest.mark.parametrize("chance", [0.1, 0.4, 0.9])
def test_methods_stand_beside_each_other(chance, legible):
    found = agreements(0.3)
    found.loc[1, ["low", "value", "high"]] = np.nan
    figure = figures.beside_figure(methods(), found, chance=chance, caption="Same folds of the same pictures. " * 5)
    legible(figure)
    left, right = figure.axes
    points = [line.get_xdata() for line in left.lines if line.get_marker() in ("o", "D")]
    np.testing.assert_allclose(points, [np.linspace(0.25, 0.65, 5), np.linspace(0.2, 0.6, 5)])
    assert [text.get_text() for text in left.texts[1:]] == ["30 min", "42 s", "15 min", "–", "–"]
    assert [" ".join(text.get_text().split()) for text in right.texts] == [found["said"][1]]
    assert len([line for line in right.lines if line.get_marker() == "o"]) == 5


@pytest.mark.parametrize("n", [0, 6])
def test_nothing_agreed_is_said_in_words(n, legible):
    figure = figures.beside_figure(methods(), agreements(np.nan).iloc[:n], chance=0.4, caption="")
    legible(figure)
    assert len(figure.axes[1].texts) == n


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.04, "0.0 s"),
        (3.21, "3.2 s"),
        (42.4, "42 s"),
        (100.0, "1.7 min"),
        (1800.0, "30 min"),
        (7200.0, "2.0 h"),
        (np.nan, "–"),
    ],
)
def test_durations(seconds, said):
    assert figures.duration(seconds) == said
