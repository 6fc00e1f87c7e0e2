"""Every number has its row, and scales as the row's unit says."""

from collections import Counter

import numpy as np
import pytest
from scipy import ndimage

from micro_features.features.boundary_contrast import BOUNDARY_CONTRAST_FEATURES, boundary_contrast_features
from micro_features.features.catalogue import FEATURES
from micro_features.features.feature import LENGTH_POWER
from micro_features.features.fields import FIELD_FEATURES, field_features
from micro_features.features.intercepts import INTERCEPT_FEATURES, intercept_features
from micro_features.features.populations import POPULATION_FEATURES, PUBLISHED, population_features
from micro_features.features.regions import region_table
from micro_features.features.texture import TEXTURE_FEATURES

DIRECTIONAL = {f"grain_intercept_{angle}deg_um" for angle in (0, 45, 90, 135)}

FIXED = {
    "porosity",
    "porosity_ci95_low",
    "porosity_ci95_high",
    "grain_intercept_mean_um",
    "grain_size_G_intercept",
    "grain_size_G_planimetric",
    "boundary_length_per_area_per_um",
    "surface_per_volume_per_um",
}


@pytest.fixture(scope="module")
def scene():
    """Grains of many sizes with pores on and between them, a data bar and a masked box."""
    rng = np.random.default_rng(0)
    shape = (181, 240)
    seeds = rng.random((160, 2)) * shape
    places = np.moveaxis(np.mgrid[: shape[0], : shape[1]], 0, -1)
    grains = 1 + ((places[:, :, None] - seeds) ** 2).sum(axis=-1).argmin(axis=-1)
    noise = ndimage.gaussian_filter(rng.normal(size=shape), 2.5)
    pores, _ = ndimage.label(noise > np.quantile(noise, 0.92))
    grains[pores > 0] = 0
    valid = np.ones(shape, bool)
    valid[-13:], valid[20:32, 200:230] = False, False
    return grains.astype(np.int32), pores.astype(np.int32), valid


def measure(grains, pores, valid, pixel_um=0.5):
    """Every feature that speaks of labels, in a picture with grey grains, dark lines and black pores."""
    lines = ndimage.maximum_filter(grains, 3) != ndimage.minimum_filter(grains, 3)
    image = np.where(pores > 0, 0.1, np.where(lines, 0.4, 0.6)).astype(np.float32)
    tables = {
        phase: region_table(labels, image, valid, pixel_um=pixel_um, phase=phase)
        for phase, labels in (("grain", grains), ("pore", pores))
    }
    features = {}
    for phase, table in tables.items():
        features |= population_features(table, valid, phase=phase, pixel_um=pixel_um)
    features |= intercept_features(grains, valid, pixel_um=pixel_um)
    features |= boundary_contrast_features(image, grains, pores, valid, pixel_um=pixel_um)
    return features | field_features(
        grains, pores, tables["pore"], valid, pixel_um=pixel_um, rounded_circularity=0.6, reach_px=2, seed=3
    )


def test_every_number_has_one_row_and_every_row_a_number(scene):
    of_labels = (*FIELD_FEATURES, *POPULATION_FEATURES, *INTERCEPT_FEATURES, *BOUNDARY_CONTRAST_FEATURES)
    rows = [f.name for f in (*of_labels, *TEXTURE_FEATURES)]
    assert [name for name, times in Counter(rows).items() if times > 1] == []
    assert set(rows) == set(FEATURES)
    assert set(measure(*scene)) == set(FEATURES) - {feature.name for feature in TEXTURE_FEATURES}
    assert all(name == feature.name for name, feature in FEATURES.items())


def test_promised_names_exist():
    assert set(FEATURES) >= FIXED
    assert set(FEATURES) >= set(PUBLISHED)
    assert all(FEATURES[name].stereological for name in FIXED)


def test_names_say_the_unit():
    endings = {"um": "_um", "um2": "_um2", "1/um": "_per_um", "1/um2": "_per_um2", "%": "_percent"}
    for name, feature in FEATURES.items():
        given = next((unit for unit in ("1/um2", "1/um", "um2", "um", "%") if name.endswith(endings[unit])), None)
        assert given == (feature.unit if feature.unit in endings else None), name


def test_rows_can_be_printed():
    for feature in FEATURES.values():
        assert feature.source
        assert "\n" not in feature.meaning + feature.source
        assert not feature.meaning[0].islower(), feature.name
        assert feature.meaning.endswith("."), feature.name


def test_every_number_scales_as_its_unit_says(scene):
    small, large = measure(*scene, pixel_um=0.5), measure(*scene, pixel_um=1.0)
    assert np.isfinite(list(small.values())).all()
    for name, value in small.items():
        power = LENGTH_POWER[FEATURES[name].unit]
        if power is None:
            # Twice the length: 6.643856 log10(2) less.
            assert large[name] == pytest.approx(value - 2, abs=1e-5), name
        else:
            assert large[name] == pytest.approx(value * 2.0**power), name


@pytest.mark.parametrize("turn", [np.fliplr, np.flipud, np.rot90, np.transpose])
def test_flips_and_turns_change_only_what_has_a_direction(scene, turn):
    before, after = measure(*scene), measure(*map(turn, scene))
    for name in set(before) - DIRECTIONAL:
        assert after[name] == pytest.approx(before[name], rel=1e-6), name
    assert sorted(after[name] for name in DIRECTIONAL) == pytest.approx(sorted(before[name] for name in DIRECTIONAL))


def test_new_labels_change_nothing(scene):
    grains, pores, valid = scene
    rng = np.random.default_rng(1)

    def renamed(labels):
        names = np.append(0, 1 + rng.permutation(3 * labels.max())[: labels.max()])
        return names[labels].astype(np.int32)

    assert measure(renamed(grains), renamed(pores), valid) == pytest.approx(measure(*scene))


def test_empty_and_full_pictures_are_answered():
    none, one, every = np.zeros((60, 80), np.int32), np.ones((60, 80), np.int32), np.ones((60, 80), bool)
    empty = measure(none, none, every)
    known = {name for name, value in empty.items() if not np.isnan(value)}
    zero = {"porosity", "porosity_ci95_low", "porosity_rounded", "porosity_open"}
    zero |= {f"{phase}_{count}" for phase in ("grain", "pore") for count in ("number", "number_density_per_um2")}
    assert known == zero
    assert all(empty[name] == 0 for name in zero)

    one_grain = measure(one, none, every)
    assert one_grain["grain_number"] == 1
    assert one_grain["surface_per_volume_per_um"] == 0
    assert np.isnan(one_grain["grain_size_G_planimetric"])
    assert measure(none, one, every)["porosity"] == 1

    masked = measure(one, one, ~every)
    assert {name for name, value in masked.items() if not np.isnan(value)} == {"grain_number", "pore_number"}
