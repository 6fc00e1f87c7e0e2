"""One micrograph through the whole pipeline: what must not matter does not, and what is drawn is found."""

import dataclasses

import numpy as np
import pytest

from micro_features import pipeline
from micro_features.data import Annotations, Micrograph, Picture
from micro_features.errors import CalibrationError
from micro_features.features.catalogue import FEATURES
from micro_features.features.feature import LENGTH_POWER
from micro_features.features.intercepts import intercept_features
from micro_features.images.pores import PORE_METHODS
from micro_features.settings import Settings
from micro_features.synthetic.microscope import quick_micrograph

SETTINGS = Settings()


@pytest.fixture(scope="module")
def truth():
    return quick_micrograph(
        shape=(360, 480), pixel_um=0.25, grain_diameter_mean_um=8.0, porosity=0.04, pore_diameter_mean_um=3.0, seed=11
    )


@pytest.fixture(scope="module")
def micrograph(truth):
    return Micrograph(truth.image, np.ones(truth.image.shape, bool), truth.pixel_um)


@pytest.fixture(scope="module")
def measured(micrograph):
    return pipeline.measure(micrograph, pipeline.segment(micrograph, SETTINGS), SETTINGS)


def through(micrograph, settings=SETTINGS):
    return pipeline.measure(micrograph, pipeline.segment(micrograph, settings), settings)


def finite(features):
    return {name: value for name, value in features.items() if np.isfinite(value)}


def test_every_feature_of_the_catalogue_is_measured(measured):
    assert list(measured.features) == list(FEATURES)
    missing = [name for name, value in measured.features.items() if not np.isfinite(value)]
    assert not missing


def test_what_is_drawn_is_found(measured, truth):
    assert measured.quality["quality_grains_resolved"]
    assert measured.features["porosity"] == pytest.approx((truth.pores > 0).mean(), rel=0.25)
    drawn = intercept_features(truth.grains, np.ones(truth.grains.shape, bool), pixel_um=truth.pixel_um)
    for name in ("grain_intercept_mean_um", "boundary_length_per_area_per_um"):
        assert measured.features[name] == pytest.approx(drawn[name], rel=0.25), name


def test_numbers_scale_as_their_units_say(micrograph, measured):
    doubled = through(dataclasses.replace(micrograph, pixel_um=2 * micrograph.pixel_um)).features
    for name, feature in FEATURES.items():
        power = LENGTH_POWER[feature.unit]
        if power is None:  # G falls by 2 when lengths double
            assert doubled[name] == pytest.approx(measured.features[name] - 2, abs=0.001), name
        else:
            assert doubled[name] == pytest.approx(measured.features[name] * 2.0**power, rel=1e-6), name


@pytest.mark.parametrize("gain", [0.5, 0.8])
def test_gain_does_not_matter(micrograph, measured, gain):
    changed = through(dataclasses.replace(micrograph, image=np.float32(gain) * micrograph.image))
    for name, value in changed.features.items():
        if not name.endswith("_mean_grey"):
            assert value == pytest.approx(measured.features[name], rel=0.02, abs=1e-6), name


@pytest.mark.parametrize(("gain", "brightness"), [(0.5, 0.1), (0.9, 0.07)])
def test_brightness_matters_little(micrograph, measured, gain, brightness):
    # Black tells a hole from a shadow, so that the zero of the grey scale moves the outlines of pores.
    image = (gain * micrograph.image + brightness).astype(np.float32)
    changed = through(dataclasses.replace(micrograph, image=image)).features
    assert changed["porosity"] == pytest.approx(measured.features["porosity"], rel=0.1)
    for name in ("grain_intercept_mean_um", "surface_per_volume_per_um", "texture_opening_size_median_um"):
        assert changed[name] == pytest.approx(measured.features[name], rel=0.03), name


def test_what_lies_under_the_mask_does_not_matter(micrograph, truth):
    """The same picture above a black and above a white data bar gives the same numbers."""
    rows, cols = truth.image.shape
    valid = np.zeros((rows + 40, cols), bool)
    valid[:rows] = True
    results = []
    for level in (0.0, 1.0):
        image = np.full(valid.shape, level, np.float32)
        image[:rows] = truth.image
        results.append(through(Micrograph(image, valid, truth.pixel_um)))
    assert finite(results[0].features) == pytest.approx(finite(results[1].features), rel=1e-6)
    pure = through(micrograph)
    assert finite(results[0].features) == pytest.approx(finite(pure.features))


