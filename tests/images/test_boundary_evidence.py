import numpy as np
import pytest

from micro_features.images import boundary_evidence
from micro_features.images.boundaries import CueWeights, boundary_strength
from micro_features.images.boundary_evidence import BOUNDARY_FEATURES, boundary_features
from micro_features.images.prepare import flatten
from micro_features.images.watershed import basins, contacts

WEIGHTS = CueWeights(1.0, 0.3, 0.2)
DEPTH = 2.0


def named(table):
    assert table.dtype == np.float32
    assert table.shape[1] == len(BOUNDARY_FEATURES)
    return dict(zip(BOUNDARY_FEATURES, table.T, strict=True))


def two_basins(profile, *, degrees=0.0, shape=(101, 121)):
    """Two basins on both sides of a line through the middle, grey level a function of the distance from it."""
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    angle = np.deg2rad(degrees)
    distance = (cols - shape[1] // 2) * np.cos(angle) + (rows - shape[0] // 2) * np.sin(angle)
    labels = np.where(distance < 0, 1, 2).astype(np.int32)
    strength = np.exp(-0.5 * (distance / 2) ** 2).astype(np.float32)
    flat = profile(distance).astype(np.float32)
    touching = contacts(labels, strength)
    table = boundary_features(flat, np.ones(shape, bool), labels, touching, strength=strength, weights=WEIGHTS)
    row, col = np.divmod(touching.at, shape[1])
    inside = (np.minimum(row, shape[0] - 1 - row) > 15) & (np.minimum(col, shape[1] - 1 - col) > 15)
    return named(table[inside]), labels


def line(distance):
    return DEPTH * np.exp(-0.5 * (distance / 1.5) ** 2)


@pytest.mark.parametrize("degrees", [0, 20, 45, 70, 90, 135])
def test_a_groove_lies_below_both_of_its_sides(degrees):
    found, _ = two_basins(lambda d: -line(d), degrees=degrees)
    # The line is smoothed by 0.7 pixels before it is read, and not yet at its end 3 pixels from the middle, where the
    # last two look; contacts of a slanted line lie up to half a pixel beside it.
    for name in ("darker_side_5px", "darker_side_8px", "brighter_side_8px"):
        assert np.median(found[name]) == pytest.approx(0.9 * DEPTH, rel=0.06), name
    for name in ("darker_side_long", "depth_most"):
        assert np.median(found[name]) == pytest.approx(0.7 * DEPTH, rel=0.12), name
    assert found["darker_side_1.5px"].min() > 0.1 * DEPTH
    assert found["depth_least"].min() > 0.5 * DEPTH
    assert found["step_least"].max() < 0.2 * DEPTH
    assert (found["groove_1px"] > 4 * np.maximum(found["rim_1px"], 0)).all()
    assert found["coherence_3px"].min() > 0.95


@pytest.mark.parametrize("degrees", [0, 45, 110])
def test_a_rim_rises_above_both_of_its_sides(degrees):
    found, _ = two_basins(line, degrees=degrees)
    for name in ("brighter_side_1.5px", "brighter_side_3px", "brighter_side_8px", "brighter_side_long", "depth_most"):
        assert found[name].max() < 0, name
    assert np.median(found["brighter_side_8px"]) == pytest.approx(-0.9 * DEPTH, rel=0.12)
    assert (found["rim_2px"] > 4 * np.maximum(found["groove_2px"], 0)).all()


@pytest.mark.parametrize("degrees", [0, 45, 110])
def test_a_step_has_its_height_between_its_sides_and_no_groove(degrees):
    found, _ = two_basins(lambda d: DEPTH * np.clip(d + 0.5, 0, 1), degrees=degrees)
    for across in ("3px", "5px", "8px", "long"):
        height = found[f"brighter_side_{across}"] - found[f"darker_side_{across}"]
        np.testing.assert_allclose(height, DEPTH, atol=0.02)
        assert found[f"darker_side_{across}"].max() < 0.01
    np.testing.assert_allclose(found["step_least"], DEPTH, atol=0.02)
    np.testing.assert_allclose(found["basin_contrast"], DEPTH, rtol=0.02)
    assert np.median(found["step_2px"]) == pytest.approx(0.4 * DEPTH, rel=0.07)


def test_one_grey_level_has_no_relief():
    found, _ = two_basins(lambda d: np.full(d.shape, 0.7))
    level = dict.fromkeys(("grey_1px", "grey_4px", "grey_10px"), 0.7)
    not_of_grey = {"solid_3px", "strength", "basin_strength", "basin_smaller_px", "basin_larger_px"}
    not_of_grey |= {"picture_groove_weight", "picture_rim_weight"}
    for name in set(BOUNDARY_FEATURES) - not_of_grey:
        # Variances are differences of squares.
        np.testing.assert_allclose(found[name], level.get(name, 0.0), atol=1e-3, err_msg=name)


def test_what_is_said_of_basins_and_of_the_picture():
    rng = np.random.default_rng(0)
    labels = np.ones((40, 60), np.int32)
    labels[:, 45:] = 2
    strength = rng.random(labels.shape, np.float32)
    flat = rng.normal(0, 0.5, labels.shape).astype(np.float32)
    touching = contacts(labels, strength)
    valid = np.ones(labels.shape, bool)
    found = named(boundary_features(flat, valid, labels, touching, strength=strength, weights=WEIGHTS))
    np.testing.assert_allclose(found["basin_smaller_px"], np.sqrt(40 * 15), rtol=1e-6)
    np.testing.assert_allclose(found["basin_larger_px"], np.sqrt(40 * 45), rtol=1e-6)
    means = [strength[labels == label].mean() for label in (1, 2)]
    np.testing.assert_allclose(found["basin_strength"], max(means), rtol=1e-5)
    assert (found["basin_spread_smaller"] <= found["basin_spread_larger"]).all()
    np.testing.assert_array_equal(found["strength"], strength.ravel()[touching.at])
    np.testing.assert_allclose(found["picture_groove_weight"], WEIGHTS.groove)
    np.testing.assert_allclose(found["picture_rim_weight"], WEIGHTS.rim)
    assert found["picture_noise"].std() == 0


@pytest.mark.parametrize("name", ["noise_3px", "spread_4px", "picture_noise", "basin_spread_larger"])
def test_noise_is_measured_in_units_of_grey_level(name):
    noise = np.random.default_rng(0).standard_normal((101, 121))
    weak, strong = (two_basins(lambda d, s=s: s * noise)[0][name].mean() for s in (0.2, 0.6))
    assert strong == pytest.approx(3 * weak, rel=0.02)
    assert 0.03 < weak < 0.2


def test_solid_is_the_share_of_material_around():
    labels = np.ones((60, 80), np.int32)
    labels[:, 40:] = 2
    valid = np.ones(labels.shape, bool)
    valid[30:] = False
    labels[~valid] = 0
    touching = contacts(labels, np.zeros(labels.shape, np.float32))
    zero = np.zeros(labels.shape, np.float32)
    solid = named(boundary_features(zero, valid, labels, touching, strength=zero, weights=WEIGHTS))["solid_3px"]
    row = touching.at // 80
    assert solid[row == 10] == pytest.approx(1.0, abs=1e-4)
    assert solid[row == 29] == pytest.approx(0.5, abs=0.08)


def bank(image, labels=None, valid=None):
    valid = np.ones(image.shape, bool) if valid is None else valid
    flat = flatten(image, valid, window_px=40.0)
    strength, weights = boundary_strength(flat, valid)
    if labels is None:
        labels, _ = basins(strength, valid)
    touching = contacts(labels, strength)
    return labels, touching, boundary_features(flat, valid, labels, touching, strength=strength, weights=weights)


def test_brightness_and_gain_change_nothing(voronoi):
    image = voronoi((120, 160), 20, noise=0.05).image
    labels, touching, table = bank(image)
    _, again, other = bank(0.5 * image + 0.2, labels)
    same = touching.at == again.at
    assert same.mean() > 0.999
    np.testing.assert_allclose(other[same], table[same], atol=2e-3)


@pytest.mark.parametrize("turn", [np.fliplr, np.flipud, np.rot90, np.transpose], ids=lambda turn: turn.__name__)
def test_turned_pictures_have_the_same_evidence_at_the_same_places(voronoi, turn):
    image = voronoi((120, 160), 20, look="step", noise=0.05).image
    labels, touching, table = bank(image)
    turned_labels = np.ascontiguousarray(turn(labels))
    _, turned_touching, turned = bank(np.ascontiguousarray(turn(image)), turned_labels)
    came_from = turn(np.arange(image.size).reshape(image.shape)).ravel()

    def in_order(at, first, second):
        return np.lexsort((np.maximum(first, second), np.minimum(first, second), at))

    order = in_order(*touching)
    other = in_order(came_from[turned_touching.at], *turned_touching[1:])
    np.testing.assert_array_equal(touching.at[order], came_from[turned_touching.at][other])
    difference = np.abs(table[order] - turned[other])
    # The direction of a line is not sure where it crosses another; noise is looked at on every third pixel.
    unsure = BOUNDARY_FEATURES.index("picture_noise")
    assert difference[:, unsure].max() < 0.02
    difference[:, unsure] = 0
    assert (difference.max(axis=1) < 2e-3).mean() > 0.98


def test_grey_levels_under_the_mask_do_not_matter(voronoi):
    image = voronoi((120, 160), 20, noise=0.05).image
    valid = np.ones(image.shape, bool)
    valid[90:] = False
    black, white = (np.where(valid, image, np.float32(level)) for level in (0, 1))
    # OpenCV rounds the last digit of a length by where the picture lies in memory.
    np.testing.assert_allclose(bank(black, valid=valid)[2], bank(white, valid=valid)[2], atol=1e-6)


def test_no_contact_has_no_row():
    image = np.full((30, 40), 0.5, np.float32)
    assert bank(image)[2].shape == (0, len(BOUNDARY_FEATURES))
    assert bank(image, valid=np.zeros(image.shape, bool))[2].shape == (0, len(BOUNDARY_FEATURES))


@pytest.mark.parametrize("shape", [(1, 60), (60, 1), (2, 2), (3, 70)])
def test_narrowest_pictures_are_described(shape):
    image = np.random.default_rng(0).random(shape, np.float32)
    labels = np.arange(1, image.size + 1, dtype=np.int32).reshape(shape)
    _, touching, table = bank(image, labels)
    assert len(table) == len(touching.at) > 0
    assert np.isfinite(table).all()


def test_pictures_too_long_for_opencv_are_read_alike(voronoi, monkeypatch):
    image = voronoi((60, 80), 20, noise=0.05).image
    labels, _, table = bank(image)
    monkeypatch.setattr(boundary_evidence, "_REMAP_LIMIT_PX", 50)
    # OpenCV rounds places to a thirty-second of a pixel.
    np.testing.assert_allclose(bank(image, labels)[2], table, atol=0.1)
    monkeypatch.undo()
    long = np.tile(image[:12], (1, 410))
    _, _, table = bank(long, np.tile(labels[:12], (1, 410)))
    assert np.isfinite(table).all()
