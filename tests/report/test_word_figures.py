import matplotlib.patheffects
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb

from micro_features.report import word_figures as figures

NAMES = ["low", "$m$ <median>", "high"]
YELLOW = np.array(figures.CELL_COLOUR)


def entry(number, n_windows, shape=(340, 340), cell=(150, 181, 200, 231), grey=100):
    windows = [np.full(shape, grey, np.uint8)] * n_windows
    return figures.WordEntry(
        number, f"word {number} · 8.1 % of cells · low 70 %", windows, [cell] * n_windows, ["a.tif"] * n_windows
    )


def test_forty_words_are_a_sheet_not_a_strip():
    sheet = figures.word_sheet([entry(number, 6) for number in range(40)])
    assert sheet.dtype == np.uint8
    assert 0.8 < sheet.shape[1] / sheet.shape[0] < 1.7
    assert sheet.shape[1] > 3 * 6 * figures.WINDOW_PX


def test_every_window_has_its_outline_around_the_cell():
    sheet = figures.word_sheet([entry(number, 1 + number % 2) for number in range(5)])
    yellow = (sheet == YELLOW).all(axis=2)
    # 31 of the 170 px that are shown are 27 of 150: an outline of 29 x 29, so 112 px each, in 7 windows.
    assert np.count_nonzero(yellow) == 7 * 112


def test_half_of_the_window_is_shown_and_the_cell_is_in_its_place():
    window = np.zeros((340, 340), np.uint8)
    window[300:331, 10:41] = 255  # the cell, in a corner: what is shown is moved into the window
    sheet = figures.word_sheet([figures.WordEntry(0, "word 0", [window], [(300, 331, 10, 41)], ["a.tif"])])
    rows, cols = np.nonzero((sheet == YELLOW).all(axis=2))
    inside = sheet[rows.min() + 2 : rows.max() - 1, cols.min() + 2 : cols.max() - 1]
    assert (inside >= 250).all()
    # Nothing of the cell is outside of the outline.
    outside = sheet.copy()
    outside[rows.min() : rows.max() + 1, cols.min() : cols.max() + 1] = 0
    first = rows.min() - round((300 - 170) * 150 / 170) + 1
    assert outside[first : first + 150].max() < 30
    assert cols.min() == round(10 * 150 / 170) - 1


@given(
    shape=st.tuples(st.integers(8, 400), st.integers(8, 400)),
    corner=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    size=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_cells_of_any_size_lie_in_what_is_shown(shape, corner, size):
    for length, at, part in zip(shape, corner, size, strict=True):
        first = round(at * (length - 1))
        end = first + 1 + round(part * (length - 1 - first))
        shown = figures._around(length, (first, end))
        assert 0 <= shown.start <= first
        assert end <= shown.stop <= length


def test_a_word_without_windows_and_long_names_fit():
    long = figures.WordEntry(1, "word 1", [np.zeros((30, 60), np.uint8)], [(0, 30, 0, 60)], ["a" * 200 + ".tif"])
    sheet = figures.word_sheet([entry(0, 0), long])
    assert sheet.shape[1] < 2 * (figures.WINDOW_PX + 20)
    assert figures.word_sheet([entry(0, 0)]).ndim == 3


def test_names_that_are_no_text_are_shown():
    blank = np.zeros((30, 30), np.uint8)
    named = [
        figures.WordEntry(0, "", [blank], [(0, 9, 0, 9)], [name])
        for name in ("new\nline.tif", "\x07\ud800", "日本.tif")
    ]
    assert figures.word_sheet(named).ndim == 3


def test_long_names_keep_their_ends():
    blank = np.zeros((30, 30), np.uint8)
    sheets = [
        figures.word_sheet([figures.WordEntry(0, "", [blank], [(0, 9, 0, 9)], ["specimen_" * 9 + end])]) for end in "12"
    ]
    assert (sheets[0] != sheets[1]).any()


@pytest.mark.parametrize("n_words", [2, 40])
def test_colours_of_words_are_told_apart(n_words):
    colours = figures.word_colours(n_words)
    apart = np.linalg.norm(colours[:, None] - colours[None], axis=2)[~np.eye(n_words, dtype=bool)]
    assert apart.min() > 0.15
    assert (np.linalg.norm(1 - colours, axis=1) > 0.3).all()
    np.testing.assert_array_equal(colours, figures.word_colours(n_words))


def drawn_points(n_words, n=1200, spread=30.0):
    rng = np.random.default_rng(0)
    word = np.arange(n) % n_words
    xy = (rng.normal(size=(n_words, 2)) * spread)[word] + rng.normal(size=(n, 2))
    return xy, word, np.arange(n) % 3


@pytest.mark.parametrize(("n_words", "n", "spread"), [(40, 1200, 30.0), (40, 5000, 0.1), (1, 3, 0.0)])
def test_words_are_numbered_where_they_lie(n_words, n, spread, legible):
    xy, word, classes = drawn_points(n_words, n, spread)
    figure = figures.tsne_figure(xy, word, classes, NAMES, caption="5 000 vectors.")
    legible(figure)
    by_word, by_class = figure.axes
    numbers = {int(text.get_text()): text for text in by_word.texts}
    assert sorted(numbers) == list(range(n_words))
    assert all(isinstance(text.get_path_effects()[0], matplotlib.patheffects.withStroke) for text in numbers.values())
    if spread > 1:
        middle = np.array([np.median(xy[word == each], axis=0) for each in range(n_words)])
        moved = np.linalg.norm([numbers[each].get_position() for each in range(n_words)] - middle, axis=1)
        assert np.median(moved) < 0.02 * np.ptp(xy)
    assert [text.get_text() for text in by_class.get_legend().get_texts()] == NAMES
    assert figures.LOOKING_ONLY in figure.get_supxlabel()


def test_each_point_has_the_colour_of_its_word_and_of_its_class():
    xy, word, classes = drawn_points(5, 60)
    figure = figures.tsne_figure(xy, word, classes, NAMES, caption=figures.LOOKING_ONLY)
    assert figure.get_supxlabel() == figures.LOOKING_ONLY
    legend = [to_rgb(handle.get_color()) for handle in figure.axes[1].get_legend().legend_handles]
    for ax, labels, colours in zip(figure.axes, (word, classes), (figures.word_colours(5), legend), strict=True):
        (points,) = ax.collections
        drawn = {
            tuple(place): tuple(colour[:3])
            for place, colour in zip(points.get_offsets().data, points.get_facecolors(), strict=True)
        }
        for place, label in zip(xy, labels, strict=True):
            assert drawn[tuple(place)] == pytest.approx(tuple(colours[label]))
