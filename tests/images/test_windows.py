"""Windows: no pixel is left out, none lies outside."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micro_features.errors import SettingsError
from micro_features.images.windows import window_boxes, window_starts


def test_the_last_window_lies_flush_with_the_edge():
    assert window_starts(480, 170, 85).tolist() == [0, 85, 170, 255, 310]
    assert window_starts(510, 170, 85).tolist() == [0, 85, 170, 255, 340]
    assert window_starts(170, 170, 85).tolist() == [0]
    assert window_boxes((5, 6), 4, 4).tolist() == [[0, 0], [0, 2], [1, 0], [1, 2]]


def test_windows_at_even_steps_are_those_of_the_published_study():
    assert window_starts(480, 170, 85, flush=False).tolist() == [0, 85, 170, 255]
    assert window_starts(170, 170, 85, flush=False).tolist() == [0]
    assert len(window_boxes((960, 1280), 340, 170, flush=False)) == 24
    assert window_boxes((960, 1280), 340, 170, flush=False).max(axis=0).tolist() == [510, 850]


@given(st.integers(1, 60), st.integers(1, 60), st.data())
def test_every_pixel_is_seen(length, other, data):
    size = data.draw(st.integers(1, min(length, other)))
    step = data.draw(st.integers(1, size))
    boxes = window_boxes((length, other), size, step)
    seen = np.zeros((length, other), int)
    for row, col in boxes:
        assert row >= 0
        assert col >= 0
        seen[row : row + size, col : col + size] += 1
    assert seen.sum() == len(boxes) * size**2
    assert seen.min() >= 1
    assert len(np.unique(boxes, axis=0)) == len(boxes)


def test_a_window_that_does_not_fit_is_refused():
    with pytest.raises(SettingsError, match=r"170 x 170 pixels are larger than the picture of 100 x 640 pixels.* 100"):
        window_boxes((100, 640), 170, 85)
    with pytest.raises(SettingsError, match="window of 11 pixels on a side of 10"):
        window_starts(10, 11, 1)
    with pytest.raises(SettingsError, match="window of 0 pixels"):
        window_boxes((10, 10), 0, 1)


@pytest.mark.parametrize("step", [0, -1, 5])
def test_a_step_that_leaves_strips_is_refused(step):
    with pytest.raises(SettingsError, match=f"step of {step} pixels between windows of 4"):
        window_boxes((10, 10), 4, step)
