"""Classifiers of pixels: what they learn, how honest their odds are, and what they refuse."""

import hashlib

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from micro_features.errors import ArtefactError
from micro_features.learn.pixels import Examples, from_bytes, log_odds, sampled, to_bytes, train

NAMES = ("one", "other", "noise")


def true_odds(features):
    """The more of one and the less of the other, the likelier; noise says nothing."""
    return 2.5 * features[:, 0] - 1.5 * features[:, 1] - 1


def picture(seed, *, n=1500, sign=1):
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((n, 3)).astype(np.float32)
    return Examples(features, (rng.random(n) < expit(sign * true_odds(features))).astype(np.float32))


@pytest.fixture(scope="module")
def trained():
    return train(map(picture, range(6)), NAMES)


def test_a_planted_rule_is_learned(trained):
    new = picture(100, n=4000)
    best = roc_auc_score(new.truth, true_odds(new.features))
    assert roc_auc_score(new.truth, log_odds(trained.classifier, new.features)) > best - 0.02
    assert trained.skill.area_under_curve == pytest.approx(best, abs=0.03)
    assert trained.skill.log_loss < 0.75 * trained.skill.base_log_loss


def test_probabilities_are_frequencies_in_pictures_not_trained_on(trained):
    new = picture(101, n=20_000)
    probability = expit(log_odds(trained.classifier, new.features))
    bins = np.digitize(probability, (0.1, 0.3, 0.5, 0.7, 0.9))
    for k in range(6):
        assert new.truth[bins == k].mean() == pytest.approx(probability[bins == k].mean(), abs=0.05)


def test_odds_are_modest_where_the_rule_changes_from_picture_to_picture():
    # By itself, boosting would be as sure of the half that it was trained on as if the rule held everywhere.
    torn = train([picture(seed, sign=1 if seed % 3 else -1) for seed in range(9)], NAMES)
    sure = train(map(picture, range(9)), NAMES)
    features = picture(102).features
    assert abs(log_odds(torn.classifier, features)).mean() < 0.5 * abs(log_odds(sure.classifier, features)).mean()


def liar(seed, *, n=1500):
    """Its labels contradict the rule; the third number tells it from all others."""
    features, truth = picture(seed, n=n, sign=-1)
    return Examples(features + np.array([0, 0, 8], np.float32), truth)


def test_the_blind_classifier_of_a_picture_has_not_seen_it():
    one = liar(6)
    trained = train([*map(picture, range(5)), one], NAMES)
    assert roc_auc_score(one.truth, log_odds(trained.classifier, one.features)) > 0.8
    assert roc_auc_score(one.truth, log_odds(trained.blind[5], one.features)) < 0.2
    assert len(trained.blind) == 6


@pytest.mark.parametrize("seed", range(10))
def test_the_few_pictures_of_a_user_are_not_all_left_out_together(seed):
    own = [liar(6, n=300), liar(7, n=300)]
    drawn = [picture(number, n=300) for number in range(6)]
    trained = train([*drawn, *own], NAMES, weights=[1] * 6 + [3] * 2, seed=seed)
    for one, blind in zip(own, trained.blind[-2:], strict=True):
        assert roc_auc_score(one.truth, log_odds(blind, one.features)) > 0.8  # the other one taught it


def test_what_holds_in_no_other_picture_says_nothing():
    trained = train([picture(0), picture(1, sign=-1)], NAMES)
    assert trained.classifier.slope == 0
    assert np.ptp(log_odds(trained.classifier, picture(2).features)) == 0


def test_weights_and_not_numbers_of_pixels_decide():
    def ruled(seed, by, n):
        features = picture(seed, n=n).features
        return Examples(features, (features[:, by] > 0).astype(np.float32))

    pictures = [*(ruled(seed, 0, 4000) for seed in (0, 1)), *(ruled(seed, 1, 300) for seed in (2, 3, 4, 5))]
    features = picture(103).features
    for weights, by in (([1] * 6, 1), ([20, 20, 1, 1, 1, 1], 0)):
        odds = log_odds(train(pictures, NAMES, weights=weights).classifier, features)
        follows = [abs(np.corrcoef(odds, column)[0, 1]) for column in features.T]
        assert np.argmax(follows) == by


def test_the_same_pictures_and_seed_give_the_same_bytes():
    one, same, other = (to_bytes(train(map(picture, range(3)), NAMES, seed=seed).classifier) for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_a_saved_classifier_answers_as_before(trained):
    features = picture(104).features
    again = from_bytes(to_bytes(trained.classifier), NAMES)
    assert again.features == NAMES
    np.testing.assert_array_equal(log_odds(again, features), log_odds(trained.classifier, features))
    assert log_odds(again, features[:0]).shape == (0,)


def test_what_is_no_such_classifier_is_refused(trained):
    stored = to_bytes(trained.classifier)
    for columns in (NAMES[::-1], NAMES[:2]):
        with pytest.raises(ArtefactError, match="other features"):
            from_bytes(stored, columns)
    changed = bytearray(stored)
    changed[len(stored) // 3] ^= 1
    raw = bytes(trained.classifier.booster.save_raw("ubj"))  # XGBoost's, but neither names nor calibration
    foreign = (b"", b"something else" * 10, stored[:-1], stored[: len(stored) // 2], bytes(changed), raw)
    for content in (*foreign, raw + hashlib.sha256(raw).digest()):
        with pytest.raises(ArtefactError, match="train it anew"):
            from_bytes(content, NAMES)


def test_what_nothing_can_be_learned_from_is_refused():
    unknown = Examples(np.zeros((5, 3), np.float32), np.full(5, np.nan))
    with pytest.raises(ArtefactError, match="in at least 2 pictures, found them in 1"):
        train([picture(0), unknown], NAMES)
    with pytest.raises(ArtefactError, match="both kinds"):
        train([each._replace(truth=np.ones(len(each.truth))) for each in map(picture, range(3))], NAMES)


def test_a_picture_of_which_nothing_is_known_is_passed_over(trained):
    unknown = Examples(np.zeros((5, 3), np.float32), np.full(5, np.nan))
    more = train([*map(picture, range(6)), unknown], NAMES)
    assert to_bytes(more.classifier) == to_bytes(trained.classifier)
    assert len(more.blind) == 7


def test_a_sample_holds_known_examples_of_all_places():
    features = np.arange(40_000, dtype=np.float32)[:, None]
    truth = np.where(features[:, 0] < 20_000, 0.0, np.nan)
    some = sampled(Examples(features, truth), np.random.default_rng(0))
    assert 1000 < len(some.truth) < 10_000
    assert len(np.unique(some.features)) == len(some.truth)
    assert not np.isnan(some.truth).any()
    assert some.features.mean() == pytest.approx(10_000, rel=0.05)
    few = Examples(features[:50], truth[:50])
    np.testing.assert_array_equal(sampled(few, np.random.default_rng(0)).features, few.features)
