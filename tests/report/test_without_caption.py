import numpy as np
import pytest

from micro_features.report.overlay import CAPTION_BACKGROUND, caption_strip, without_caption


@pytest.mark.parametrize("words", ["pixel 0.1 µm", "many words " * 60])
@pytest.mark.parametrize("width", [40, 640, 2000])
def test_what_a_caption_adds_is_taken_away(words, width):
    picture = np.random.default_rng(0).integers(0, 255, (50, width, 3), np.uint8)
    assert (without_caption(np.vstack([picture, caption_strip(words, width)])) == picture).all()


def test_pictures_without_one_stay():
    picture = np.zeros((20, 30, 3), np.uint8)
    assert without_caption(picture) is picture
    only = np.full((20, 30, 3), CAPTION_BACKGROUND, np.uint8)
    assert without_caption(only) is only
