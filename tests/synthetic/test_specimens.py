"""Specimens drawn small: what a request says is what the crystal, the pictures and the conductivity are."""

import pickle
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest

from micro_features.synthetic import specimens
from micro_features.synthetic.law.block import losses_in_picture
from micro_features.synthetic.law.causes import BULK_S_PER_CM, Causes
from micro_features.synthetic.planted import SESSIONS
from micro_features.synthetic.specimens import SpecimenRequest, View, draw_specimen, specimen_rows

REQUEST = SpecimenRequest(
    sample_id="s1",
    causes=Causes(porosity=0.06, grain_diameter_um=2.0, boundary_resistance_ohm_cm2=0.5),
    pore_diameter_um=1.0,
    boundary_contrast=0.7,
    session=SESSIONS[2],
    half="test",
    views=(
        View("s1a", "polished", 0.25, datetime(2024, 6, 24, 9, 41), 11),
        View("s1b", "polished", 0.75, datetime(2024, 6, 24, 9, 43), 12),
    ),
    law_S_per_cm=4e-4,
    solved=True,
    seed=5,
)


@pytest.fixture(scope="module", autouse=True)
def small_pictures():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(specimens, "SHAPE", (80, 112))
        patch.setattr(specimens, "_VOXELS", 44)
        patch.setattr(specimens, "voxel_for", lambda *_: 0.2)
        yield


@pytest.fixture(scope="module")
def small(small_pictures):
    return draw_specimen(REQUEST)


@pytest.fixture
def same_crystal(small, monkeypatch):
    """No need to grow it again where the same crystal is asked for, which is checked."""

    def ready(**asked):
        assert asked.items() <= small.crystal.requested.items()
        return small.crystal

    monkeypatch.setattr(specimens, "polycrystal", ready)


def test_a_specimen_has_the_causes_that_were_asked_for(small):
    achieved = small.crystal.achieved
    assert small.crystal.requested["seed"] == REQUEST.seed
    assert achieved.porosity == pytest.approx(0.06, abs=0.001)
    assert achieved.grain_diameter_mean_um == pytest.approx(2.0, rel=0.03)
    assert 0.2 * BULK_S_PER_CM < small.conductivity_S_per_cm < 0.9 * BULK_S_PER_CM
    assert small.conductivity_S_per_cm == small.block.conduction.conductivity_S_per_cm


def test_its_pictures_differ_but_are_of_one_crystal(small):
    one, other = small.pictures
    assert one.image.shape == other.image.shape == (80, 112)
    assert not np.array_equal(one.grains, other.grains)
    for view, picture in zip(REQUEST.views, small.pictures, strict=True):
        assert picture.position_um == pytest.approx((view.height * small.crystal.size_um[0], 0, 0))
        assert picture.crystal_grain.max() < len(small.crystal.grains.sites_um)


def test_every_section_cuts_the_block_that_was_solved(small):
    for picture in small.pictures:
        bulk, boundary = losses_in_picture(
            small.block, shape=picture.image.shape, pixel_um=picture.pixel_um, position_um=picture.position_um
        )
        known = np.isfinite(bulk)
        np.testing.assert_array_equal(known, known[::-1, ::-1])  # in the middle
        assert known.mean() > 0.3
        # Boundaries seen in the picture are where boundaries lose power.
        at = known & picture.boundaries
        assert boundary[at].mean() > 3 * boundary[known & ~picture.boundaries].mean()


def test_a_specimen_is_drawn_the_same_again(small):
    again = draw_specimen(pickle.loads(pickle.dumps(REQUEST)))
    assert again.conductivity_S_per_cm == small.conductivity_S_per_cm
    for one, other in zip(small.pictures, again.pictures, strict=True):
        np.testing.assert_array_equal(one.image, other.image)
        np.testing.assert_array_equal(one.grains, other.grains)


def test_without_solving_the_pictures_are_the_same_and_the_conductivity_is_the_laws(small, same_crystal):
    unsolved = draw_specimen(replace(REQUEST, solved=False))
    assert unsolved.block is None
    assert unsolved.conductivity_S_per_cm == REQUEST.law_S_per_cm
    np.testing.assert_array_equal(unsolved.pictures[0].image, small.pictures[0].image)
    assert np.isnan(specimen_rows(unsolved)[0]["boundary_share"])


def test_resistance_alone_changes_the_conductivity_and_not_the_picture(small, same_crystal):
    causes = replace(REQUEST.causes, boundary_resistance_ohm_cm2=2.0)
    resisting = draw_specimen(replace(REQUEST, causes=causes))
    np.testing.assert_array_equal(resisting.pictures[0].image, small.pictures[0].image)
    assert resisting.conductivity_S_per_cm < 0.7 * small.conductivity_S_per_cm


def test_boundary_contrast_changes_the_picture_and_not_its_labels(small, same_crystal):
    fainter = draw_specimen(replace(REQUEST, solved=False, boundary_contrast=0.2))
    for one, other in zip(small.pictures, fainter.pictures, strict=True):
        np.testing.assert_array_equal(one.grains, other.grains)
        assert other.image[one.boundaries].mean() > one.image[one.boundaries].mean() + 0.02


def test_the_session_sets_brightness_contrast_noise_and_sharpness(small, same_crystal):
    def shown(**change):
        return draw_specimen(replace(REQUEST, solved=False, session=replace(REQUEST.session, **change))).pictures[0]

    plain = shown(noise=0.0, brightness=0.0, contrast=1.0).image
    assert shown(noise=0.0, brightness=0.1, contrast=1.0).image.mean() == pytest.approx(plain.mean() + 0.1, abs=0.01)
    assert shown(noise=0.0, brightness=0.0, contrast=0.5).image.std() == pytest.approx(plain.std() / 2, rel=0.05)
    assert np.diff(shown(noise=0.1, brightness=0.0, contrast=1.0).image).std() > 2 * np.diff(plain).std()
    assert np.diff(shown(noise=0.0, blur_px=4.0).image).std() < 0.5 * np.diff(plain).std()
    np.testing.assert_array_equal(shown(brightness=0.2).grains, small.pictures[0].grains)


def test_a_row_for_each_picture(small):
    rows = specimen_rows(small)
    assert [row["time_true"] for row in rows] == ["09:41:00", "09:43:00"]
    for row, picture in zip(rows, small.pictures, strict=True):
        assert row["sample_id"] == "s1"
        assert row["half"] == "test"
        assert row["cause_boundary_resistance_ohm_cm2"] == 0.5
        assert row["conductivity_S_per_cm"] == small.conductivity_S_per_cm
        assert row["porosity_true"] == small.crystal.achieved.porosity
        assert row["porosity_drawn"] == picture.porosity == pytest.approx(np.mean(picture.pores > 0))
        assert 0 < row["boundary_share"] < 1
