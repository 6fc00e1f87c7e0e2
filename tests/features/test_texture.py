import warnings

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import j0

from micro_features.features import texture
from micro_features.features.cooccurrence import haralick
from micro_features.features.feature import LENGTH_POWER
from micro_features.features.greyfield import away_from_mask, grey_field
from micro_features.features.texture import TEXTURE_FEATURES, texture_features

NAMES = [feature.name for feature in TEXTURE_FEATURES]
PIXEL_UM = 0.5
SUFFIX = {"um": "_um", "1/um": "_per_um", "1": ""}


def measured(image, valid=None, pixel_um=PIXEL_UM):
    valid = np.ones(image.shape, bool) if valid is None else valid
    return texture_features(image.astype(np.float32), valid, pixel_um=pixel_um)


def power_law(exponent, shape=(480, 640), seed=0):
    """Gaussian noise whose power density falls as frequency to the given exponent."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None, :])
    frequency[0, 0] = 1
    grey = np.fft.irfft2(np.fft.rfft2(rng.normal(size=shape)) * frequency ** (exponent / 2), shape)
    return grey / grey.std()


def discs(diameter, shape=(480, 640), spacing=2.5, seed=0):
    """Bright discs of one size on a dark ground, jittered about a lattice so that none touch."""
    rng = np.random.default_rng(seed)
    grey = np.zeros(shape, np.float32)
    step = int(spacing * diameter)
    for row in range(step, shape[0] - diameter, step):
        for col in range(step, shape[1] - diameter, step):
            centre = np.array([col, row]) + rng.integers(-diameter // 4, diameter // 4 + 1, 2)
            cv2.circle(grey, tuple(int(c) * 16 for c in centre), diameter * 8, 1.0, -1, cv2.LINE_8, 4)
    return grey


def grating(period, shape=(480, 640)):
    return np.cos(2 * np.pi * np.arange(shape[1]) / period)[None, :] * np.ones((shape[0], 1))


def uneven(shape=(331, 420)):
    """Something of everything: relief of several scales, calm facets, bright spots, shadow, noise."""
    rng = np.random.default_rng(5)
    calm = cv2.GaussianBlur(rng.normal(size=shape).astype(np.float32), (0, 0), 14) > 0.01
    grey = power_law(-1.5, shape, seed=6) * np.where(calm, 0.1, 1.0) + 2 * discs(15, shape)
    grey = grey + np.linspace(0, 1, shape[0])[:, None] ** 2 + 0.05 * rng.normal(size=shape)
    return (0.5 + 0.05 * grey).astype(np.float32)


@pytest.fixture(scope="module")
def picture():
    return uneven()


@pytest.fixture(scope="module")
def values(picture):
    return measured(picture)


def assert_alike(found, expected, rel=2e-3, absolute=2e-4):
    bad = {
        name: (found[name], expected[name])
        for name in NAMES
        if not np.isclose(found[name], expected[name], rtol=rel, atol=absolute)
    }
    assert not bad


# The catalogue


def test_every_feature_is_measured_and_named_by_phase_and_unit(values):
    assert list(values) == NAMES
    assert len(set(NAMES)) == len(NAMES)
    assert all(np.isfinite(value) and type(value) is float for value in values.values())
    for feature in TEXTURE_FEATURES:
        assert feature.phase == "texture"
        assert feature.name.startswith("texture_")
        units = [unit for unit, suffix in SUFFIX.items() if suffix and feature.name.endswith(suffix)]
        assert feature.unit == (max(units, key=len) if units else "1")
        assert len(feature.meaning) > 20
        assert feature.source


# Invariance


@pytest.mark.parametrize(("gain", "brightness"), [(0.3, 0.4), (2.0, -0.7), (1000.0, 50.0)])
def test_brightness_and_gain_leave_every_feature_alone(picture, values, gain, brightness):
    assert_alike(measured(picture * gain + brightness), values)


@pytest.mark.parametrize(
    "turned",
    [np.fliplr, np.flipud, np.rot90, lambda image: np.rot90(image, 2), np.transpose],
    ids=["fliplr", "flipud", "quarter", "half", "transpose"],
)
def test_flips_and_quarter_turns_leave_every_feature_alone(picture, values, turned):
    assert_alike(measured(np.ascontiguousarray(turned(picture))), values)


@pytest.mark.parametrize("factor", [0.1, 2.0, 37.0])
def test_every_feature_scales_by_its_unit(picture, values, factor):
    scaled = measured(picture, pixel_um=PIXEL_UM * factor)
    expected = {f.name: values[f.name] * factor ** LENGTH_POWER[f.unit] for f in TEXTURE_FEATURES}
    assert_alike(scaled, expected, rel=1e-6, absolute=0)


def test_what_lies_under_the_mask_has_no_influence(picture):
    valid = np.ones(picture.shape, bool)
    valid[-41:] = False
    valid[30:47, 50:161] = False
    valid[120:180:7, 200:203] = False
    clean = measured(np.where(valid, picture, np.float32(0.5)), valid)
    rng = np.random.default_rng(1)
    for dirt in (rng.normal(0, 1e4, picture.shape), np.full(picture.shape, np.nan), (picture > 0.5) * 1.0):
        assert_alike(measured(np.where(valid, picture, dirt), valid), clean, rel=1e-9, absolute=0)


def test_a_masked_data_bar_is_as_good_as_none(picture, values):
    framed = np.pad(picture, ((13, 64), (0, 7)), constant_values=1.0)
    valid = np.zeros(framed.shape, bool)
    valid[13:-64, :-7] = True
    assert_alike(measured(framed, valid), values, rel=1e-9, absolute=0)


def test_masked_text_hardly_changes_anything():
    grey = power_law(-1.0)
    valid = np.ones(grey.shape, bool)
    valid[20:50, 30:230] = False
    whole, masked = measured(grey), measured(np.where(valid, grey, 40.0), valid)
    for name in NAMES:
        # Rare facets of a Gaussian field are chance.
        if "facet" not in name:
            assert masked[name] == pytest.approx(whole[name], rel=0.12, abs=0.05), name


@pytest.mark.parametrize("unit", ["um", "1/um"])
def test_lengths_in_micrometres_survive_twice_the_magnification(unit):
    # Structure between 12 and 100 px, so that both pictures show it whole.
    white = np.random.default_rng(0).normal(size=(700, 900)).astype(np.float32)
    band = cv2.GaussianBlur(white, (0, 0), 4) - cv2.GaussianBlur(white, (0, 0), 12)
    grey = band / band.std() + cv2.resize(discs(20, (350, 450)), (900, 700), interpolation=cv2.INTER_LINEAR)
    small = cv2.resize(grey, (450, 350), interpolation=cv2.INTER_AREA)
    fine, coarse = measured(grey, pixel_um=0.5), measured(small, pixel_um=1.0)
    for feature in TEXTURE_FEATURES:
        if feature.unit == unit and "facet" not in feature.name:
            assert fine[feature.name] == pytest.approx(coarse[feature.name], rel=0.2), feature.name


def test_unevenness_hardly_depends_on_noise():
    grey = uneven((480, 640))
    noisy = grey + np.random.default_rng(2).normal(0, 0.25 * grey.std(), grey.shape)
    before, after = measured(grey), measured(noisy)
    for name in (
        "texture_gradient_cv_4px",
        "texture_gradient_p95_over_median_8px",
        "texture_autocorrelation_length_um",
    ):
        assert after[name] == pytest.approx(before[name], rel=0.08), name


# The field on which all is measured


def test_masked_pixels_continue_their_surroundings():
    ramp = np.linspace(0, 12, 400, dtype=np.float32)[None, :] * np.ones((300, 1), np.float32)
    valid = np.ones(ramp.shape, bool)
    valid[100:120, 40:60] = valid[100:120, 300:330] = False
    field = grey_field(np.where(valid, ramp, 99), valid)
    assert field.grey.shape == (150, 200)
    assert field.grey.std() == pytest.approx(1, rel=0.02)
    assert np.array_equal(field.valid, valid[::2, ::2])
    whole = grey_field(ramp, np.ones(ramp.shape, bool))
    assert np.abs(field.grey - whole.grey).max() < 0.2


def test_distance_from_the_mask_counts_and_the_frame_does_not():
    valid = np.ones((60, 80), np.uint8)
    valid[30, 40] = 0
    far = away_from_mask(valid, 4)
    assert not far[26:35, 36:45].any()
    assert np.count_nonzero(far) == 60 * 80 - 9 * 9


# Spectrum and autocorrelation


@pytest.mark.parametrize(("exponent", "tolerance"), [(0, 0.15), (-1, 0.15), (-2, 0.15), (-3, 0.2)])
def test_slope_of_power_law_noise(exponent, tolerance):
    assert measured(power_law(exponent))["texture_spectrum_slope"] == pytest.approx(exponent, abs=tolerance)


@pytest.mark.parametrize("period", [12, 24, 48])
def test_a_grating_sits_at_its_frequency(period):
    found = measured(grating(period))
    for statistic in ("p10", "median", "p90"):
        name = f"texture_spectrum_frequency_{statistic}_per_um"
        assert found[name] == pytest.approx(1 / (period * PIXEL_UM), rel=0.12)
    low = max(low for low in (4, 8, 16, 32, 64) if low <= period)
    assert found[f"texture_spectrum_share_{low}to{2 * low}px"] > 0.97


def test_band_shares_add_up(values):
    assert sum(value for name, value in values.items() if "spectrum_share" in name) == pytest.approx(1)


@pytest.mark.parametrize(("period", "noise"), [(24, 0), (40, 0), (64, 0), (40, 1), (64, 1)])
def test_autocorrelation_of_a_grating_is_a_bessel_function(period, noise):
    # Averaged over directions, cos(k x) becomes J0(k r).
    grey = grating(period) + noise * np.random.default_rng(0).normal(size=(480, 640))
    found = measured(grey)
    for name, level in (("length", 1 / np.e), ("half_length", 0.5)):
        expected = brentq(lambda x, level=level: j0(x) - level, 0, 2.4) * period / (2 * np.pi) * PIXEL_UM
        assert found[f"texture_autocorrelation_{name}_um"] == pytest.approx(expected, rel=0.08 if noise else 0.03)


def test_autocorrelation_of_blurred_noise():
    # Noise blurred by sigma has autocorrelation exp(-r^2 / (4 sigma^2)): 1/e at 2 sigma.
    grey = cv2.GaussianBlur(np.random.default_rng(0).normal(size=(640, 800)), (0, 0), 5)
    assert measured(grey)["texture_autocorrelation_length_um"] == pytest.approx(2 * 5 * PIXEL_UM, rel=0.05)


def test_shadow_does_not_enter_the_spectrum():
    grey = power_law(-1)
    y, x = np.linspace(-1, 1, 480)[:, None], np.linspace(-1, 1, 640)[None, :]
    shaded = measured(grey + 3 * x - 2 * y * y + x * y)
    plain = measured(grey)
    for name in NAMES:
        if "spectrum" in name or "autocorrelation" in name:
            assert shaded[name] == pytest.approx(plain[name], rel=0.03, abs=0.003), name


# Granulometry


@pytest.mark.parametrize("diameter", [16, 32, 64])
def test_sieves_find_the_diameter_of_discs(diameter):
    found = measured(discs(diameter))
    assert found["texture_opening_size_median_um"] == pytest.approx(diameter * PIXEL_UM, rel=0.12)
    assert found["texture_opening_size_p25_um"] == pytest.approx(diameter * PIXEL_UM, rel=0.25)
    inverse = measured(1 - discs(diameter))
    for statistic in ("p25", "median"):
        closing, opening = (f"texture_{kind}_size_{statistic}_um" for kind in ("closing", "opening"))
        assert inverse[closing] == pytest.approx(found[opening], rel=0.02)


def test_sieves_tell_bright_patches_from_dark_ones():
    # Between discs of 16 px and 40 px apart there is more dark ground than a small sieve closes.
    found = measured(discs(16))
    assert found["texture_closing_size_median_um"] > 1.3 * found["texture_opening_size_median_um"]


def test_sieves_see_a_mixture_of_sizes():
    mixed = measured(np.hstack([discs(12, (480, 200)), discs(60, (480, 620))]))
    assert mixed["texture_opening_size_p25_um"] < 0.5 * mixed["texture_opening_size_median_um"]


# Co-occurrence


def test_cooccurrence_by_hand():
    alike, opposite, even = np.diag([0.5, 0.5]), np.array([[0, 0.5], [0.5, 0]]), np.full((2, 2), 0.25)
    assert haralick(alike) == pytest.approx({"contrast": 0, "homogeneity": 1, "entropy": 0.5, "correlation": 1})
    assert haralick(opposite) == pytest.approx({"contrast": 1, "homogeneity": 0.5, "entropy": 0.5, "correlation": -1})
    assert haralick(even) == pytest.approx({"contrast": 0.5, "homogeneity": 0.75, "entropy": 1, "correlation": 0})


def test_cooccurrence_of_white_noise_and_of_a_long_grating():
    noise = measured(np.random.default_rng(0).normal(size=(480, 640)))
    assert noise["texture_cooccurrence_correlation_16px"] == pytest.approx(0, abs=0.02)
    # Pairs 16 px apart along, 11.3 px aslant and not at all across a grating of 64 px.
    expected = np.mean([np.cos(2 * np.pi * step / 64) for step in (16, 12, 12, 0)])
    found = measured(grating(64))["texture_cooccurrence_correlation_16px"]
    assert found == pytest.approx(expected, abs=0.03)


def test_cooccurrence_is_not_led_by_a_few_extreme_pixels():
    grey = power_law(-1.5)
    bright = grey.copy()
    bright[100:120, 100:120] = 100
    before, after = measured(grey), measured(bright)
    for name in NAMES:
        if "cooccurrence" in name:
            assert after[name] == pytest.approx(before[name], rel=0.05), name


# Unevenness of local contrast


def test_unevenness_of_a_gaussian_field_is_known():
    # Its gradient is Rayleigh distributed, its kurtosis zero.
    found = measured(np.random.default_rng(3).normal(size=(1200, 1600)))
    for px in (2, 4, 8):
        assert found[f"texture_gradient_cv_{px}px"] == pytest.approx(np.sqrt(4 / np.pi - 1), rel=0.03)
        rayleigh = np.sqrt(np.log(20) / np.log(2))
        assert found[f"texture_gradient_p95_over_median_{px}px"] == pytest.approx(rayleigh, rel=0.03)
        assert found[f"texture_band_kurtosis_{px}to{2 * px}px"] == pytest.approx(0, abs=0.1)
    assert found["texture_facet_share"] < 0.01
    assert found["texture_anisotropy"] < 0.02


def test_unevenness_does_not_see_scale():
    rng = np.random.default_rng(4)
    grey = rng.normal(size=(480, 640)) * np.where(np.arange(640) < 320, 1, 0.2)
    enlarged = np.kron(grey, np.ones((2, 2)))
    fine, coarse = measured(grey), measured(enlarged)
    for px in (2, 4):
        for kind in ("cv", "p95_over_median"):
            name = f"texture_gradient_{kind}_"
            assert coarse[f"{name}{2 * px}px"] == pytest.approx(fine[f"{name}{px}px"], rel=0.05)


def test_calm_facets_are_found_with_their_area_and_size():
    rng = np.random.default_rng(0)
    facet = discs(90, (480, 640), spacing=1.6) > 0
    found = measured(np.where(facet, 0.02, 1.0) * rng.normal(size=facet.shape))
    # A window of 14 px must fit inside.
    shrunk = np.count_nonzero(facet) / facet.size * ((90 - 14) / 90) ** 2
    assert found["texture_facet_share"] == pytest.approx(shrunk, rel=0.15)
    assert found["texture_facet_size_mean_um"] == pytest.approx((90 - 14) * PIXEL_UM, rel=0.1)
    smaller = discs(50, (480, 640), spacing=1.6) > 0
    smaller = measured(np.where(smaller, 0.02, 1.0) * rng.normal(size=facet.shape))
    grown = found["texture_facet_size_mean_um"] - smaller["texture_facet_size_mean_um"]
    assert grown == pytest.approx((90 - 50) * PIXEL_UM, rel=0.06)
    assert found["texture_local_contrast_p5_over_median_2px"] < 0.1


def test_percentiles_of_local_contrast():
    # An eighth of the picture is calm: the 5th percentile lies in it, the 25th does not.
    calm = np.broadcast_to(np.arange(640) < 80, (480, 640))
    found = measured(np.where(calm, 0.05, 1.0) * np.random.default_rng(0).normal(size=calm.shape))
    for px in (2, 4):
        assert found[f"texture_local_contrast_p5_over_median_{px}px"] == pytest.approx(0.05, abs=0.02)
        assert found[f"texture_local_contrast_p25_over_median_{px}px"] > 0.7


def test_smooth_bottoms_of_pores_are_no_facets():
    rng = np.random.default_rng(0)
    pore = np.zeros((480, 640), bool)
    pore[100:160, 100:160] = pore[300:360, 400:460] = True
    rough = rng.normal(size=pore.shape)
    assert measured(np.where(pore, 0.0, rough))["texture_facet_share"] == pytest.approx(2 * 46**2 / pore.size, rel=0.2)
    assert measured(np.where(pore, -4.0, rough))["texture_facet_share"] == pytest.approx(0, abs=1e-3)


def test_without_facets_their_size_is_empty():
    assert np.isnan(measured(power_law(0))["texture_facet_size_mean_um"])


@pytest.mark.parametrize(("first", "second"), [(8, 16), (8, 32), (16, 32)])
def test_scattering_sees_amplitude_that_varies_at_its_wavelength(first, second):
    rng = np.random.default_rng(0)
    carrier = cv2.GaussianBlur(rng.normal(size=(480, 640)), (0, 0), first / 6)
    modulated = carrier * (1 + 0.9 * grating(second))
    name = f"texture_scattering_{first}px_{second}px"
    assert measured(modulated)[name] > 1.25 * measured(carrier)[name]


def test_stripes_are_anisotropic():
    assert measured(grating(30))["texture_anisotropy"] > 0.99
    aslant = np.cos(2 * np.pi * np.add.outer(np.arange(480), np.arange(640)) / 40)
    assert measured(aslant)["texture_anisotropy"] > 0.99
    assert measured(grating(30) + grating(30, (640, 480)).T)["texture_anisotropy"] < 0.05


# Odd pictures


def mostly_masked():
    valid = np.zeros((200, 300), bool)
    valid[100:112, 100:112] = True
    return power_law(-1, (200, 300)), valid


@pytest.mark.parametrize(
    ("image", "valid"),
    [
        (np.full((300, 400), 0.3), np.ones((300, 400), bool)),
        (np.zeros((300, 400)), np.ones((300, 400), bool)),
        (power_law(-1, (32, 32)), np.ones((32, 32), bool)),
        (power_law(-1, (300, 400)), np.zeros((300, 400), bool)),
        mostly_masked(),
    ],
    ids=["grey", "black", "tiny", "all masked", "mostly masked"],
)
def test_nothing_to_measure_is_empty_and_quiet(image, valid):
    with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
        warnings.simplefilter("error")
        found = measured(image, valid)
    assert list(found) == NAMES
    assert all(np.isnan(value) for value in found.values())


@pytest.mark.parametrize("shape", [(33, 33), (41, 64), (64, 64), (32, 900), (97, 120)])
def test_small_pictures_answer_without_a_warning(shape):
    with np.errstate(all="raise", under="ignore"):
        found = measured(power_law(-1, shape))
    assert list(found) == NAMES
    assert not any(np.isinf(value) for value in found.values())


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 140), st.integers(1, 140)),
    seed=st.integers(0, 2**32 - 1),
    colours=st.sampled_from([1, 2, 3, 256]),
    masked=st.sampled_from([0.0, 0.02, 0.5, 0.99]),
)
def test_any_picture_is_answered_without_a_warning(shape, seed, colours, masked):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, colours, shape) / 255
    with np.errstate(all="raise", under="ignore"):
        found = measured(image, rng.random(shape) >= masked)
    assert list(found) == NAMES
    assert not any(np.isinf(value) for value in found.values())


def test_pictures_of_few_colours_answer_without_a_warning():
    one_pixel = np.zeros((200, 300))
    one_pixel[77, 99] = 1
    halves = np.zeros((200, 300))
    halves[:, 150:] = 1
    rng = np.random.default_rng(0)
    holes = rng.random((200, 300)) < 0.9
    with np.errstate(all="raise", under="ignore"):
        for image, valid in ((one_pixel, None), (halves, None), (rng.random((200, 300)), holes)):
            assert not any(np.isinf(value) for value in measured(image, valid).values())


def test_a_large_picture_is_the_mean_of_its_tiles(monkeypatch, picture):
    monkeypatch.setattr(texture, "_TILE", 320)
    left, right = picture[:300, :300], np.sqrt(picture[:300, ::-1][:, :300])
    valid = np.ones((300, 600), bool)
    valid[260:, 300:] = False
    found = measured(np.hstack([left, right]), valid)
    first, second = measured(left), measured(right[:260])
    for name in NAMES:
        assert found[name] == pytest.approx((15 * first[name] + 13 * second[name]) / 28, rel=1e-6), name
