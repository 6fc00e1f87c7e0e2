import numpy as np
import pytest

from micro_features.report.contact import PANEL_PX, REGION_PX, Window, contact_sheet, panel


def squares(side, shape=(400, 800)):
    rows, cols = np.indices(shape) // side
    return (rows * (shape[1] // side) + cols + 1).astype(np.int32)


def test_large_regions_are_shown_whole_and_small_ones_enlarged():
    whole = Window.around_middle(squares(100))
    assert (whole.rows, whole.cols) == (slice(0, 400), slice(0, 800))
    assert whole.zoom == pytest.approx(PANEL_PX / 800)
    part = Window.around_middle(squares(20))
    assert part.zoom == pytest.approx(REGION_PX / np.sqrt(4 / np.pi * 400), rel=0.01)
    assert part.cols.stop - part.cols.start == pytest.approx(PANEL_PX / part.zoom, abs=1)
    assert part.cols.start + part.cols.stop == pytest.approx(800, abs=1)
    assert Window.around_middle(np.zeros((400, 800), int)).zoom == whole.zoom


def test_one_to_one_shows_the_middle_of_the_material():
    valid = np.ones((400, 800), bool)
    valid[300:] = False
    window = Window.one_to_one(valid, (100, 1000))
    assert (window.rows, window.cols, window.zoom) == (slice(100, 200), slice(0, 800), 1.0)


def test_outlines_are_drawn_where_labels_meet_and_nowhere_else():
    labels = squares(100)
    window = Window(slice(0, 400), slice(0, 800), 2.0)
    image = np.full((400, 800), 0.5, np.float32)
    shown = panel(image, window, outlines={"grains": labels}, caption="a")[:800]
    coloured = (shown != shown[..., :1]).any(axis=2)
    assert coloured[:, 199].all()
    assert coloured[399].all()
    assert np.count_nonzero(coloured) == 3 * 1600 + 7 * 800 - 21
    assert not (panel(image, window, caption="a")[:800] != 128).any()


def test_panels_of_any_size_keep_their_columns():
    grey = [np.full((rows, cols, 3), 100 + rows, np.uint8) for rows, cols in ((20, 30), (10, 50), (40, 10))]
    sheet = contact_sheet([grey[:2], grey[2:]])
    assert (sheet[:20, :30] == 120).all()
    assert (sheet[:10, 36:86] == 110).all()
    assert (sheet[26:66, :10] == 140).all()
    assert not (sheet[10:20, 36:] == 110).any()
