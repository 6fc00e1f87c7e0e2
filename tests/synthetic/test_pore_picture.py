import cv2
import numpy as np
import pytest

from micro_features.errors import SettingsError
from micro_features.synthetic.training.hollows import cavities, cracks, dark_phase, facets, hardly_dark
from micro_features.synthetic.training.pore_picture import PORE_KINDS, pore_picture


def noise(seed=0, *, shape=(200, 240)):
    return np.random.default_rng(seed).normal(0.6, 0.02, shape).astype(np.float32)


def tiles(shape=(200, 240), side=20):
    rows, cols = np.indices(shape) // side
    return rows * (shape[1] // side) + cols + 1


@pytest.mark.parametrize("index", range(5))
def test_a_picture_is_drawn_again_by_index_and_seed(index):
    first, second = pore_picture(index, seed=4), pore_picture(index, seed=4)
    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.pores, second.pores)
    assert first.kind == PORE_KINDS[index]
    assert not np.array_equal(first.image, pore_picture(index, seed=5).image)


def test_pores_are_darker_than_solid():
    # A plain solid: nothing else is dark there.
    plain = [index for index in range(60) if PORE_KINDS[index % len(PORE_KINDS)] == "plain"]
    pictures = [pore_picture(index, seed=1) for index in plain[:6]]
    steps = [p.image[~p.pores].mean() - p.image[p.pores].mean() for p in pictures if p.pores.any()]
    assert len(steps) >= 3
    assert min(steps) > 0.01


@pytest.mark.parametrize(("index", "seed"), [(-1, 0), (0, -1)])
def test_numbers_below_zero_are_refused(index, seed):
    with pytest.raises(SettingsError):
        pore_picture(index, seed=seed)


@pytest.mark.parametrize("seed", range(6))
def test_only_what_is_marked_is_darkened(seed):
    image, grains = noise(), tiles()
    rng = np.random.default_rng(seed)
    for marked in (cavities(rng, image, grains), dark_phase(rng, image, grains), cracks(rng, image)):
        away = np.ones(image.shape, bool)
        for row, col in np.argwhere(marked.dark):
            away[max(0, row - 5) : row + 6, max(0, col - 5) : col + 6] = False
        np.testing.assert_allclose(marked.image[away], image[away], atol=1e-4)
        if marked.dark.sum() > 20:
            assert marked.image[marked.dark].mean() < image[marked.dark].mean() - 0.005


def test_a_pore_as_bright_as_its_surroundings_is_unsure():
    image, pores = noise(), np.zeros((200, 240), bool)
    pores[50:70, 50:70] = pores[120:140, 120:140] = True
    image[50:70, 50:70] = 0.2
    unsure = hardly_dark(image, pores)
    assert not unsure[45:75, 45:75].any()
    assert unsure[120:140, 120:140].all()
    assert unsure.sum() == 22**2


def test_facets_are_less_dark_than_holes():
    image, grains = noise(), tiles()
    image[100:120, 100:120] = 0.1  # the blackest that there is
    pictures = [facets(np.random.default_rng(seed), image, grains) for seed in range(8)]
    facet = [cv2.GaussianBlur(changed - image, (0, 0), 2) < -0.02 for changed in pictures]
    assert sum(darker.any() for darker in facet) >= 4
    assert (
        min(np.median(changed[darker]) for changed, darker in zip(pictures, facet, strict=True) if darker.any()) > 0.4
    )
