"""Letters that a figure's author put into a corner are no material."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from micro_features.calibration.annotations import read_annotations
from micro_features.calibration.text import can_read
from micro_features.data import Picture

pytestmark = pytest.mark.skipif(not can_read(), reason="the text reader is not installed")


def panel(box, label):
    grain = np.random.default_rng(4).normal(0, 1, (400, 512))
    grey = 130 + 25 * np.cumsum(np.cumsum(grain, 0), 1) / 400 + 8 * grain
    picture = Image.fromarray(np.clip(grey, 40, 230).astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    pen.rectangle((box[2], box[0], box[3], box[1]), fill=0)
    pen.text((box[2] + 14, box[0] + 6), label, fill=255, font=ImageFont.load_default(40))
    return Picture(np.asarray(picture), 255.0)


@pytest.mark.parametrize("label", ["a)", "b)"])
def test_a_label_in_a_corner_is_masked(label):
    annotations = read_annotations(panel((0, 59, 0, 69), label))
    assert (0, 59, 0, 69) in annotations.masked
    assert annotations.scale_bar is None


def test_a_dark_rectangle_without_a_sign_is_picture():
    assert read_annotations(panel((0, 59, 0, 69), "")).masked == ()
