"""Classifiers of boundaries learn what labels or strokes say, from start to end."""

from dataclasses import replace
from functools import partial

import cv2
import numpy as np
import pytest

from micro_features.errors import ArtefactError
from micro_features.images.boundary_truth import BOUNDARY, INSIDE
from micro_features.images.grains import learned, watershed
from micro_features.images.score import region_agreement
from micro_features.learn.pixels import log_odds, to_bytes
from micro_features.settings import Settings
from micro_features.training import Lesson, train_boundaries

pytestmark = pytest.mark.usefixtures("few_rounds")


def everywhere(image):
    return np.ones(image.shape, bool), np.zeros(image.shape, np.int32)


def labelled(drawn):
    image, grains, _ = drawn
    return Lesson(image, *everywhere(image), grains)


def painted(drawn):
    """A person follows boundaries in the lower half, and paints through some grains across scratches."""
    image, grains, scratches = drawn
    strokes = np.zeros(image.shape, np.uint8)
    line = cv2.morphologyEx(grains.astype(np.float32), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    away = cv2.distanceTransform((~line).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) > 4
    across = cv2.dilate(scratches.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    strokes[away & across] = INSIDE
    strokes[:, ::9][away[:, ::9]] = INSIDE
    strokes[line] = BOUNDARY
    strokes[: len(image) // 2] = 0
    return Lesson(image, *everywhere(image), strokes, strokes=True)


def grains_by(trained, image):
    return learned(
        image,
        *everywhere(image),
        judge_contacts=partial(log_odds, trained.contacts.classifier),
        judge_pairs=partial(log_odds, trained.pairs.classifier),
    ).labels


@pytest.mark.parametrize(("teach", "f1"), [(labelled, 0.97), (painted, 0.9)])
def test_bright_lines_are_learned_to_bound_nothing(grooved, teach, f1):
    trained = train_boundaries([teach(grooved(seed)) for seed in range(4)], Settings())
    image, grains, _ = grooved(10)
    before = region_agreement(watershed(image, *everywhere(image)).labels, grains)
    after = region_agreement(grains_by(trained, image), grains)
    assert after.f1 > f1
    assert after.average_precision > before.average_precision + 0.1
    for each in (trained.contacts, trained.pairs):
        assert each.skill.log_loss < 0.5 * each.skill.base_log_loss
        assert len(each.blind) == 4


def test_pictures_count_by_their_weight(grooved):
    """Two people disagree: one says that dark lines bound grains, the other that bright ones do."""

    def by_bright_lines(drawn):
        image, _, scratches = drawn
        _, regions = cv2.connectedComponents((~scratches).astype(np.uint8), connectivity=4)
        return labelled((image, regions, scratches))

    image, grains, _ = grooved(10)
    f1 = []
    for heavy in (10.0, 0.1):
        dark = [replace(labelled(grooved(seed)), weight=heavy) for seed in (0, 1)]
        trained = train_boundaries([*dark, *(by_bright_lines(grooved(seed)) for seed in (2, 3))], Settings())
        f1.append(region_agreement(grains_by(trained, image), grains).f1)
    assert f1[0] > 0.8
    assert f1[1] < 0.4


def test_the_same_lessons_and_seed_give_the_same_bytes(grooved):
    lessons = [labelled(grooved(seed)) for seed in (0, 1)]
    one, same, other = (train_boundaries(lessons, Settings(), seed=seed) for seed in (0, 0, 1))
    for name in ("contacts", "pairs"):
        stored = [to_bytes(getattr(trained, name).classifier) for trained in (one, same, other)]
        assert stored[0] == stored[1] != stored[2]


def test_nothing_to_learn_from_is_refused(grooved):
    with pytest.raises(ArtefactError, match="at least 2 pictures"):
        train_boundaries([labelled(grooved(0))], Settings())
    image, grains, _ = grooved(0)
    with pytest.raises(ArtefactError, match="both kinds"):
        train_boundaries([labelled((image, np.ones_like(grains), None))] * 2, Settings())
