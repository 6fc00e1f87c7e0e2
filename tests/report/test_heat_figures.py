import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from micro_features.data import HeatMaps
from micro_features.images.cells import Cells
from micro_features.report import heat_figures as figures
from micro_features.report.signs import LOWERS, RAISES

CAPTION = "Association within these imaging sessions; not shown to be a cause."


def maps_of(*values, cell_um=2.0, method="gradcam"):
    return HeatMaps(
        tuple(np.asarray(each, np.float32) for each in values),
        tuple(f"picture {place}" for place in range(len(values))),
        "stage3",
        method,
        "decades",
        (cell_um,) * len(values),
    )


def masks(shape, *, grains=True):
    pore = np.zeros(shape, bool)
    pore[: shape[0] // 4, : shape[1] // 2] = True
    if not grains:
        return {"pore": pore, "solid": ~pore}
    boundary = np.zeros(shape, bool)
    boundary[shape[0] // 2] = True
    return {"pore": pore, "boundary": boundary, "interior": ~pore & ~boundary}


def sample(image=None, **choices):
    image = np.full((96, 128), 0.5) if image is None else image
    cells = tuple(-(-side // 16) for side in image.shape)
    given = {
        "name": "picture 0",
        "pixel_um": 0.5,
        "phases": masks(image.shape),
        "shap": {"pore": -0.3, "boundary": 0.1, "texture": -0.05},
        "maps": maps_of(np.zeros(cells)),
        "cells": Cells(16),
        "enrichment": pd.DataFrame(
            {"positive": [0.5, 1.5, 1.0], "negative": [2.0, 0.9, np.nan], "lean": [-0.1, -0.2, 0.3]},
            index=["pore", "boundary", "interior"],
        ),
        "limit": 0.5,
        "predictions": {"measured": 3.7e-4, "network": 3.1e-4, "feature model, whole groups left out": np.nan},
        "target": ("conductivity", "S/cm"),
        "shap_unit": "decades",
        "caption": CAPTION,
    }
    return figures.sample_figure(image, **(given | choices))


def canvas_of(ax):
    return np.asarray(ax.images[0].get_array())


def panels(figure):
    return {ax.get_title(loc="left").split(" ")[0]: ax for ax in figure.axes}


def bars(figure):
    return [ax for ax in figure.axes if hasattr(ax, "_colorbar")]


def words(ax):
    legend = ax.get_legend()
    return [text.get_text() for text in [*ax.texts, *(legend.get_texts() if legend else ())]]


@pytest.mark.parametrize(
    ("shape", "resolved"),
    [((96, 128), True), ((960, 1280), False), ((300, 100), True), ((40, 400), False), ((33, 47), True)],
)
def test_sample_figure_of_any_shape(shape, resolved, legible):
    note = "" if resolved else "no layer of the network resolves the grains"
    axes = legible(
        sample(
            np.random.default_rng(0).random(shape),
            phases=masks(shape, grains=resolved),
            shap={"pore": -0.3, "boundary": 0.1, "texture": 0.4} if resolved else {"texture": 0.4},
            pixel_um=0.5 if resolved else np.nan,
            note=note,
            caption=CAPTION * 3,
        )
    )
    assert set("abcdef") <= set(axes)


def test_sample_figure_takes_any_name(legible):
    name = "1100C_15h$20pct$" * 12
    maps = HeatMaps((np.zeros((6, 8), np.float32),), (name,), "stage3", "hirescam", "log10 S/cm", (np.nan,))
    figure = sample(name=name, maps=maps, pixel_um=np.nan)
    axes = legible(figure)
    assert [text.get_parse_math() for text in figure.findobj(Text) if "$" in text.get_text()] == [False]
    assert "scale not known" in words(axes["a"])
    assert "1 cell = 16 px = scale not known" in words(axes["d"])[-1]
    assert axes["d"].get_title(loc="left") == "d  HiResCAM of the network"
    assert any("feature model, whole groups left out not known" in text.get_text() for text in figure.texts)


def test_scale_bar_has_the_length_it_names():
    ax = sample().axes[0]
    # 128 px of 0.5 um are 64 um: the largest round length within a third of that is 20 um, 40 px.
    assert words(ax) == ["20 µm"]
    for line in ax.lines:
        assert np.ptp(line.get_xdata()) == pytest.approx(40)


def test_phases_have_their_colours_and_area_shares():
    ax = panels(sample())["b"]
    canvas = canvas_of(ax)
    np.testing.assert_allclose(canvas[0, 0], np.array(figures.PORE_COLOUR) / 255)
    np.testing.assert_allclose(canvas[48, 0], np.array(figures.GRAIN_COLOUR) / 255)
    assert np.ptp(canvas[80, 80]) == 0
    assert words(ax) == [
        "pores, 12 % of the area",
        "grain boundaries, 1 % of the area",
        "grain interiors, 86 % of the area",
    ]


def test_unresolved_grains_are_said():
    note = "grains are not resolved in this picture"
    found = pd.DataFrame({"positive": [0.5], "negative": [2.0], "lean": [-0.1]}, index=["pore"])
    axes = panels(sample(phases=masks((96, 128), grains=False), enrichment=found, note=note))
    assert " ".join(words(axes["b"])[-1].split()) == note
    assert sum("resolved" in text for ax in axes.values() for text in words(ax)) == 1
    assert "grain structure +0.10 (no place)" in words(axes["c"])
    assert [label.get_text() for label in axes["e"].get_yticklabels()] == ["pores", "grain\nboundaries", "texture"]
    # The SHAP sum is painted on no pixel: what is coloured are pores.
    np.testing.assert_array_equal(np.ptp(canvas_of(axes["c"]), axis=2) > 0.01, masks((96, 128))["pore"])


def test_shap_sums_are_painted_on_their_phases():
    ax = panels(sample(shap={"pore": -0.5, "boundary": 0.5, "texture": -0.05}))["c"]
    np.testing.assert_allclose(canvas_of(ax)[0, 0], to_rgb(LOWERS))
    np.testing.assert_allclose(canvas_of(ax)[48, 0], to_rgb(RAISES))
    assert np.ptp(canvas_of(ax)[80, 80]) == 0
    where = "\n(painted on grain boundaries)"
    assert words(ax) == ["pores −0.50", f"grain structure +0.50{where}", "texture −0.05 (no place)"]
    signs = [patch.get_hatch() is not None for patch in ax.get_legend().get_patches()]
    assert signs == [True, False, False]


def test_digits_follow_the_scale():
    ax = panels(sample(shap={"pore": 0.0013, "boundary": -0.03}, limit=0.05))["c"]
    assert words(ax) == ["pores +0.001", "grain structure −0.030\n(painted on grain boundaries)"]


def test_features_that_the_model_lacks_are_said():
    axes = panels(sample(shap={"texture": 0.2}))
    assert words(axes["c"])[:2] == ["pores: no feature", "grain structure: no feature"]
    assert np.ptp(canvas_of(axes["c"]), axis=2).max() < 0.01
    assert words(axes["f"]).count("no feature") == 3


@pytest.mark.parametrize("before", [0, 1, 3])
@pytest.mark.parametrize("shape", [(96, 128), (100, 130)])
def test_each_cell_is_drawn_where_it_is(shape, before):
    """Also where the first cells begin some pixels before the picture."""
    cells = np.zeros(tuple(-(-side // 16) for side in shape))
    cells[1, 2], cells[-1, -1] = 0.002, -0.002
    ax = panels(sample(np.full(shape, 0.5), maps=maps_of(cells), cells=Cells(16, -before)))["d"]
    expected = np.ones((*shape, 3))
    expected[16 - before : 32 - before, 32 - before : 48 - before] = to_rgb(RAISES)
    expected[16 * (len(cells) - 1) - before :, 16 * (len(cells[0]) - 1) - before :] = to_rgb(LOWERS)
    np.testing.assert_allclose(canvas_of(ax), expected, atol=0.01)


def test_what_lowers_is_dotted_and_nothing_else():
    cells = np.zeros((6, 8))
    cells[:, :4], cells[:3, 4:], cells[3:, 4:] = -0.001, 0.002, -0.0001
    ax = panels(sample(maps=maps_of(cells)))["d"]
    (dots,) = (each for each in ax.collections if isinstance(each, PathCollection))
    where = dots.get_offsets()
    assert len(where) > 100
    assert where[:, 0].min() > 0
    # Of the left half all, of the right half none: there is nothing negative, or it is near zero.
    assert 60 < where[:, 0].max() < 64
    assert where[:, 1].max() > 90


def test_map_says_what_a_cell_is():
    said = words(panels(sample(maps=maps_of(np.full((6, 8), 0.003))))["d"])[-1]
    assert "1 cell = 16 px = 2 µm" in said
    assert "map 6 × 8 cells, layer stage3" in said


@pytest.mark.parametrize(
    ("most", "few", "end", "extend"),
    [
        (0.0025, 0.1, 0.003, "max"),
        (0.003, 0.003, 0.003, "neither"),
        (0.0, -0.02, 0.02, "neither"),
        (0, 0, 1, "neither"),
    ],
)
def test_colours_of_a_map_end_where_most_of_its_cells_do(most, few, end, extend):
    """Not at a few bright cells, and at these where there is nothing else: or a map would be white."""
    cells = np.full((20, 20), most)
    cells[0, :3] = few
    (bar,) = (bar._colorbar for bar in bars(sample(maps=maps_of(cells)))[1:])
    assert (bar.vmin, bar.vmax) == pytest.approx((-end, end))
    assert bar.extend == extend


def test_bars_start_at_one_and_at_zero():
    cells = np.full((6, 8), 0.001)
    cells[:3] *= -1
    axes = panels(sample(maps=maps_of(cells)))
    assert words(axes["e"])[-2:] == [f"{sign} the prediction: 50.0 % of the heat" for sign in ("raises", "lowers")]
    shares = [(bar.get_x(), bar.get_width(), bar.get_hatch() is not None) for bar in axes["e"].patches]
    expected = [(1, -0.5, False), (1, 1, True), (1, 0.5, False), (1, -0.1, True), (1, 0, False)]
    np.testing.assert_allclose(shares, expected, atol=1e-12)
    assert words(axes["e"])[0] == "no place of its own"
    sums = [(bar.get_width(), bar.get_hatch() is not None) for bar in axes["f"].patches]
    assert sums == [(-0.3, True), (0.1, False), (-0.05, True)]


@pytest.mark.parametrize(("negative", "placed"), [(2, False), (3, True)])
def test_where_a_sign_of_little_heat_lies_is_not_drawn(negative, placed):
    """Its enrichment is large and means little: the longest bars would be those that mean least."""
    cells = np.full((6, 8), 0.001)
    cells[0, :negative] *= -1  # 4.2 and 6.2 % of the heat
    ax = panels(sample(maps=maps_of(cells)))["e"]
    assert len(ax.patches) == (5 if placed else 3)
    assert any(bar.get_hatch() for bar in ax.patches) == placed
    said = f"lowers the prediction: {100 * negative / 48:.1f} % of the heat"
    assert words(ax)[-1] == said + ("" if placed else ",\ntoo little to place")


def test_a_map_of_nothing_has_no_bars():
    ax = panels(sample())["e"]
    assert not ax.patches
    assert words(ax)[:3] == ["too little of it"] * 3


def test_maps_sheet_has_scale_bars_and_ends_of_colours():
    maps = maps_of(np.zeros((6, 8)), np.full((6, 8), 1e-5), cell_um=8.0)  # 0.5 um a pixel
    known = maps.cell_um[:1]
    maps = HeatMaps(**{**vars(maps), "cell_um": (*known, np.nan)})
    images = [np.full((96, 128), 0.5)] * 2
    figure = figures.maps_sheet(images, maps, cells=[Cells(16)] * 2, labels=["a", "b"], caption=CAPTION)
    first, second = figure.axes[0], figure.axes[2]
    assert (words(first), words(second)) == (["20 µm"], ["scale not known"])
    assert [np.ptp(line.get_xdata()) for line in first.lines] == pytest.approx([40, 40])
    assert not second.lines
    assert [words(ax) for ax in figure.axes[1:4:2]] == [["±1"], ["±1e−05"]]


@pytest.mark.parametrize("n", [1, 2, 5])
def test_maps_sheet_pairs_pictures_with_their_maps(n, legible):
    rng = np.random.default_rng(0)
    figure = figures.maps_sheet(
        [rng.random((60, 80)) for _ in range(n)],
        maps_of(*(np.full((4, 5), 0.002 * (-1) ** each) for each in range(n))),
        cells=[Cells(16)] * n,
        labels=["a name far too long to stand above one pair of pictures and still be read"] * n,
        caption=CAPTION,
    )
    legible(figure)
    shown = [ax for ax in figure.axes if ax.images]
    assert len(shown) == 2 * n
    for place, ax in enumerate(shown[1::2]):
        np.testing.assert_allclose(canvas_of(ax).max(axis=(0, 1)), to_rgb(LOWERS if place % 2 else RAISES), atol=0.01)


def test_half_is_as_far_as_double_and_none_at_all_has_an_end():
    pairs = pd.DataFrame(
        {"positive": [0.5, 2.0, 0.0], "negative": [1.0, 1.0, 40.0], "lean": 0.0}, ["pore", "boundary", "interior"]
    )
    cells = np.full((6, 8), 0.001)
    cells[:3] *= -1
    ax = panels(sample(maps=maps_of(cells), enrichment=pairs))["e"]
    low, high = ax.get_xlim()
    assert low * high == pytest.approx(1)
    left, right = (abs(np.log(bar.get_x() + bar.get_width())) for bar in (ax.patches[0], ax.patches[2]))
    assert left == pytest.approx(right)
    ends = [bar.get_x() + bar.get_width() for bar in ax.patches[4:6]]
    assert ends == pytest.approx([1 / 16, 16])


def test_shap_bars_of_all_pictures_end_alike():
    ends = [panels(sample(shap={"pore": value, "boundary": 0.0}))["f"].get_xlim() for value in (0.01, -0.4)]
    assert ends[0] == ends[1] == (-0.55, 0.55)


def test_a_sum_near_zero_is_no_brighter_than_the_picture_around_it():
    ax = panels(sample(shap={"pore": 0.0, "boundary": -0.4}))["c"]
    canvas = canvas_of(ax)
    assert canvas.max() - canvas[masks(canvas.shape[:2])["pore"]].mean() < 0.02


def test_a_unit_that_is_not_known_leaves_no_empty_bracket():
    figure = sample(target=("conductivity", ""))
    assert "()" not in " ".join(text.get_text() for text in figure.texts)


def test_it_is_said_whether_both_models_have_a_phase_on_the_same_side():
    ax = panels(sample())["f"]
    assert words(ax)[-1].splitlines() == [
        "lean of the map / SHAP sum:",
        "pores − / −, alike",
        "grain structure − / +, opposite",
    ]
    ax = panels(sample(shap={"pore": 0.0, "boundary": np.nan}))["f"]
    assert not any("SHAP sum" in each for each in words(ax))