def test_a_masked_strip_moves_no_coordinates(micrograph):
    valid = micrograph.valid.copy()
    valid[:50, :] = False
    regions = through(dataclasses.replace(micrograph, valid=valid)).regions
    assert regions["centroid_row_px"].min() >= 50


def test_labels_have_the_size_of_the_picture_and_no_label_on_the_data_bar(micrograph):
    valid = micrograph.valid.copy()
    valid[-40:] = False
    segmentation = pipeline.segment(dataclasses.replace(micrograph, valid=valid), SETTINGS)
    assert segmentation.grains.shape == micrograph.image.shape
    assert not segmentation.grains[-40:].any()
    assert not segmentation.pores[-40:].any()
    assert not ((segmentation.grains > 0) & (segmentation.pores > 0)).any()


@pytest.mark.parametrize("method", sorted(PORE_METHODS))
def test_every_way_to_find_pores_runs_from_the_settings(micrograph, method):
    segmentation = pipeline.segment(micrograph, SETTINGS.updated({"pores.method": method}))
    assert 0 < (segmentation.pores > 0).mean() < 0.5


def test_unresolved_grains_are_withheld_unless_asked_for(micrograph):
    strict = SETTINGS.updated({"measure.min_pixels_across_grain": 100})
    withheld = through(micrograph, strict)
    assert not withheld.quality["quality_grains_resolved"]
    assert all(np.isnan(withheld.features[name]) for name, feature in FEATURES.items() if feature.needs_grains)
    assert set(withheld.regions["phase"]) == {"pore"}
    assert np.isfinite(withheld.features["porosity"])
    insisted = through(micrograph, strict.updated({"measure.unresolved_grains": True}))
    assert not insisted.quality["quality_grains_resolved"]
    assert np.isfinite(insisted.features["grain_diameter_mean_um"])


def test_nothing_to_measure_is_answered():
    for image in (np.full((64, 64), 0.4, np.float32), np.random.default_rng(0).random((64, 64), np.float32)):
        for valid in (np.ones((64, 64), bool), np.zeros((64, 64), bool)):
            result = through(Micrograph(image, valid, 1.0))
            assert list(result.features) == list(FEATURES)
            if image.std() == 0 or not valid.any():
                assert result.quality["quality_flat"]
                assert not finite(result.features)


def test_a_picture_without_a_scale_is_refused_or_measured_in_pixels():
    picture = Picture(np.random.default_rng(0).integers(90, 110, (64, 64)).astype(np.uint8), 255.0)
    with pytest.raises(CalibrationError, match="--uncalibrated"):
        pipeline.calibrate(picture)
    assert pipeline.calibrate(picture, pixel_um=0.2).pixel_size.pixel_um == 0.2
    calibrated = pipeline.calibrate(picture, uncalibrated=True)
    assert not calibrated.has_scale
    assert not pipeline.micrograph_of(picture, calibrated).calibrated
    calibrated, reason = pipeline.calibrate_if_possible(picture)
    assert not calibrated.has_scale
    assert "--uncalibrated" in reason


def test_what_is_drawn_on_a_picture_is_masked():
    picture = Picture(np.full((64, 64), 9, np.uint8), 255.0)
    annotations = Annotations(side="inside", masked=((10, 19, 20, 39),))
    calibrated = pipeline.Calibrated(annotations, pipeline.UNCALIBRATED, annotations.acquisition)
    valid = pipeline.micrograph_of(picture, calibrated).valid
    assert not valid[10:20, 20:40].any()
    assert valid.sum() == 64 * 64 - 200


def test_phases_cover_the_measured_area_once(micrograph):
    segmentation = pipeline.segment(micrograph, SETTINGS)
    masks = pipeline.phases(segmentation, SETTINGS)
    np.testing.assert_array_equal(sum(mask.astype(int) for mask in masks), micrograph.valid)
    wide = pipeline.phases(segmentation, SETTINGS.updated({"phases.boundary_width_px": 9}))
    assert wide.boundary.sum() > 1.5 * masks.boundary.sum()
