"""Augmentation: what may change in a window, and what must not."""

import numpy as np
import pytest
import torch

from micro_features.errors import SettingsError
from micro_features.learn.augment import augmented
from micro_features.learn.plan import Augmentation

STILL = {"gain": 0.0, "brightness": 0.0, "blur": 0.0, "noise": 0.0}


def windows(n=64, size=9, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(n, 1, size, size)).astype(np.float32))


def varied(x, seed=1, **strength):
    return augmented(x, Augmentation(**(STILL | strength)), torch.Generator().manual_seed(seed))


def test_the_generator_alone_decides():
    x = windows()
    given = x.clone()
    first = augmented(x, Augmentation(), torch.Generator().manual_seed(5))
    torch.manual_seed(99)
    assert torch.equal(first, augmented(x, Augmentation(), torch.Generator().manual_seed(5)))
    assert not torch.equal(first, augmented(x, Augmentation(), torch.Generator().manual_seed(6)))
    assert torch.equal(x, given)
    assert first.shape == x.shape


def test_a_window_takes_each_of_its_eight_positions_about_as_often():
    found = varied(windows(1).expand(800, 1, 9, 9))[:, 0].numpy()
    window = windows(1)[0, 0].numpy()
    positions = [turned for k in range(4) for turned in (np.rot90(window, k), np.rot90(window, k).T)]
    counts = [sum(np.array_equal(each, position) for each in found) for position in positions]
    assert sum(counts) == 800
    assert min(counts) > 60


def test_each_window_stays_itself():
    x = windows(8)
    for before, after in zip(x, varied(x), strict=True):
        assert torch.equal(before.flatten().sort().values, after.flatten().sort().values)


def test_gain_and_brightness_are_one_number_a_window():
    x = windows(500)
    contrast = torch.log(varied(x, gain=0.1).std((1, 2, 3)) / x.std((1, 2, 3)))
    assert float(contrast.std()) == pytest.approx(0.1, rel=0.1)
    assert abs(float(contrast.mean())) < 0.02
    moved = varied(x, brightness=0.2)
    torch.testing.assert_close(moved.std((1, 2, 3)), x.std((1, 2, 3)), rtol=1e-4, atol=1e-5)
    assert float((moved - x).mean((1, 2, 3)).std()) == pytest.approx(0.2, rel=0.1)


def test_the_stated_share_is_smoothed():
    spike = torch.zeros(600, 1, 9, 9)
    spike[:, 0, 4, 4] = 16
    found = varied(spike, blur=0.3)
    smooth = found[:, 0, 4, 4] == 4
    assert float(smooth.float().mean()) == pytest.approx(0.3, abs=0.06)
    np.testing.assert_allclose(found[smooth][0, 0, 3:6, 3:6], [[1, 2, 1], [2, 4, 2], [1, 2, 1]])
    assert (found[~smooth][:, 0, 4, 4] == 16).all()
    torch.testing.assert_close(varied(torch.full((4, 1, 9, 9), 2.0), blur=1.0), torch.full((4, 1, 9, 9), 2.0))


def test_noise_is_white_and_at_most_as_strong_as_stated():
    found = varied(torch.zeros(400, 1, 20, 20), noise=0.1)
    strengths = found.std((1, 2, 3))
    assert float(strengths.max()) < 0.112
    assert float(strengths.mean()) == pytest.approx(0.05, rel=0.15)
    assert abs(float((found[:, :, 1:] * found[:, :, :-1]).mean() / (found**2).mean())) < 0.02


@pytest.mark.parametrize("wrong", [{"gain": -0.1}, {"blur": 1.5}, {"noise": float("nan")}])
def test_strengths_outside_their_range_are_refused(wrong):
    with pytest.raises(SettingsError, match="at least 0"):
        Augmentation(**wrong)
