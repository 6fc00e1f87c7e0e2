"""Tornado plots and elementary effects: bars where the numbers say."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from micro_features.report.sensitivity_figures import morris, tornado


def table(picture="a", base=2.0):
    rows = [("one", 1.0, 4.0), ("two", 1.5, 2.5), ("still", base, base)]
    return pd.DataFrame(
        [
            {
                "picture": picture, "number": "porosity", "setting": f"pores.{name}", "base": base, "low": low,
                "high": high, "at_low": low, "at_high": high, "mu_star": high - low,
                "mu_star_ci95_low": 0.5 * (high - low), "mu_star_ci95_high": 1.5 * (high - low), "sigma": 0.1,
            }
            for name, low, high in rows
        ]
    )  # fmt: skip


def drawn(moved, **more):
    ax = Figure().subplots()
    return tornado(moved, "porosity", unit="1", label="porosity", ax=ax, **more)


def spans(ax):
    return [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in ax.patches]


def test_one_picture_has_bars_from_least_to_largest_the_widest_on_top():
    ax = drawn(table())
    assert spans(ax) == [(1.5, 2.5), (1.0, 4.0)]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["pores.two", "pores.one"]
    assert "no effect: still" in ax.get_xlabel()
    assert ax.get_xlim()[0] < 1.0  # room for the values beside the bars


def test_several_pictures_are_changes_in_percent():
    ax = drawn(pd.concat([table("a"), table("b"), table("c", base=np.nan)]))
    assert spans(ax)[1] == pytest.approx((-50, 100))
    assert "2 pictures" in ax.get_title(loc="left")
    assert "1 without a value left out" in ax.get_title(loc="left")


def test_where_nothing_moves_that_is_said():
    moved = table()
    moved[["low", "high"]] = 2.0
    ax = drawn(moved)
    assert not ax.patches
    assert "no threshold moves it" in [text.get_text() for text in ax.texts]


def test_elementary_effects_stand_where_they_are():
    ax = morris(table(), "porosity", label="porosity", ax=Figure().subplots())
    places = [tuple(float(x) for x in np.ravel(container.lines[0].get_data())) for container in ax.containers]
    assert places == [(3.0, 0.1), (1.0, 0.1)]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["1  pores.one", "2  pores.two"]


def test_effects_of_nothing_are_an_empty_plot():
    ax = morris(table().assign(mu_star=np.nan), "porosity", label="porosity", ax=Figure().subplots())
    assert not ax.containers
