import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from micro_features.errors import ArtefactError
from micro_features.visual_words import vocabulary
from micro_features.visual_words.vocabulary import histograms, learn_vocabulary, nearest_windows, words_of

PLACES = np.array([[0, 0], [10, 0], [0, 10]], np.float32)


def planted(seed, counts=(30, 60, 10)):
    rng = np.random.default_rng(seed)
    vectors = np.repeat(PLACES, counts, axis=0) + rng.normal(0, 0.1, (sum(counts), 2))
    return rng.permutation(vectors).astype(np.float32)


def test_planted_clusters_are_found_the_commonest_first():
    found = learn_vocabulary(planted(0), 100, n_words=3, attempts=5)
    assert found.centres.dtype == np.float32
    assert np.allclose(found.centres, PLACES[[1, 0, 2]], atol=0.1)
    assert found.notes == ()
    assert (np.bincount(words_of(planted(0), found.centres)) == [60, 30, 10]).all()


def test_centres_are_the_means_of_their_vectors_and_the_seed_fixes_them():
    vectors = np.random.default_rng(1).gamma(1.0, size=(500, 6)).astype(np.float32)
    one, again = (learn_vocabulary(vectors, 50, n_words=7, attempts=3, seed=4).centres for _ in range(2))
    assert (one == again).all()
    words = words_of(vectors, one)
    for word in range(7):
        assert np.allclose(vectors[words == word].mean(axis=0), one[word], atol=1e-4)


def test_as_good_as_attempts_that_all_settle():
    from sklearn.cluster import KMeans

    vectors = np.random.default_rng(2).gamma(0.5, size=(2000, 8)).astype(np.float32)
    found = learn_vocabulary(vectors, 50, n_words=12, attempts=10).centres
    inertia = ((vectors - found[words_of(vectors, found)]) ** 2).sum()
    settled = KMeans(12, n_init=10, tol=0, max_iter=1000, random_state=0).fit(vectors).inertia_
    assert inertia <= 1.005 * settled


def test_words_are_reduced_to_windows_and_to_distinct_vectors():
    found = learn_vocabulary(planted(3), 2, n_words=40, attempts=2)
    assert len(found.centres) == 2
    assert found.notes == ("40 words were reduced to 2, as there are only 2 windows.",)
    twice = np.array([[1, 2], [-0.0, 0], [0, -0.0], [1, 2]], np.float32)
    found = learn_vocabulary(np.repeat(twice, 5, axis=0), 20, n_words=3, attempts=2)
    assert len(found.centres) == 2
    assert found.notes == ("3 words were reduced to 2, as there are only 2 distinct vectors.",)


def test_many_vectors_are_sampled(monkeypatch):
    monkeypatch.setattr(vocabulary, "MOST_VECTORS", 80)
    found = learn_vocabulary(planted(4), 100, n_words=3, attempts=5, seed=9)
    assert found.notes == ("Words were learned from 80 of 100 vectors, drawn with seed 9.",)
    assert np.allclose(found.centres, PLACES[[1, 0, 2]], atol=0.1)
    other = learn_vocabulary(planted(4), 100, n_words=3, attempts=5, seed=10)
    assert (found.centres != other.centres).any()


def test_nothing_to_learn_from():
    with pytest.raises(ArtefactError, match="no windows to learn visual words from"):
        learn_vocabulary(np.zeros((0, 4)), 0)


def test_ties_go_to_the_lower_word():
    centres = np.array([[0, 0], [2, 0], [2, 0], [0, 2]], np.float32)
    found = words_of(np.array([[[1, 0], [2, 0]], [[1, 1], [0.1, 1.5]]]), centres)
    assert found.tolist() == [[0, 1], [0, 3]]
    assert found.dtype == np.int16


@pytest.mark.parametrize("n_words", [5, 7])
def test_rounding_does_not_break_ties(n_words):
    rng = np.random.default_rng(n_words)
    for _ in range(20):
        centres = np.repeat(rng.normal(size=(1, 96)), n_words, axis=0).astype(np.float32)
        assert not words_of(rng.normal(size=(3, 96)).astype(np.float32), centres).any()


@settings(max_examples=30, deadline=None)
@given(arrays(np.float32, (9, 3), elements=st.floats(-100, 100, width=32)), st.integers(1, 7), st.integers(1, 9))
def test_the_word_is_the_nearest_centre(vectors, k, at_once):
    centres = np.random.default_rng(k).normal(0, 30, (k, 3)).astype(np.float32)
    distance = np.linalg.norm(vectors[:, None].astype(float) - centres, axis=-1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vocabulary, "_AT_ONCE", at_once)
        words = words_of(vectors, centres)
    assert np.allclose(distance[np.arange(9), words], distance.min(axis=1), atol=1e-6)


def test_histograms_are_shares():
    found = histograms(np.array([[0, 0, 2, 0], [1, 1, 1, 1]], np.int16), 4)
    assert found.tolist() == [[0.75, 0, 0.25, 0], [0, 1, 0, 0]]


@settings(max_examples=30, deadline=None)
@given(arrays(np.int16, st.tuples(st.integers(1, 6), st.integers(1, 8)), elements=st.integers(0, 4)))
def test_histograms_mind_no_order_of_positions(words):
    found = histograms(words, 5)
    assert np.allclose(found.sum(axis=1), 1)
    assert (found == histograms(words[:, ::-1], 5)).all()


def test_pictures_take_turns():
    centres = np.array([[0.0], [100.0]])
    near = [[0.1, 0.2], [0.3, 99.0], [0.4, 0.5], [4.0, 3.0], [50.5, 50.5]]
    vectors = np.array(near)[..., None]
    words = words_of(vectors, centres)
    picture = np.array([0, 0, 0, 1, 2])
    found = nearest_windows(vectors, words, centres, picture, per_word=3)
    assert found.columns.tolist() == ["word", "rank", "window", "position", "distance"]
    assert found[["word", "rank", "window", "position"]].to_numpy().tolist() == [
        [0, 0, 0, 0],  # the best of picture 0
        [0, 1, 3, 1],  # picture 1 before the second window of picture 0
        [0, 2, 1, 0],
        [1, 0, 1, 1],
        [1, 1, 4, 0],
    ]
    assert np.allclose(found["distance"], [0.1, 3.0, 0.3, 1.0, 49.5])
    assert nearest_windows(vectors, words, centres, picture, per_word=1)["window"].tolist() == [0, 1]
