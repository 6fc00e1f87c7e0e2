import cv2
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from scipy.special import erf
from skimage.segmentation import watershed

from micro_features.features.quality import (
    QUALITY_COLUMNS,
    brightness_and_contrast,
    calm_share,
    noise_and_structure,
    quality_features,
    saturated_share,
    sharpness,
)
from micro_features.images import grains as grain_methods
from micro_features.images import pores as pore_methods

SHAPE = (400, 500)
EVERYWHERE = np.ones(SHAPE, bool)


def voronoi(spacing, shape=SHAPE, seed=0):
    """Grains about jittered lattice points, and the distance of each pixel to the nearest boundary."""
    rng = np.random.default_rng(seed)
    seeds = np.ones(shape, bool)
    for row in range(spacing // 2, shape[0], spacing):
        for col in range(spacing // 2, shape[1], spacing):
            r, c = (np.array([row, col]) + rng.integers(-spacing // 4, spacing // 4 + 1, 2)).tolist()
            seeds[min(r, shape[0] - 1), min(c, shape[1] - 1)] = False
    rows, cols = ndimage.distance_transform_edt(seeds, return_distances=False, return_indices=True)
    _, labels = np.unique(rows * shape[1] + cols, return_inverse=True)
    labels = labels.reshape(shape).astype(np.int32) + 1
    edge = np.zeros(shape, bool)
    edge[:-1] |= labels[:-1] != labels[1:]
    edge[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    return labels, ndimage.distance_transform_edt(~edge)


def grooved(spacing, width=1.5, **options):
    """A drawn section with dark grooves: image, labels, boundary strength."""
    labels, distance = voronoi(spacing, **options)
    groove = np.exp(-(distance**2) / (2 * width**2)).astype(np.float32)
    return 0.7 - 0.4 * groove, labels, groove


def relief(scale, shape=SHAPE, seed=0):
    """Basins of smooth random relief: image, labels, strength that is the height itself."""
    height = cv2.GaussianBlur(np.random.default_rng(seed).normal(size=shape).astype(np.float32), (0, 0), scale)
    height = (height - height.min()) / np.ptp(height)
    return height, watershed(height).astype(np.int32), height


def quality(image, labels, boundary, valid=None, min_pixels=10.0, min_whole=20, grain_dependence=0.3, confidence=0.9):
    image = image.astype(np.float32)
    valid = np.ones(image.shape, bool) if valid is None else valid
    return quality_features(
        image,
        valid,
        labels,
        boundary=boundary,
        min_pixels_across_grain=min_pixels,
        min_whole_grains=min_whole,
        min_calm_share=0.7,
        grain_dependence=grain_dependence,
        confidence=confidence,
        min_confidence=0.6,
        stability=np.array([1.0, 0.5, 0.7], np.float32),
        agreement=0.8,
        count_range=(0.9, 1.2),
        boundary_range=(0.95, 1.1),
        pore_area_range=(0.7, 1.4),
    )


def blurred_disc(blur, shape=SHAPE, radius=120):
    """A disc whose edge is a step blurred by a Gaussian, drawn from the formula."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    distance = np.hypot(y - shape[0] / 2, x - shape[1] / 2) - radius
    return (0.5 - 0.3 * erf(distance / (np.sqrt(2) * blur))).astype(np.float32)


# Are grains resolved?


@pytest.mark.parametrize("spacing", [20, 40])
def test_drawn_grains_are_resolved(spacing):
    found = quality(*grooved(spacing))
    assert found["quality_grains_resolved"] is True
    assert found["quality_calm_grain_share"] > 0.9
    assert found["quality_pixels_across_grain"] == pytest.approx(spacing * np.sqrt(4 / np.pi), rel=0.1)


@pytest.mark.parametrize("scale", [3, 5, 8])
def test_basins_of_relief_are_no_grains_however_large(scale):
    found = quality(*relief(scale))
    assert found["quality_pixels_across_grain"] > 10
    assert found["quality_whole_grains"] > 20
    assert found["quality_calm_grain_share"] < 0.2
    assert found["quality_grains_resolved"] is False


def test_grains_as_narrow_as_their_boundaries_are_not_calm():
    _, labels, groove = grooved(12, width=4)
    assert calm_share(labels, groove) < 0.05


def test_resolved_needs_pixels_and_whole_grains():
    scene = grooved(40)
    found = quality(*scene)
    across, whole = found["quality_pixels_across_grain"], found["quality_whole_grains"]
    assert quality(*scene, min_pixels=across * 0.99)["quality_grains_resolved"] is True
    assert quality(*scene, min_pixels=across * 1.01)["quality_grains_resolved"] is False
    assert quality(*scene, min_whole=whole)["quality_grains_resolved"] is True
    assert quality(*scene, min_whole=whole + 1)["quality_grains_resolved"] is False


def test_whole_grains_touch_neither_frame_nor_mask():
    labels = np.kron(np.arange(1, 21).reshape(4, 5), np.ones((100, 100))).astype(np.int32)
    image = np.random.default_rng(0).random(SHAPE)
    assert quality(image, labels, np.zeros(SHAPE, np.float32))["quality_whole_grains"] == 2 * 3
    valid = EVERYWHERE.copy()
    valid[150:160, 150:160] = False
    assert quality(image, labels, np.zeros(SHAPE, np.float32), valid)["quality_whole_grains"] == 5


def test_calm_share_counts_area():
    # Left: grains with thin rims; right: strength falls off to the middle as a cone does.
    labels, distance = voronoi(40)
    depth = ndimage.maximum(distance, labels, np.arange(labels.max() + 1))
    cone = 1 - 0.5 * distance / np.maximum(depth[labels], 1)
    of_left = np.zeros(labels.max() + 1, bool)
    of_left[np.unique(labels[:, :250])] = True
    left = of_left[labels]
    strength = np.where(left, np.exp(-distance), cone).astype(np.float32)
    found = calm_share(labels, strength)
    assert found == pytest.approx(left.mean(), abs=0.02)


def test_resolved_needs_most_of_the_area_calm():
    image, labels, groove = grooved(40)
    for share, resolved in ((0.6, False), (0.8, True)):
        calm = labels <= share * labels.max()
        found = quality(image, labels, np.where(calm, groove, np.float32(0.9)).astype(np.float32))
        assert found["quality_calm_grain_share"] == pytest.approx(share, abs=0.05)
        assert found["quality_grains_resolved"] is resolved


def test_the_middle_of_a_grain_counts_more_than_its_outskirts():
    # A thick rim takes three fifths of each grain and leaves the middle calm.
    labels, distance = voronoi(40)
    depth = ndimage.maximum(distance, labels, np.arange(labels.max() + 1))[labels]
    rim = distance < 0.35 * depth
    assert rim.mean() > 0.5
    assert calm_share(labels, rim.astype(np.float32)) > 0.9


def test_calm_share_depends_on_ratios_only_and_not_on_labels():
    _, labels, groove = grooved(30)
    found = calm_share(labels, groove)
    assert calm_share(labels, groove * np.float32(0.1)) == pytest.approx(found)
    assert calm_share(labels * 7, groove) == pytest.approx(found)
    turned = calm_share(np.rot90(labels).copy(), np.rot90(groove).copy())
    assert turned == pytest.approx(found, abs=0.02)


def test_boundaries_found_as_pores_are_boundaries():
    _, labels, groove = grooved(40, width=2)
    assert calm_share(np.where(groove > 0.5, 0, labels), groove) > 0.9


def test_no_grains_at_all():
    image = np.random.default_rng(0).random(SHAPE)
    found = quality(image, np.zeros(SHAPE, np.int32), np.zeros(SHAPE, np.float32))
    assert found["quality_grains_resolved"] is False
    assert found["quality_whole_grains"] == 0
    assert np.isnan(found["quality_pixels_across_grain"])
    assert np.isnan(found["quality_calm_grain_share"])
    one = quality(image, np.ones(SHAPE, np.int32), np.zeros(SHAPE, np.float32))
    assert one["quality_calm_grain_share"] == 0


def real(path, shrink=1):
    """Quality of a real picture, segmented by the defaults; 25 px is ASTM E2627's 500 points for an average grain."""
    image = np.asarray(Image.open(path).convert("L"), dtype=np.float32) / 255
    if path.parts[-3] in ("llzto", "llto"):
        image = image[:960]
    if shrink != 1:
        image = cv2.resize(image, None, fx=1 / shrink, fy=1 / shrink, interpolation=cv2.INTER_AREA)
    valid = np.ones(image.shape, bool)
    pores = pore_methods.PORE_METHODS["local"](image, valid)
    found = grain_methods.GRAIN_METHODS["watershed"](image, valid, pores)
    return quality(image, found.labels, found.boundary, min_pixels=25.0)


@pytest.mark.parametrize(
    ("picture", "shrink", "resolved"),
    [
        ("perovskite_film_sem/images/perovskite_left.png", 1, True),
        ("perovskite_film_sem/images/perovskite_left.png", 8, False),
        ("steel316L_optical/images/steel316L_02.png", 2, True),
        ("steel316L_optical/images/steel316L_02.png", 8, False),
        ("steel_nist_optical/images/nist_steel_001.png", 1, True),
        ("steel_nist_optical/images/nist_steel_001.png", 6, False),
    ],
)
def test_grains_are_resolved_until_the_picture_is_shrunk_too_far(shared_data, picture, shrink, resolved):
    found = real(shared_data / "ground_truth" / picture, shrink)
    assert found["quality_grains_resolved"] is resolved, found


@pytest.mark.parametrize(
    "picture", ["llzto/High/3.74e-4.tif", "llzto/Low/1.12e-6.tif", "llzto/Median/3.22e-4.tif", "llto/High/2.01e-5.tif"]
)
def test_fracture_surfaces_with_grains_of_few_pixels_are_not_resolved(shared_data, picture):
    found = real(shared_data / picture)
    assert found["quality_grains_resolved"] is False
    assert found["quality_calm_grain_share"] < 0.5


# Sharpness and noise


@pytest.mark.parametrize("blur", [0.5, 1.0, 1.5, 2.5, 4.0])
def test_sharpness_of_a_blurred_edge_is_known(blur):
    assert sharpness(blurred_disc(blur), EVERYWHERE, noise=0.0) == pytest.approx(1 / (1 + blur**2), rel=0.05)


def test_sharpness_falls_with_blur_and_ignores_gain():
    image = grooved(30, seed=3)[0]
    before = np.inf
    for sigma in (0.01, 0.7, 1.0, 1.5, 2.2, 3.3, 5.0):
        picture = cv2.GaussianBlur(image, (0, 0), sigma)
        after = sharpness(picture, EVERYWHERE, noise=0.0)
        assert after < before
        assert sharpness(picture * 0.2 + 0.1, EVERYWHERE, noise=0.0) == pytest.approx(after, rel=1e-3)
        before = after


@pytest.mark.parametrize("blur", [1.0, 2.0])
def test_sharpness_and_noise_of_a_noisy_edge(blur):
    clean = blurred_disc(blur)
    noisy = clean + np.random.default_rng(0).normal(0, 0.06, SHAPE).astype(np.float32)
    noise, structure = noise_and_structure(noisy, EVERYWHERE)
    assert noise == pytest.approx(0.06, rel=0.05)
    assert structure == pytest.approx(clean.std(), rel=0.03)
    assert sharpness(noisy, EVERYWHERE, noise=noise) == pytest.approx(1 / (1 + blur**2), rel=0.2)


def test_noise_is_taken_off_the_sharpness():
    noisy = blurred_disc(2.0) + np.random.default_rng(0).normal(0, 0.1, SHAPE).astype(np.float32)
    off = sharpness(noisy, EVERYWHERE, noise=0.1) - 1 / 5
    assert off < 0.5 * (sharpness(noisy, EVERYWHERE, noise=0.0) - 1 / 5)


def test_edges_of_the_mask_are_no_edges():
    image = blurred_disc(2.0) + np.linspace(0, 2, SHAPE[1], dtype=np.float32)
    valid = EVERYWHERE.copy()
    valid[30:50, 20:120] = valid[350:380, 300:480] = False
    expected = sharpness(image, EVERYWHERE, noise=0.0)
    assert sharpness(image, valid, noise=0.0) == pytest.approx(expected, rel=0.02)


def test_strips_leave_no_seams(monkeypatch):
    image = grooved(30)[0]
    found = sharpness(image, EVERYWHERE, noise=0.0)
    monkeypatch.setattr("micro_features.features.quality._STRIP", 10_000)
    assert sharpness(image, EVERYWHERE, noise=0.0) == pytest.approx(found, rel=1e-5)


def test_smooth_structure_is_no_noise():
    assert noise_and_structure(relief(2)[0], EVERYWHERE)[0] == 0


def test_noise_column_is_noise_over_structure():
    image, labels, groove = grooved(60, width=8)
    noisy = image + np.random.default_rng(0).normal(0, 0.5 * image.std(), SHAPE)
    assert quality(noisy, labels, groove)["quality_noise"] == pytest.approx(0.5, rel=0.1)


# Saturation, masks, flat pictures


def test_brightness_and_contrast_are_of_the_valid_part():
    image = np.full(SHAPE, 0.2, np.float32)
    image[::2] = 0.6
    image[-1], image[-2] = 1, 1
    valid = EVERYWHERE.copy()
    valid[-2:], valid[0] = False, False  # 199 rows of 0.2, 198 of 0.6
    median, deviation = brightness_and_contrast(image, valid)
    assert median == pytest.approx(0.2)
    assert deviation == pytest.approx(0.2, rel=1e-3)
    assert brightness_and_contrast(0.5 * image + 0.3, valid) == pytest.approx((0.4, deviation / 2))
    assert np.isnan(brightness_and_contrast(image, ~EVERYWHERE)).all()


def test_saturated_share_counts_black_and_white_of_the_valid_part():
    image = np.full(SHAPE, 0.5, np.float32)
    image[:10] = 0
    image[10:15] = 1
    image[15:20] = 254 / 255
    assert saturated_share(image, EVERYWHERE) == 15 / 400
    valid = EVERYWHERE.copy()
    valid[:10] = False
    assert saturated_share(image, valid) == 5 / 390
    assert np.isnan(saturated_share(image, ~EVERYWHERE))


def test_measured_share_counts_valid_pixels():
    valid = EVERYWHERE.copy()
    valid[-40:] = False
    assert quality(*grooved(30), valid)["quality_measured_share"] == 0.9


def test_what_lies_under_the_mask_has_no_influence():
    image, labels, groove = grooved(30)
    valid = EVERYWHERE.copy()
    valid[-40:] = False
    valid[100:120, 50:200] = False
    clean = quality(np.where(valid, image, 0.5), labels, groove, valid)
    for dirt in (np.nan, 1e3, np.random.default_rng(0).random(SHAPE)):
        strength = np.where(valid, groove, np.float32(0.7))
        found = quality(np.where(valid, image, dirt), np.where(valid, labels, 1000), strength, valid)
        assert found == pytest.approx(clean, rel=1e-6)


@pytest.mark.parametrize("valid", [EVERYWHERE, ~EVERYWHERE, np.arange(400)[:, None] + 0 * np.arange(500) < 360])
def test_a_flat_picture_has_no_measures(valid):
    # Only the data bar has more than one colour.
    image = np.full(SHAPE, 0.25, np.float32)
    image[360:] = 0.25 if valid.all() else 1.0
    with np.errstate(all="raise"):
        found = quality(image, np.zeros(SHAPE, np.int32), np.zeros(SHAPE, np.float32), valid)
    assert found["quality_flat"] is True
    assert found["quality_grains_resolved"] is False
    assert np.isnan(found["quality_sharpness"])
    assert np.isnan(found["quality_noise"])


def test_a_flat_picture_has_no_grains_whatever_was_found():
    _, labels, groove = grooved(30)
    assert quality(np.full(SHAPE, 0.25), labels, groove)["quality_grains_resolved"] is False


@pytest.mark.parametrize("shape", [(32, 32), (33, 200)])
def test_small_pictures_answer(shape):
    image, labels, groove = grooved(12, shape=shape)
    with np.errstate(all="raise", under="ignore"):
        found = quality(image, labels, groove)
    assert found["quality_flat"] is False


def test_every_column_is_measured_and_described():
    found = quality(*grooved(30))
    assert list(found) == [column.name for column in QUALITY_COLUMNS]
    for column in QUALITY_COLUMNS:
        assert column.name.startswith("quality_")
        assert column.unit in ("bool", "px", "1")
        assert len(column.meaning) > 20
        assert isinstance(found[column.name], bool) == (column.unit == "bool")


def test_grains_of_a_segmentation_not_worth_trusting_are_not_resolved():
    drawn = grooved(30)
    assert quality(*drawn, confidence=0.6)["quality_grains_resolved"]
    assert not quality(*drawn, confidence=0.59)["quality_grains_resolved"]
    assert quality(*drawn, confidence=np.nan)["quality_grains_resolved"]


def test_what_is_known_of_the_segmentation_is_passed_on():
    found = quality(*grooved(30))
    assert found["quality_grain_stability"] == pytest.approx(0.6)
    assert (found["quality_grain_number_low"], found["quality_grain_number_high"]) == (0.9, 1.2)
    assert (found["quality_boundary_length_low"], found["quality_boundary_length_high"]) == (0.95, 1.1)
    assert (found["quality_pore_area_low"], found["quality_pore_area_high"]) == (0.7, 1.4)
    assert found["quality_method_agreement"] == 0.8
    assert found["quality_segmentation_confidence"] == 0.9
