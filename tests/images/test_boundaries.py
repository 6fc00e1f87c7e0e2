import numpy as np
import pytest

from micro_features.images.boundaries import boundary_strength, cue_weights
from micro_features.images.prepare import flatten


def everywhere(image):
    return np.ones(image.shape, bool)


def strength_of(drawn):
    flat = flatten(drawn.image, everywhere(drawn.image), window_px=40)
    return boundary_strength(flat, everywhere(flat))[0]


def boundary_pixels(labels):
    line = np.zeros(labels.shape, bool)
    line[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    line[1:] |= labels[1:] != labels[:-1]
    return line


@pytest.mark.parametrize("look", ["groove", "rim", "step"])
@pytest.mark.parametrize("noise", [0.01, 0.05])
def test_boundaries_stand_out_whatever_their_look(voronoi, look, noise):
    drawn = voronoi((200, 300), 30, look=look, noise=noise)
    strength = strength_of(drawn)
    line = boundary_pixels(drawn.labels)
    assert strength.min() >= 0
    assert strength.max() <= 1
    assert np.median(strength[line]) > 1.8 * np.median(strength[~line])


def test_weights_follow_the_look(voronoi):
    def weights(look):
        drawn = voronoi((300, 400), 30, look=look, noise=0.02)
        flat = flatten(drawn.image, everywhere(drawn.image), window_px=40)
        # The two ridge strengths at one scale, from the definition.
        rows, cols = np.gradient(flat)
        (rr, rc), (_, cc) = np.gradient(rows), np.gradient(cols)
        mean, deviator = (rr + cc) / 2, np.hypot((rr - cc) / 2, rc)
        return cue_weights(
            np.maximum(mean + deviator, 0).astype(np.float32),
            np.maximum(deviator - mean, 0).astype(np.float32),
            everywhere(flat),
        )

    groove, rim, step = weights("groove"), weights("rim"), weights("step")
    assert groove.groove == 1
    assert groove.rim < 0.5
    assert rim.rim == 1
    assert rim.groove < 0.5
    assert min(step) > 0.75
    assert max(groove.step, rim.step) < 0.5


def test_weights_are_the_ratio_of_percentiles_at_a_power():
    groove = np.linspace(0, 1, 10_000, dtype=np.float32).reshape(100, 100)
    weights = cue_weights(groove, 0.8 * groove, everywhere(groove))
    assert weights.groove == 1
    assert weights.rim == pytest.approx((1.15 * 0.8) ** 20, rel=0.02)
    assert weights.step == weights.rim
    # A small difference is what rough surfaces have anyway.
    assert cue_weights(groove, 0.9 * groove, everywhere(groove)) == (1, 1, 1)


def test_strength_is_symmetric(voronoi):
    drawn = voronoi((120, 160), 25, noise=0.03)
    flat = flatten(drawn.image, everywhere(drawn.image), window_px=40)
    strength, _ = boundary_strength(flat, everywhere(flat))
    for turn in (np.fliplr, np.flipud, np.transpose):
        turned = np.ascontiguousarray(turn(flat))
        np.testing.assert_allclose(boundary_strength(turned, everywhere(turned))[0], turn(strength), atol=1e-4)


def test_one_grey_level_and_masked_parts_have_no_boundaries(voronoi):
    nothing = np.zeros((40, 50), np.float32)
    assert not boundary_strength(nothing, everywhere(nothing))[0].any()
    flat = flatten(voronoi((100, 100), 20).image, everywhere(np.zeros((100, 100))), window_px=40)
    valid = everywhere(flat)
    valid[60:] = False
    assert not boundary_strength(flat, valid)[0][60:].any()
    assert not boundary_strength(flat, ~everywhere(flat))[0].any()
