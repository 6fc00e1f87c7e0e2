import numpy as np
import pytest

from micro_features.explain.superpixels import superpixel_shap, superpixels


def grey(seed=0, shape=(48, 64)):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_patches_cover_what_is_valid_and_nothing_else():
    valid = np.ones((96, 128), bool)
    valid[80:] = False
    labels = superpixels(grey(shape=valid.shape), valid, n=20)
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels > 0, valid)
    np.testing.assert_array_equal(np.unique(labels), np.arange(labels.max() + 1))
    assert 12 <= labels.max() <= 28
    assert np.bincount(labels.ravel())[1:].max() < 3 * valid.sum() / 20
    assert not superpixels(grey(), np.zeros((48, 64), bool)).any()


def test_patches_follow_edges():
    image = np.zeros((60, 60), np.float32)
    image[:, 25:] = 3
    labels = superpixels(image, np.ones(image.shape, bool), n=9)
    both = np.intersect1d(labels[:, :24], labels[:, 26:])
    assert not both.size


# Six patches, and a strip that belongs to none.
LABELS = np.repeat(np.arange(7, dtype=np.int32), 8)[None] * np.ones((48, 1), np.int32)


def test_linear_models_are_told_exactly():
    image, background = grey(0, LABELS.shape), grey(1, LABELS.shape)
    weight = grey(2, LABELS.shape).astype(float)
    values, base = superpixel_shap(
        lambda several: (several * weight).sum((1, 2)) + 5, image, LABELS, background, n_permutations=1
    )
    difference = weight * (image - background)
    np.testing.assert_allclose(values, [difference[n == LABELS].sum() for n in range(1, 7)], rtol=1e-4)
    hidden = np.where(LABELS > 0, background, image)
    assert base == pytest.approx((hidden * weight).sum() + 5, rel=1e-4)


def test_values_and_base_add_up_and_pairs_share_alike():
    def both(several):
        one, other = (several[:, n == LABELS].mean(1) for n in (2, 5))
        return one * other + several[:, LABELS == 3].mean(1) ** 2

    image = np.full(LABELS.shape, 2, np.float32)
    values, base = superpixel_shap(both, image, LABELS, np.zeros_like(image), n_permutations=1)
    np.testing.assert_allclose(values, [0, 2, 4, 0, 2, 0], atol=1e-6)
    assert base == 0


def test_seed_decides_and_the_shared_generator_is_left_alone():
    def crowd(several):
        return several.max((1, 2)).astype(float)

    image, background = grey(0, LABELS.shape), np.zeros(LABELS.shape, np.float32)
    np.random.seed(7)  # noqa: NPY002
    expected = np.random.random(3)  # noqa: NPY002
    np.random.seed(7)  # noqa: NPY002
    one, base = superpixel_shap(crowd, image, LABELS, background, n_permutations=1)
    np.testing.assert_array_equal(np.random.random(3), expected)  # noqa: NPY002
    same, _ = superpixel_shap(crowd, image, LABELS, background, n_permutations=1)
    other, _ = superpixel_shap(crowd, image, LABELS, background, n_permutations=1, seed=1)
    np.testing.assert_array_equal(one, same)
    assert not np.allclose(one, other)
    assert base + other.sum() == pytest.approx(image.max())


def test_few_pictures_at_once():
    seen = []

    def counting(several):
        seen.append(len(several))
        return several.mean((1, 2))

    superpixel_shap(counting, grey(0, LABELS.shape), LABELS, grey(1, LABELS.shape), n_permutations=3)
    assert max(seen) <= 8
    assert sum(seen) == 3 * (2 * 6 + 1)


def test_labels_with_gaps_are_refused():
    with pytest.raises(ValueError, match="5 patches and end at 6"):
        superpixel_shap(len, grey(0, LABELS.shape), np.where(LABELS == 3, 0, LABELS), grey(0, LABELS.shape))
    with pytest.raises(ValueError, match="0 patches"):
        superpixel_shap(len, grey(0, LABELS.shape), LABELS * 0, grey(0, LABELS.shape))
