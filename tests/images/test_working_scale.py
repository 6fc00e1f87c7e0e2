from types import SimpleNamespace

import numpy as np
import pytest

from micro_features.images import working_scale
from micro_features.images.working_scale import FACTORS, MIN_SIDE_PX, SPAN, choose_scale, try_scale

OPTIONS = {"merge_level": 0.25, "small_grain_px": 50.0, "window_px": 40.0}


def everywhere(image):
    return np.ones(image.shape, bool)


def test_a_trial_is_of_the_shrunk_picture(voronoi):
    image = voronoi((240, 320), 30, noise=0.05).image
    trial = try_scale(image, everywhere(image), 2.0, **OPTIONS)
    for part in (trial.flat, trial.valid, trial.strength, trial.labels):
        assert part.shape == (120, 160)
    assert trial.tree.count == trial.labels.max()
    evidence = trial.evidence
    assert evidence.factor == 2.0
    assert evidence.merge_levels == pytest.approx((0.25 / SPAN, 0.25, 0.25 * SPAN))
    assert evidence.counts == tuple(trial.tree.regions(level) for level in evidence.merge_levels)
    expected = np.log(evidence.counts[0] / evidence.counts[2]) + evidence.counts[2] ** -0.5
    assert evidence.dependence == pytest.approx(expected)


def test_clear_grains_depend_less_on_the_merge_level_than_noise_does(voronoi):
    grains = voronoi((240, 320), 20, noise=0.02).image
    noise = np.random.default_rng(0).normal(0.5, 0.1, grains.shape).astype(np.float32)
    clear, none = (
        try_scale(image, everywhere(image), 2**0.5, **OPTIONS).evidence.relative_dependence for image in (grains, noise)
    )
    assert clear < 0.5
    assert none > 0.8


@pytest.mark.parametrize("shape", [(80, 80), (150, 300), (401, 500)])
def test_every_scale_is_tried_that_leaves_enough_of_the_picture(voronoi, shape):
    image = voronoi(shape, 20, noise=0.1).image
    chosen, tried = choose_scale(image, everywhere(image), scale_tolerance=0.2, **OPTIONS)
    evidence = [trial.evidence for trial in tried]
    assert [each.factor for each in evidence] == [f for f in FACTORS if min(shape) / f >= MIN_SIDE_PX] + [1.0]
    # The trial that was chosen is of the whole picture, and its evidence is listed.
    assert chosen.labels.shape == tuple(round(side / chosen.evidence.factor) for side in shape)
    assert chosen.evidence in evidence


@pytest.mark.parametrize(
    ("dependences", "expected"),
    [
        # By factor from 8 to 1. The finest that is hardly worse than the best one, going on from it:
        ((0.9, 0.8, 0.5, 0.6, 0.65, 0.9, 0.9), 2.0),
        ((0.9, 0.8, 0.5, 0.6, 0.71, 0.9, 0.9), 2 * 2**0.5),
        # one that is not stable ends it, whatever comes after;
        ((0.9, 0.8, 0.5, 0.9, 0.51, 0.51, 0.9), 4.0),
        # coarser ones do not count;
        ((0.51, 0.9, 0.5, 0.9, 0.9, 0.9, 0.9), 4.0),
        ((0.9, 0.9, 0.9, 0.9, 0.9, 0.5, 0.9), 2**0.5),
        # the unshrunk picture must be better by half of the tolerance.
        ((0.9, 0.9, 0.9, 0.9, 0.9, 0.5, 0.41), 2**0.5),
        ((0.9, 0.9, 0.5, 0.9, 0.9, 0.9, 0.39), 1.0),
    ],
)
def test_the_finest_scale_is_taken_that_is_hardly_worse_than_the_best(monkeypatch, dependences, expected):
    planted = dict(zip((*FACTORS, 1.0), dependences, strict=True))

    def planted_trial(image, valid, factor, **options):
        assert options == OPTIONS
        evidence = SimpleNamespace(factor=factor, relative_dependence=planted[factor])
        return SimpleNamespace(evidence=evidence, valid=valid)

    monkeypatch.setattr(working_scale, "try_scale", planted_trial)
    image = np.zeros((800, 900), np.float32)
    chosen, tried = choose_scale(image, everywhere(image), scale_tolerance=0.2, **OPTIONS)
    evidence = [trial.evidence for trial in tried]
    assert chosen.evidence.factor == expected
    assert {each.factor: each.relative_dependence for each in evidence} == planted
    # The unshrunk picture is looked at in part, and as a whole if it was chosen.
    assert chosen.valid.shape == (800, 900)


def test_noise_is_shrunk_away_and_the_full_picture_is_looked_at_where_it_is_best(voronoi):
    noisy = voronoi((400, 500), 60, noise=0.3, contrast=0.4).image
    fine = voronoi((160, 200), 6, noise=0.01, contrast=0.4).image
    coarse, full = (
        choose_scale(image, everywhere(image), scale_tolerance=0.2, **OPTIONS)[0].evidence.factor
        for image in (noisy, fine)
    )
    assert coarse >= 2
    assert full == 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (20, 20)])
def test_narrowest_pictures_are_not_shrunk(shape):
    image = np.random.default_rng(0).random(shape, np.float32)
    chosen, tried = choose_scale(image, everywhere(image), scale_tolerance=0.2, **OPTIONS)
    evidence = [trial.evidence for trial in tried]
    assert chosen.labels.shape == shape
    assert len(evidence) == 1
    assert chosen.evidence.counts[0] >= 1


def test_nothing_valid():
    image = np.zeros((150, 200), np.float32)
    chosen, tried = choose_scale(image, np.zeros(image.shape, bool), scale_tolerance=0.2, **OPTIONS)
    evidence = [trial.evidence for trial in tried]
    assert not chosen.labels.any()
    assert all(each.counts == (0, 0, 0) for each in evidence)
    assert all(np.isfinite(each.relative_dependence) for each in evidence)
