import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from micro_features.visual_words.vectors import class_activation_vectors, class_maps


def test_map_worked_by_hand():
    activations = np.array([[[[1.0, 2.0, 2.0]], [[0.0, 3.0, 1.0]]]], np.float32)  # cells (1, 0), (2, 3), (2, 1)
    weights = np.array([[1.0, 2.0], [1.0, -1.0]])  # maps 1, 8, 4 and 1, -1, 1
    assert np.allclose(class_maps(activations, weights, np.array([0])), [[[0, 1, 3 / 7]]])
    assert np.allclose(class_maps(activations, weights, np.array([1])), [[[1, 0, 1]]])
    found = class_activation_vectors(activations, weights, np.array([0]))
    assert np.allclose(found, [[[0, 0], [2, 3], [6 / 7, 3 / 7]]])
    assert found.dtype == np.float32
    assert found.flags.c_contiguous


def test_cells_go_row_by_row():
    activations = np.arange(1, 7, dtype=np.float32).reshape(1, 1, 2, 3)
    found = class_activation_vectors(activations, np.ones((1, 1)), np.array([0]))
    assert np.allclose(found[0, :, 0], np.arange(1, 7) * np.arange(6) / 5)


def test_a_class_known_by_what_it_lacks_has_a_map():
    activations = np.array([[[[1.0, 3.0]]]], np.float32)
    assert np.allclose(class_maps(activations, np.array([[-1.0]]), np.array([0])), [[[1, 0]]])


def test_cells_that_are_alike_count_alike():
    activations = np.full((2, 3, 2, 2), 0.1, np.float32)
    maps = class_maps(activations, np.array([[-1.0, 0.3, 0.7], [0.0, 0.0, 0.0]]), np.array([0, 1]))
    assert (maps == 1).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.floats(0.01, 100))
def test_each_window_has_its_own_scale(seed, n, gain):
    rng = np.random.default_rng(seed)
    activations = rng.gamma(1.0, size=(n, 4, 3, 2)).astype(np.float32)
    weights, predicted = rng.normal(size=(3, 4)), rng.integers(3, size=n)
    maps = class_maps(activations, weights, predicted)
    assert maps.dtype == np.float32
    assert (maps.min(axis=(1, 2)) == 0).all()
    assert (maps.max(axis=(1, 2)) == 1).all()
    louder = activations * rng.uniform(0.5, gain + 0.5, size=(n, 1, 1, 1)).astype(np.float32)
    assert np.allclose(class_maps(louder, weights * gain, predicted), maps, atol=1e-4)
    one = np.concatenate([class_maps(activations[i : i + 1], weights, predicted[i : i + 1]) for i in range(n)])
    assert np.allclose(one, maps, atol=1e-5)
