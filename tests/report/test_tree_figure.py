import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import Rectangle

from micro_features.report import tree_figure as figures

CLASSES = {2: ["low", "high"], 3: ["low", "$m$ <median>", "high"]}


def tree(depth, n_classes=3, *, chain=False):
    """A full tree, or one whose right branch alone goes on; half of the windows go each way."""
    names = CLASSES[n_classes]
    rows = []

    def grow(parent, level, n, at_end):
        me = len(rows)
        rows.append({})
        below = (-1, -1)
        if level < depth and not (chain and at_end):
            below = (grow(me, level + 1, n / 2, True), grow(me, level + 1, n / 2, False))
        counts = {f"n_{name}": n * (k + 1) / sum(range(n_classes + 1)) for k, name in enumerate(names)}
        rows[me] = {
            "node": me,
            "parent": parent,
            "left": below[0],
            "right": below[1],
            "depth": level,
            "word": me % 40 if below[0] >= 0 else -1,
            "threshold": 0.0826 if below[0] >= 0 else np.nan,
            "n_windows": n,
            **counts,
            "value": np.nan if me % 5 == 4 else -3.456,
        }
        return me

    grow(-1, 0, 6400, False)
    return pd.DataFrame(rows), names


def texts(figure):
    (ax,) = figure.axes
    return [text.get_text() for text in ax.texts]


@pytest.mark.parametrize(
    ("depth", "n_classes", "chain", "with_thumbs"),
    [
        (0, 3, False, True),
        (0, 2, False, False),
        (1, 2, False, True),
        (6, 3, True, True),
        (6, 3, False, True),
        (6, 2, False, False),
    ],
)
def test_nothing_overlaps_whatever_the_tree(depth, n_classes, chain, with_thumbs, legible):
    table, names = tree(depth, n_classes, chain=chain)
    thumbs = {word: np.full((31, 25), 120, np.uint8) for word in range(0, 40, 2)} if with_thumbs else None
    figure = figures.tree_figure(table, names, word_thumbs=thumbs, caption="Of fold-0; training windows. " * 4)
    legible(figure)
    n_leaves = int((table["left"] < 0).sum())
    said = texts(figure)
    assert said.count("−3.46") + said.count("–") == n_leaves
    assert sum(text.startswith("word ") for text in said) == len(table) - n_leaves
    assert 0.24 * n_leaves <= figure.get_figheight() <= 0.24 * n_leaves + 2.2
    (ax,) = figure.axes
    assert len(ax.images) == (
        sum(word % 2 == 0 for word in table.loc[table["left"] >= 0, "word"]) if with_thumbs else 0
    )


def test_right_is_up_and_branches_are_as_wide_as_their_windows():
    table, names = tree(1)
    table.loc[1, "n_windows"], table.loc[2, "n_windows"] = 1600, 4800  # left and right of the root
    figure = figures.tree_figure(table, names, word_thumbs=None, caption="")
    (ax,) = figure.axes
    places = {text.get_text(): text.get_position() for text in ax.texts}
    assert places["4800"][1] < places["1600"][1]  # inches from the top
    assert "word 0 > 0.083" in places
    branches = {round(line.get_ydata()[-1], 6): line.get_linewidth() for line in ax.lines}
    narrow, wide = figures._BRANCH_PT
    assert branches[round(places["1600"][1], 6)] == pytest.approx(narrow + (wide - narrow) * 0.25)
    assert branches[round(places["4800"][1], 6)] == pytest.approx(narrow + (wide - narrow) * 0.75)


def test_bars_show_shares_of_classes():
    table, names = tree(0)  # one sixth, two, three sixths
    figure = figures.tree_figure(table, names, word_thumbs=None, caption="")
    (ax,) = figure.axes
    colours = figures.class_colours(3)
    widths = {
        patch.get_facecolor()[:3]: patch.get_width()
        for patch in ax.patches
        if isinstance(patch, Rectangle) and patch.get_linewidth() == 0
    }
    assert [widths[colour] / figures._LEAF_BAR for colour in colours] == pytest.approx([1 / 6, 1 / 3, 1 / 2])
    assert "high" in texts(figure)[len(names) :]


def test_parents_of_leaves_may_be_missing_values():
    table, names = tree(2)
    blank = table.assign(
        **{column: table[column].where(table[column] >= 0) for column in ("left", "right", "parent", "word")}
    )
    one, other = (figures.tree_figure(each, names, word_thumbs=None, caption="") for each in (table, blank))
    assert texts(one) == texts(other)


def test_colours_of_classes_go_from_dark_to_light():
    for n_classes in (2, 3, 5):
        light = np.array(figures.class_colours(n_classes)) @ [0.2126, 0.7152, 0.0722]
        assert (np.diff(light) > 0.1).all()
        assert light[-1] < 0.85
