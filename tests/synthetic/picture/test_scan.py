import numpy as np
import pytest

from micro_features.synthetic.picture.scan import scanned, smooth_field

STILL = {"blur_px": 0.0, "noise": 0.0, "shading": 0.0, "charging": 0.0, "brightness": 0.0, "contrast": 1.0}


def scan(signal, seed=0, **changes):
    return scanned(np.random.default_rng(seed), signal, **(STILL | changes))


@pytest.fixture
def plain():
    return np.full((200, 300), 0.5)


@pytest.fixture
def ramp():
    return np.tile(np.linspace(0.3, 0.7, 300), (200, 1))


@pytest.mark.parametrize("length_px", [2.0, 8.0, 30.0])
def test_smooth_field_varies_over_its_length(length_px):
    field = smooth_field(np.random.default_rng(1), (300, 400), length_px=length_px)
    assert field.mean() == pytest.approx(0, abs=1e-9)
    assert field.std() == pytest.approx(1)
    near, far = max(1, round(0.25 * length_px)), round(3 * length_px)
    assert np.mean(field[:-near] * field[near:]) > 0.7
    assert abs(np.mean(field[:-far] * field[far:])) < 0.3


def test_an_ideal_scan_changes_little_but_the_lag(ramp):
    picture = scan(ramp)
    assert picture.dtype == np.float32
    np.testing.assert_allclose(picture, ramp, atol=0.001)


def test_beam_spreads_a_bright_spot_and_keeps_its_electrons(plain):
    spot = plain.copy()
    spot[100, 150] += 10
    excess = scan(spot, blur_px=3.0) - scan(plain, blur_px=3.0)
    rows = np.arange(200) - 100
    assert excess.sum() == pytest.approx(10, rel=1e-3)
    assert np.sqrt((excess.sum(axis=1) * rows**2).sum() / excess.sum()) == pytest.approx(3.0, rel=0.02)


@pytest.mark.parametrize(("grey", "contrast"), [(0.5, 1.0), (0.25, 1.0), (0.5, 2.0)])
def test_shot_noise_grows_with_the_root_of_the_signal_and_with_the_gain(grey, contrast):
    picture = scan(np.full((300, 300), grey), noise=0.03, contrast=contrast)
    assert picture.std() == pytest.approx(0.03 * np.sqrt(grey / 0.5) * contrast, rel=0.03)
    assert picture.mean() == pytest.approx(0.5 + contrast * (grey - 0.5), abs=0.002)


def test_noise_is_nearly_white(plain):
    picture = scan(plain, noise=0.05) - 0.5
    along, down = np.mean(picture[:, 1:] * picture[:, :-1]), np.mean(picture[1:] * picture[:-1])
    assert along / picture.var() == pytest.approx(0.1, abs=0.02)
    assert down / picture.var() == pytest.approx(0, abs=0.02)


def test_gain_and_brightness_act_on_the_finished_picture(ramp):
    """A session's gain and brightness do to a noisy picture what arithmetic does, up to clipping."""
    rest = {"noise": 0.03, "shading": 0.03, "charging": 0.5, "blur_px": 1.0}
    one, other = scan(ramp, **rest), scan(ramp, **rest, contrast=1.5, brightness=0.2)
    np.testing.assert_allclose(other, np.clip(1.5 * (one - 0.5) + 0.7, 0, 1), atol=1e-6)
    assert other.max() == 1


def test_shading_is_slow_and_as_strong_as_asked(plain):
    picture = scan(plain, shading=0.05)
    assert picture.std() == pytest.approx(0.05, rel=0.02)
    assert np.abs(np.diff(picture, axis=0)).max() < 0.005


def test_charging_leaves_a_dark_tail_behind_a_bright_place(plain):
    bright = plain.copy()
    bright[100:110, 100:120] = 1.0
    tail = (scan(bright, charging=1.0) - scan(plain, charging=1.0))[100:110]
    assert tail[:, 122:140].max() < -0.01
    assert np.abs(tail[:, :100]).max() < 1e-6
    assert np.abs(tail[:, 280:]).max() < 0.01


def test_shading_and_streaks_stay_when_the_noise_changes(plain):
    quiet, noisy = (scan(plain, shading=0.1, charging=0.5, noise=noise) for noise in (0.0, 0.02))
    assert np.corrcoef(quiet.ravel(), noisy.ravel())[0, 1] > 0.95
