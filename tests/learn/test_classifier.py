"""Classifiers of windows: they learn, repeat, say what they saw, and their activations are what they decide by."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from micro_features.errors import ArtefactError, ImageError, SettingsError
from micro_features.learn.classifier import (
    Classifier,
    fit_classifier,
    resnet18_classifier,
    small_classifier,
    window_activations,
)
from micro_features.learn.network import Architecture, Network
from micro_features.learn.plan import Augmentation, Plan
from micro_features.learn.scores import precision_recall
from micro_features.learn.trainer import Windows, standardise

SMALL = Architecture((8,), 4, 2)
PLAN = Plan(epochs=2, batch=4, window=16, step=8)
BOXES = np.array([[0, 0], [0, 8], [0, 14], [8, 0], [8, 14]])


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def stripes(period, seed, shape=(24, 30)):
    rng = np.random.default_rng(seed)
    rows, cols = np.indices(shape)
    x = np.sin(2 * np.pi * (rows + cols + rng.uniform(0, period)) / period) + 0.2 * rng.normal(size=shape)
    return ((x - x.mean()) / x.std()).astype(np.float32)


def drawn(n=4):
    """Fine stripes are class 0, coarse ones class 1."""
    classes = np.arange(n) % 2
    return [stripes((4, 12)[code], number) for number, code in enumerate(classes)], [BOXES] * n, classes


def trained(plan=PLAN, architecture=SMALL, seed=0, **given):
    return fit_classifier(small_classifier(architecture, seed), *drawn(), plan=plan, **given)


def of_plain_means(architecture=SMALL):
    """As ResNet18 is built: nothing in it depends on which windows are computed at once."""
    layers = torch.nn.Sequential(*Network(architecture).layers.values())
    return Classifier(layers, architecture.channels[-1], 2, in_channels=1, stride=4, cell_origin=-0.5)


def bits(classifier):
    return b"".join(value.numpy().tobytes() for value in classifier.state_dict().values())


@pytest.mark.parametrize("normalised", ["picture", "set"])
def test_it_learns_what_is_there_and_tells_pictures_it_did_not_see(normalised):
    plan = replace(PLAN, epochs=25, batch=10, learning_rate=0.01)
    told = []
    classifier = trained(plan, Architecture((8, 16), 4, 2, normalised), tell=told.append)
    assert not classifier.training
    for period, code in [(4, 0), (12, 1)]:
        probabilities, _ = window_activations(classifier, stripes(period, 100 + code), BOXES, 16)
        assert probabilities[:, code].min() > 0.8
    assert told[-1].loss < 0.2 < told[0].loss
    np.testing.assert_array_equal(told[-1].confusion, [[10, 0], [0, 10]])


def test_the_same_seed_gives_the_same_bits():
    state = torch.random.get_rng_state()
    first = bits(trained())
    torch.rand(7)
    assert bits(trained()) == first
    assert bits(trained(replace(PLAN, seed=1))) != first
    assert bits(trained(seed=1)) != first
    torch.random.set_rng_state(state)


def test_first_weights_are_those_of_the_seed():
    one, same, other = (small_classifier(SMALL, seed) for seed in (0, 0, 1))
    assert bits(one) == bits(same)
    assert not torch.equal(one.head.weight, other.head.weight)
    assert not torch.equal(one.body.stem[0].weight, other.body.stem[0].weight)


@pytest.mark.parametrize("build", [lambda: small_classifier(SMALL), lambda: resnet18_classifier(3)])
def test_building_moves_no_random_numbers_and_is_not_moved_by_them(build):
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    one = build()
    assert torch.equal(torch.rand(1), expected)
    same = build()
    assert torch.equal(one.head.weight, same.head.weight)
    assert torch.equal(next(one.body.parameters()), next(same.body.parameters()))


def test_training_does_not_depend_on_what_is_done_when_told():
    def look(epoch):
        assert not classifier.training
        window_activations(classifier, drawn()[0][0], BOXES, 16)
        torch.rand(5)
        classifier.train()
        kept.append(bits(classifier))

    kept = []
    of_set = replace(SMALL, normalised="set")
    classifier = small_classifier(of_set)
    plan = replace(PLAN, epochs=3)
    found = fit_classifier(classifier, *drawn(), plan=plan, tell=look)
    assert found is classifier
    assert bits(found) == bits(trained(plan, of_set)) == kept[-1]
    assert len(set(kept)) == 3


def test_confusion_counts_windows_as_they_were_shown(monkeypatch):
    """A network that always says class 1, three pictures of class 0 and one of class 2; a rest of 4 is not shown."""
    classifier = small_classifier(replace(SMALL, n_classes=3))
    with torch.no_grad():
        classifier.head.bias.copy_(torch.tensor([0.0, 50.0, 0.0]))
    told = []
    plan = replace(PLAN, learning_rate=1e-9, batch=8)
    fit_classifier(classifier, drawn()[0], [BOXES] * 4, [0, 0, 0, 2], plan=plan, tell=told.append)
    for epoch in told:
        assert epoch.confusion.sum() == 16
        assert epoch.confusion[:, [0, 2]].sum() == epoch.confusion[1].sum() == 0
        assert epoch.confusion[0, 1] in range(11, 16)
        assert epoch.loss == pytest.approx(50, abs=3)


def test_progress_is_told():
    told = []
    trained(replace(PLAN, epochs=3), tell=told.append)
    assert [(epoch.number, epoch.of) for epoch in told] == [(1, 3), (2, 3), (3, 3)]
    assert all(epoch.confusion.sum() == 20 and epoch.confusion.shape == (2, 2) for epoch in told)
    assert all(np.isfinite(epoch.loss) and epoch.seconds > 0 for epoch in told)
    assert told[0].seconds_left == pytest.approx(2 * told[0].seconds, rel=0.01)
    assert told[-1].seconds_left == 0


def test_too_little_memory_counts_each_window_once_and_gives_the_same_weights(monkeypatch):
    told, plan = [], replace(PLAN, batch=8)
    first = of_plain_means()
    plenty = fit_classifier(copy.deepcopy(first), *drawn(), plan=plan, tell=told.append)
    forward, calls = Classifier.forward, []

    def limited(self, x):
        calls.append(len(x))
        # Memory ends in the middle of a batch, when part of it has been computed.
        if len(calls) == 5 or len(x) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 MiB")
        return forward(self, x)

    monkeypatch.setattr(Classifier, "forward", limited)
    scarce = fit_classifier(first, *drawn(), plan=plan, tell=told.append)
    assert calls == [8, 4, 4, 4, 4, 2, 2, 2, 2] + [2] * 8
    for one, other in zip(told[:2], told[2:], strict=True):
        np.testing.assert_array_equal(one.confusion, other.confusion)
    for one, other in zip(plenty.parameters(), scarce.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("normalised", ["picture", "set"])
def test_what_it_says_is_the_linear_layer_on_the_means_of_its_activations(normalised, training):
    classifier = trained(architecture=replace(SMALL, n_classes=3, normalised=normalised)).train(training)
    before, picture = bits(classifier), drawn()[0][1]
    probabilities, activations = window_activations(classifier, picture, BOXES, 16, batch=2)
    assert bits(classifier) == before
    assert classifier.training == training
    assert (probabilities.dtype, activations.dtype) == (np.float64, np.float32)
    assert activations.shape == (5, 8, 4, 4)
    assert activations.min() >= 0 < activations.max()
    windows = np.stack([picture[row : row + 16, col : col + 16] for row, col in BOXES])[:, None]
    with torch.no_grad():
        logits = classifier.eval()(torch.from_numpy(windows)).numpy()
    of_means = logits - activations.mean((2, 3)) @ classifier.class_weights.T
    np.testing.assert_allclose(of_means, of_means[:1].repeat(5, axis=0), atol=1e-4)
    np.testing.assert_allclose(probabilities, np.exp(logits) / np.exp(logits).sum(1, keepdims=True), atol=1e-5)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-12)


def test_it_is_standardised_by_its_windows_as_they_are():
    plan = replace(PLAN, augmentation=Augmentation(gain=1, brightness=3), learning_rate=0.05)
    classifier = trained(plan)
    again = copy.deepcopy(classifier).train()
    windows = Windows(drawn()[0], drawn()[1], np.zeros(4), drawn()[2], 16)
    standardise(again, windows, plan.batch, plan.seed, torch.device("cpu"))
    torch.testing.assert_close(again.norm.running_mean, classifier.norm.running_mean)
    torch.testing.assert_close(again.norm.running_var, classifier.norm.running_var)


def test_weights_of_plain_means_are_those_of_the_last_layer():
    classifier = of_plain_means()
    np.testing.assert_array_equal(classifier.class_weights, classifier.head.weight.detach().numpy())


def test_windows_are_seen_alike_whatever_the_batch_and_where_memory_ends(monkeypatch):
    classifier, picture = trained(), drawn()[0][0]
    expected = window_activations(classifier, picture, BOXES, 16)
    stack, sizes = np.stack, []

    def short(several):
        if len(several) > 2:
            raise MemoryError("Unable to allocate 20. MiB")
        sizes.append(len(several))
        return stack(several)

    monkeypatch.setattr("micro_features.learn.classifier.np.stack", short)
    found = window_activations(classifier, picture, BOXES, 16)
    assert sizes == [2, 2, 1]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_cells_lie_where_the_classifier_says():
    """A bright spot moved by one cell moves the activations by one cell."""
    classifier = small_classifier(Architecture((8, 8), 4, 2, "set")).eval()
    assert (classifier.stride, classifier.cell_origin) == (8, -0.5)
    peaks = []
    for place in (84, 92):
        x = torch.zeros(1, 1, 160, 160)
        x[..., place - 1 : place + 2, place - 1 : place + 2] = 5.0
        with torch.no_grad():
            change = (classifier.activations(x) - classifier.activations(x * 0)).abs().sum(1)[0]
        assert change.shape == (20, 20)
        peaks.append(change)
    torch.testing.assert_close(peaks[0][1:-1, 1:-1], peaks[1][2:, 2:], rtol=1e-4, atol=1e-5)
    cells = torch.arange(20.0)
    centre = float((peaks[0].sum(0) * cells).sum() / peaks[0].sum())
    # Of a pixel that is a number, the middle is half a pixel further from the edge.
    assert classifier.cell_origin + (centre + 0.5) * classifier.stride == pytest.approx(84.5, abs=2)


def test_a_picture_is_given_to_all_three_channels():
    classifier = resnet18_classifier(2).eval()
    x = torch.randn(1, 1, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(classifier.activations(x), classifier.body(torch.cat([x] * 3, 1)))
        assert classifier(x).shape == (1, 2)


@pytest.mark.parametrize(
    ("changed", "kind", "said"),
    [
        ({"pictures": [stripes(4, 0)], "boxes": [BOXES], "classes": [1]}, ArtefactError, "on 1 picture: give at least"),
        ({"classes": [1] * 4}, ArtefactError, "of class 1: nothing can be learned"),
        ({"plan": replace(PLAN, window=25)}, ImageError, "picture 1 of the training is 24 x 30 .* 25 pixels"),
        ({"boxes": [BOXES, BOXES[:0], BOXES, BOXES]}, ImageError, "picture 2"),
        ({"pictures": [*drawn(3)[0], stripes(4, 0) * np.nan]}, ImageError, "picture 4 .*not finite"),
        ({"plan": replace(PLAN, window=3)}, SettingsError, "windows of 3 pixels: the classifier takes at least 4"),
        ({"plan": replace(PLAN, learning_rate=1e30)}, ArtefactError, r"diverged in epoch 1 .*choose a lower one"),
        ({"classes": [0, 1, 2, 1]}, ValueError, "from 0 to 1"),
        ({"classes": [0, 1]}, ValueError, "4 pictures, 4 sets of windows, 2 classes"),
        ({"device": "abacus"}, SettingsError, "abacus"),
    ],
)
def test_what_can_not_be_trained_is_refused(changed, kind, said):
    pictures, boxes, classes = drawn()
    given = {"pictures": pictures, "boxes": boxes, "classes": classes, "plan": PLAN} | changed
    with pytest.raises(kind, match=said):
        fit_classifier(small_classifier(SMALL), **given)


def test_a_class_may_be_without_pictures():
    told = []
    fit_classifier(small_classifier(replace(SMALL, n_classes=4)), *drawn(), plan=PLAN, tell=told.append)
    assert not told[0].confusion[2:].any()


@pytest.mark.parametrize(
    ("picture", "boxes", "window", "said"),
    [
        (stripes(4, 0), BOXES, 25, "24 x 30 pixels has no window of 25"),
        (stripes(4, 0), BOXES - 1, 16, "beyond its edge"),
        (stripes(4, 0), BOXES[:0], 16, "no window of 16"),
        (stripes(4, 0) * np.inf, BOXES, 16, "not finite"),
        (stripes(4, 0), BOXES, 3, "3 x 3 pixels at the network's scale"),
    ],
)
def test_windows_that_can_not_be_seen_are_refused(picture, boxes, window, said):
    with pytest.raises(ImageError, match=said):
        window_activations(small_classifier(SMALL), picture, boxes, window)


@pytest.mark.parametrize("n_classes", [0, 1])
def test_one_class_is_none(n_classes):
    with pytest.raises(SettingsError, match=f"{n_classes} classes: choose at least 2"):
        small_classifier(replace(SMALL, n_classes=n_classes))


def test_precision_and_recall_by_hand():
    precision, recall = precision_recall(np.array([[3, 1, 0], [2, 4, 0], [0, 0, 0]]))
    np.testing.assert_allclose(precision, [3 / 5, 4 / 5, np.nan])
    np.testing.assert_allclose(recall, [3 / 4, 4 / 6, np.nan])
    precision, recall = precision_recall(np.array([[0, 2], [0, 5]]))
    np.testing.assert_allclose(precision, [np.nan, 5 / 7])
    np.testing.assert_allclose(recall, [0, 1])


@given(arrays(int, (3, 3), elements=st.integers(0, 5)))
def test_exchanging_truth_and_said_exchanges_precision_and_recall(confusion):
    precision, recall = precision_recall(confusion)
    np.testing.assert_array_equal(precision_recall(confusion.T), (recall, precision))
    defined = np.isfinite(precision)
    assert ((precision[defined] >= 0) & (precision[defined] <= 1)).all()
