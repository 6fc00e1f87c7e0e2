import cv2
import numpy as np
import pytest
from scipy.special import expit

from micro_features.errors import ArtefactError
from micro_features.images.pore_evidence import PORE_FEATURES
from micro_features.images.pores import classified
from micro_features.images.score import mask_agreement
from micro_features.learn.pixels import Examples, log_odds
from micro_features.training.pores import drawn_pore_examples, in_parts, pore_examples, train_pores


def holes(seed, *, shape=(120, 150)):
    """Dark holes, and bright and dark lines that are none."""
    rng = np.random.default_rng(seed)
    image, truth = rng.normal(0.6, 0.03, shape), np.zeros(shape, np.uint8)
    for _ in range(8):
        centre = tuple(int(n) for n in rng.uniform(0, 1, 2) * shape[::-1])
        cv2.circle(truth, centre, int(rng.integers(4, 10)), 1, -1)
    lines = np.zeros(shape, np.uint8)
    for _ in range(8):
        start, end = (tuple(int(n) for n in rng.uniform(0, 1, 2) * shape[::-1]) for _ in range(2))
        cv2.line(lines, start, end, 1, 2)
    image -= 0.3 * cv2.GaussianBlur(np.maximum(truth, lines).astype(np.float64), (0, 0), 0.7)
    return image.astype(np.float32), truth.astype(float)


def everywhere(image):
    return np.ones(image.shape, bool)


def test_what_was_learned_tells_holes_from_lines_elsewhere():
    lessons = [pore_examples(image, everywhere(image), truth) for image, truth in map(holes, range(6))]
    trained = train_pores(lessons)
    assert trained.skill.area_under_curve > 0.95
    image, truth = holes(100)
    found = classified(image, everywhere(image), predict=lambda values: expit(log_odds(trained.classifier, values)))
    assert mask_agreement(found > 0, truth > 0).iou > 0.75


def test_quarters_hold_what_the_whole_holds():
    image, truth = holes(0)
    truth[:30] = np.nan
    whole, parts = (of(image, everywhere(image), truth) for of in (pore_examples, in_parts))
    assert len(parts) == 4
    for column in (0, 5):
        together = np.sort(np.concatenate([part.features[:, column] for part in parts]))
        np.testing.assert_array_equal(together, np.sort(whole.features[:, column]))
    counts = [np.array([np.nansum(e.truth), np.isnan(e.truth).sum()]) for e in (whole, *parts)]
    np.testing.assert_array_equal(counts[0], sum(counts[1:]))
    assert counts[0].all()


def test_own_pictures_have_a_say_by_their_weight():
    image, truth = holes(0)
    right = Examples(*(part[::4] for part in pore_examples(image, everywhere(image), truth)))
    wrong = right._replace(truth=np.ones(len(right.truth)))
    drawn = [right] * 3
    few, many = (train_pores(drawn, [wrong] * 2, own_weight=weight).classifier for weight in (0.08, 6.0))
    solid = right.features[right.truth == 0]
    assert expit(log_odds(few, solid)).mean() < 0.3
    assert expit(log_odds(many, solid)).mean() > 0.6


def test_drawn_examples_leave_out_what_is_unsure():
    examples = [drawn_pore_examples(index) for index in (1, 3)]
    assert all(e.features.shape == (len(e.truth), len(PORE_FEATURES)) for e in examples)
    assert not np.isnan(examples[0].truth).any()
    assert np.isnan(examples[1].truth).any()


def test_nothing_to_learn_from_is_refused():
    with pytest.raises(ArtefactError):
        train_pores([])
