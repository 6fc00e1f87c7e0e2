"""The pore classifier that ships, on pictures that it was not trained on; chosen with some of them in view, though."""

import cv2
import numpy as np
import pytest
from scipy.special import expit

from micro_features.files.artefacts import read_weights, shipped
from micro_features.images.pore_evidence import PORE_FEATURES
from micro_features.images.pores import classified, local
from micro_features.images.score import mask_agreement
from micro_features.learn.pixels import from_bytes, log_odds


@pytest.fixture(scope="module")
def predict():
    weights = read_weights(shipped("models", "pore-xgboost"), ("pores.ubj",))
    classifier = from_bytes(weights["pores.ubj"], PORE_FEATURES)
    return lambda values: expit(log_odds(classifier, values))


@pytest.mark.parametrize("name", ["s01a", "s04b", "s15b"])
def test_pores_of_drawn_sections_have_their_area(predict, name):
    truth = cv2.imread(str(shipped("data", "synthetic", "labels", "pores", f"{name}.png")), cv2.IMREAD_UNCHANGED) > 0
    picture = cv2.imread(str(shipped("data", "synthetic", "micrographs", f"{name}.png")), cv2.IMREAD_GRAYSCALE)
    image = picture[: truth.shape[0]].astype(np.float32) / 255
    valid = np.ones(image.shape, bool)
    pores = classified(image, valid, predict=predict) > 0
    assert np.count_nonzero(pores) == pytest.approx(np.count_nonzero(truth), rel=0.15)
    found, before = (mask_agreement(each, truth).iou for each in (pores, local(image, valid) > 0))
    assert found > max(0.72, before + 0.05)


def test_holes_of_a_rough_fracture_surface(predict, shared_data):
    picture = cv2.imread(str(shared_data / "llzto" / "High" / "4.09e-4.tif"), cv2.IMREAD_GRAYSCALE)
    image = picture[:960].astype(np.float32) / 255
    pores = classified(image, np.ones(image.shape, bool), predict=predict) > 0
    # Seen by eye: holes between and in grains, and smooth or rough solid.
    for row, col in [(462, 73), (316, 280), (596, 1180), (692, 164), (728, 884)]:
        assert pores[row - 3 : row + 4, col - 3 : col + 4].any(), (row, col)
    for row, col in [(370, 1100), (540, 1080), (820, 100), (150, 1180), (440, 500)]:
        assert not pores[row - 15 : row + 16, col - 15 : col + 16].any(), (row, col)


def test_noise_and_faint_grains_hold_no_pores(predict, voronoi):
    noise = np.random.default_rng(0).normal(0.5, 0.05, (300, 400)).astype(np.float32)
    for image in (noise, voronoi((300, 400), 40, look="groove", contrast=0.2, noise=0.03).image):
        assert np.mean(classified(image, np.ones(image.shape, bool), predict=predict) > 0) < 0.01
