import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from micro_features.explain.perturbation import deletion_insertion
from micro_features.images.cells import Cells

CELL = 4


def linear(rng):
    """A picture, and a model whose answer is a sum over pixels: each cell's part in it is known."""
    weight = np.kron(gaussian_filter(rng.normal(size=(8, 10)), 1), np.ones((CELL, CELL)))
    image = 1 + 0.1 * rng.normal(size=weight.shape)
    return (lambda batch: (batch * weight).sum(axis=(1, 2))), image, weight


def parts(image, weight):
    return (image * weight).reshape(8, CELL, 10, CELL).sum(axis=(1, 3))


def test_deletion_of_a_linear_model_by_hand():
    predict, image, weight = linear(np.random.default_rng(0))
    heat = parts(image, weight)
    found = deletion_insertion(
        predict, image, heat, cells=Cells(CELL), fill=np.zeros_like(image), rng=np.random.default_rng(1), steps=4
    )
    ordered = np.sort(heat.ravel())[::-1]
    taken = np.array([0, *np.cumsum(ordered)[[19, 39, 59, 79]]])
    np.testing.assert_allclose(found.replaced, [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(found.insertion, taken, atol=1e-9)
    np.testing.assert_allclose(found.deletion, heat.sum() - taken, atol=1e-9)
    gap = found.insertion - found.deletion
    assert found.area == pytest.approx((gap[1:-1].sum() + (gap[0] + gap[-1]) / 2) / 4)
    assert found.area > found.moved_areas.max()
    assert found.gain == pytest.approx(found.area - found.moved_areas.mean(), rel=1e-9)
    assert found.moved_deletion.shape == (19, 5)
    turned = deletion_insertion(
        predict, image, -heat, cells=Cells(CELL), fill=np.zeros_like(image), rng=np.random.default_rng(1), steps=4
    )
    assert turned.area == pytest.approx(-found.area)


def test_maps_that_know_nothing_gain_nothing():
    rng = np.random.default_rng(2)
    gains = {"knows": [], "does not": []}
    for _ in range(12):
        predict, image, weight = linear(rng)
        heat = parts(image, weight)
        for kind, shown in (("knows", heat), ("does not", gaussian_filter(rng.normal(size=heat.shape), 1))):
            one = deletion_insertion(
                predict, image, shown, cells=Cells(CELL), fill=np.zeros_like(image), rng=rng, steps=5, n_random=5
            )
            gains[kind].append(one.gain)
    assert min(gains["knows"]) > 0
    assert abs(np.mean(gains["does not"])) < 0.3 * np.mean(gains["knows"])


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (5, 5)])
def test_a_map_too_small_to_be_moved_has_curves_but_no_gain(shape):
    found = deletion_insertion(
        lambda batch: batch.mean(axis=(1, 2)),
        np.ones((10, 10)),
        np.ones(shape),
        cells=Cells(10 / max(shape)),
        fill=np.zeros((10, 10)),
        rng=np.random.default_rng(0),
        steps=2,
        n_random=3,
    )
    assert found.deletion[[0, -1]].tolist() == [1, 0]
    assert np.isfinite([found.area, *found.insertion]).all()
    assert np.isnan([found.gain, *found.moved_areas]).all()
    assert found.moved_deletion.shape == found.moved_insertion.shape == (3, 3)
    assert np.isnan(found.moved_deletion).all()


def test_every_pixel_belongs_to_a_cell_also_at_cut_edges():
    image = np.ones((9, 11))
    found = deletion_insertion(
        lambda batch: batch.mean(axis=(1, 2)),
        image,
        np.arange(6.0).reshape(2, 3),
        cells=Cells(4),
        fill=np.zeros_like(image),
        rng=np.random.default_rng(0),
        steps=6,
        n_random=0,
    )
    np.testing.assert_allclose(found.deletion + found.insertion, 1)
    assert (np.diff(found.deletion) < 0).all()
    assert np.isnan(found.gain)
