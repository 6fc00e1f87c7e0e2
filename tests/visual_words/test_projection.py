import numpy as np
import pytest

from micro_features.visual_words.projection import sample_rows, tsne


def test_rows_are_drawn_once_each_and_rise():
    drawn = sample_rows(1000, 50, 3)
    assert len(drawn) == 50
    assert (np.diff(drawn) > 0).all()
    assert (drawn == sample_rows(1000, 50, 3)).all()
    assert (drawn != sample_rows(1000, 50, 4)).any()
    assert sample_rows(4, 50, 0).tolist() == [0, 1, 2, 3]


def test_far_clusters_stay_apart():
    rng = np.random.default_rng(0)
    vectors = rng.normal(0, 1, (60, 60)) + np.repeat([[0.0], [50.0]], 30, axis=0)
    places = tsne(vectors, seed=1, perplexity=10)
    assert places.shape == (60, 2)
    assert (places == tsne(vectors, seed=1, perplexity=10)).all()
    middle = places.reshape(2, 30, 2).mean(axis=1)
    spread = np.linalg.norm(places.reshape(2, 30, 2) - middle[:, None], axis=-1).max()
    assert np.linalg.norm(middle[0] - middle[1]) > spread


@pytest.mark.parametrize("n", [0, 1, 3, 4, 7])
def test_few_vectors(n):
    places = tsne(np.random.default_rng(n).normal(size=(n, 3)), seed=0)
    assert places.shape == (n, 2)
    assert np.isfinite(places).all()


def test_the_same_vector_again_and_again():
    assert not tsne(np.ones((20, 3)), seed=0).any()
