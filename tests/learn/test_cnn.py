"""Training and prediction: it learns, it repeats, it goes on after an interrupt, and it says what is wrong."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from micro_features.errors import ArtefactError, ImageError, SettingsError
from micro_features.learn import cnn, trainer
from micro_features.learn.checkpoint import Checkpoint
from micro_features.learn.cnn import fit, predict, predict_whole, predict_windows
from micro_features.learn.network import Architecture, Network, to_bytes
from micro_features.learn.plan import Augmentation, Plan

SMALL = Architecture((8,), 4)
OF_SET = Architecture((8,), 4, normalised="set")
PLAN = Plan(epochs=2, batch=4, window=16, step=8)
BOXES = np.array([[0, 0], [0, 8], [0, 14], [8, 0], [8, 14]])


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def grains(period, seed, shape=(24, 30)):
    """Stripes of a period, with noise: coarse and fine."""
    rng = np.random.default_rng(seed)
    rows, cols = np.indices(shape)
    x = np.sin(2 * np.pi * (rows + cols + rng.uniform(0, period)) / period) + 0.2 * rng.normal(size=shape)
    return ((x - x.mean()) / x.std()).astype(np.float32)


def drawn(n=4, seed=0):
    y = np.arange(n) % 2 - 3.5
    pictures = [grains(4 if value < -3 else 12, seed + number) for number, value in enumerate(y)]
    return pictures, [BOXES] * n, y


def trained(plan=PLAN, architecture=SMALL, **given):
    return fit(*drawn(), plan=plan, architecture=architecture, **given)


class Kept:
    """A place for checkpoints that keeps all of them."""

    def __init__(self):
        self.held = []

    @property
    def checkpoint(self):
        return Checkpoint(lambda: self.held[-1] if self.held else None, self.held.append)


@pytest.mark.parametrize("normalised", ["picture", "set"])
def test_it_learns_what_is_there_and_predicts_pictures_it_did_not_see(normalised):
    pictures, boxes, y = drawn()
    plan = replace(PLAN, epochs=30, batch=10, learning_rate=0.01)
    net = fit(pictures, boxes, y, (y > -3).astype(int), plan=plan, architecture=Architecture((8, 16), 4, 2, normalised))
    assert not net.training
    assert float(net.mean) == -3.0
    assert float(net.sd) == 0.5
    fine, coarse = grains(4, 104, (40, 40)), grains(12, 112, (40, 40))
    for unseen, value, code in [(fine, -3.5, 0), (coarse, -2.5, 1)]:
        found = predict(net, unseen, BOXES, 16)
        assert found.shape == (3,)
        assert found[0] == pytest.approx(value, abs=0.3)
        assert found[1 + code] > 0.8
        assert found[1:].sum() == pytest.approx(1)
    assert predict_whole(net, coarse)[0] > predict_whole(net, fine)[0] + 0.2


def test_the_same_seed_gives_the_same_bits():
    state = torch.random.get_rng_state()
    first = to_bytes(trained())
    torch.rand(7)
    assert to_bytes(trained()) == first
    assert to_bytes(trained(replace(PLAN, seed=1))) != first
    torch.random.set_rng_state(state)


def test_training_moves_no_random_numbers():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    trained()
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize("after", [1, 2, 3])
def test_an_interrupted_training_goes_on_to_the_same_bits(after):
    plan, kept, told = replace(PLAN, epochs=3), Kept(), []

    def stop(epoch):
        if epoch.number == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(plan, tell=stop, checkpoint=kept.checkpoint)
    assert len(kept.held) == after
    resumed = trained(plan, tell=told.append, checkpoint=kept.checkpoint)
    assert [epoch.number for epoch in told] == list(range(after + 1, 4))
    assert to_bytes(resumed) == to_bytes(trained(plan))


def test_a_checkpoint_of_something_else_is_refused():
    kept = Kept()
    trained(checkpoint=kept.checkpoint)
    pictures, boxes, y = drawn()
    for changed in (
        {"plan": replace(PLAN, learning_rate=1e-3)},
        {"plan": replace(PLAN, augmentation=Augmentation(noise=0.2))},
        {"architecture": Architecture((16,), 4)},
        {"y": y + 1e-9 * np.arange(4)},
        {"boxes": [BOXES[::-1], *boxes[1:]]},
        {"pictures": [pictures[0] * np.float32(1.001), *pictures[1:]]},
    ):
        given = {"pictures": pictures, "boxes": boxes, "y": y, "plan": PLAN, "architecture": SMALL} | changed
        with pytest.raises(ArtefactError, match="checkpoint of the training is of other pictures"):
            fit(**given, checkpoint=kept.checkpoint)


@pytest.mark.parametrize("damaged", [b"", b"nothing of the kind", 300, -1])
def test_a_damaged_checkpoint_is_refused(damaged):
    kept = Kept()
    trained(checkpoint=kept.checkpoint)
    held = kept.held[-1][:damaged] if isinstance(damaged, int) else damaged
    with pytest.raises(ArtefactError, match=r"checkpoint of the training is damaged .*remove it"):
        trained(checkpoint=Checkpoint(lambda: held, kept.held.append))


def test_each_epoch_shows_every_window_once(monkeypatch):
    seen = []
    monkeypatch.setattr(trainer, "augmented", lambda x, *_: seen.append(x) or x)
    pictures = [np.arange(720, dtype=np.float32).reshape(24, 30) / 720 + number for number in range(4)]
    fit(pictures, [BOXES] * 4, np.arange(4.0), plan=PLAN, architecture=SMALL)
    assert [len(batch) for batch in seen] == [4] * 10
    every = {float(picture[row, col]) for picture in pictures for row, col in BOXES}
    corners = [{float(window[0, 0, 0]) for batch in epoch for window in batch} for epoch in (seen[:5], seen[5:])]
    assert corners == [every, every]
    orders = [[float(window[0, 0, 0]) for batch in epoch for window in batch] for epoch in (seen[:5], seen[5:])]
    assert orders[0] != orders[1]


def test_a_rest_is_left_out_unless_it_is_all(monkeypatch):
    sizes = []
    monkeypatch.setattr(trainer, "augmented", lambda x, *_: sizes.append(len(x)) or x)
    trained(replace(PLAN, batch=7, epochs=1))
    assert sizes == [7, 7]
    sizes.clear()
    trained(replace(PLAN, batch=64, epochs=1))
    assert sizes == [20]


def test_progress_is_told():
    told = []
    trained(replace(PLAN, epochs=3), tell=told.append)
    assert [(epoch.number, epoch.of) for epoch in told] == [(1, 3), (2, 3), (3, 3)]
    assert all(np.isfinite(epoch.loss) and epoch.seconds > 0 for epoch in told)
    assert told[0].seconds_left == pytest.approx(2 * told[0].seconds, rel=0.01)
    assert told[-1].seconds_left == 0


def short_of_memory(monkeypatch, most):
    forward, sizes = Network.forward, []

    def limited(self, x):
        if len(x) > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 MiB")
        sizes.append(len(x))
        return forward(self, x)

    monkeypatch.setattr(Network, "forward", limited)
    return sizes


def test_what_the_last_layer_is_given_is_standardised_over_the_training_windows():
    net, given = trained(architecture=OF_SET), []
    net.head[1].register_forward_hook(lambda _, inputs, __: given.append(inputs[0]))
    for picture in drawn()[0]:
        predict_windows(net, picture, BOXES, 16)
    pooled = torch.cat(given)
    # Means over batches of 4, which scatter. Without that last pass it would be several.
    torch.testing.assert_close(pooled.mean(0), torch.zeros(8), rtol=0, atol=0.3)
    torch.testing.assert_close(pooled.std(0), torch.ones(8), rtol=0, atol=0.5)


def test_too_little_memory_gives_smaller_parts_and_the_same_weights(monkeypatch):
    losses = []
    plenty = trained(tell=lambda epoch: losses.append(epoch.loss))
    sizes = short_of_memory(monkeypatch, 2)
    scarce = trained(tell=lambda epoch: losses.append(epoch.loss))
    assert sizes == [2] * 20
    assert losses[2:] == pytest.approx(losses[:2], rel=1e-3)
    for first, second in zip(plenty.parameters(), scarce.parameters(), strict=True):
        torch.testing.assert_close(first, second, rtol=1e-3, atol=1e-4)


def test_a_part_is_never_a_single_window(monkeypatch):
    sizes = short_of_memory(monkeypatch, 3)
    losses = []
    net = trained(replace(PLAN, batch=5), OF_SET, tell=lambda epoch: losses.append(epoch.loss))
    assert set(sizes) == {2, 3}
    assert np.isfinite(losses).all()
    assert all(torch.isfinite(value).all() for value in net.parameters())


def test_memory_for_not_even_two_is_said(monkeypatch):
    net = trained()
    short_of_memory(monkeypatch, 1)
    with pytest.raises(ArtefactError, match="memory does not suffice for two windows of 16 pixels"):
        trained()
    short_of_memory(monkeypatch, 0)
    with pytest.raises(ArtefactError, match="memory does not suffice for a picture of 24 x 30 pixels"):
        predict_whole(net, drawn()[0][0])


def test_a_training_that_diverges_is_said():
    with pytest.raises(ArtefactError, match=r"diverged in epoch 1 .*choose a lower one"):
        trained(replace(PLAN, learning_rate=1e30))


def test_windows_are_predicted_alike_whatever_the_batch():
    net, (picture, *_) = trained(), drawn()[0]
    found = predict_windows(net, picture, BOXES, 16, batch=2)
    assert found.shape == (5, 1)
    np.testing.assert_allclose(found, predict_windows(net, picture, BOXES, 16), rtol=1e-6)
    np.testing.assert_allclose(predict(net, picture, BOXES, 16), found.mean(axis=0))
    row, col = BOXES[3]
    alone = predict_whole(net, picture[row : row + 16, col : col + 16])
    np.testing.assert_allclose(alone, found[3], rtol=1e-6)
    assert predict_windows(net, picture, BOXES[:0], 16).shape == (0, 1)


def test_a_picture_below_one_cell_is_refused():
    with pytest.raises(ImageError, match="picture of 3 x 30 pixels at the network's scale"):
        predict_whole(trained(), drawn()[0][0][:3])


@pytest.mark.parametrize(
    ("changed", "kind", "said"),
    [
        ({"pictures": [grains(4, 0)], "boxes": [BOXES], "y": [1.0]}, ArtefactError, "on 1 picture: give at least two"),
        ({"y": [0.3] * 4}, ArtefactError, "is 0.3 throughout"),
        ({"y": [0.3, 1, 2, np.nan]}, ArtefactError, "not finite"),
        ({"plan": replace(PLAN, window=25)}, ImageError, "picture 1 of the training is 24 x 30 .* 25 pixels"),
        ({"boxes": [BOXES, BOXES[:0], BOXES, BOXES]}, ImageError, "picture 2"),
        ({"boxes": [BOXES, BOXES - 1, BOXES, BOXES]}, ImageError, "picture 2"),
        ({"pictures": [*drawn(3)[0], grains(4, 0) * np.nan]}, ImageError, "picture 4 .*not finite"),
        ({"plan": replace(PLAN, window=3)}, SettingsError, "windows of 3 pixels: the network takes at least 4"),
        ({"classes": [0, 1, 0, 1]}, ValueError, "if and only if"),
        ({"architecture": replace(SMALL, n_classes=2)}, ValueError, "if and only if"),
        ({"architecture": replace(SMALL, n_classes=2), "classes": [0, 1, 2, 1]}, ValueError, "from 0 to 1"),
        ({"y": [0.0, 1.0]}, ValueError, "4 pictures, 4 sets of windows, 2 values"),
    ],
)
def test_what_can_not_be_trained_is_refused(changed, kind, said):
    pictures, boxes, y = drawn()
    given = {"pictures": pictures, "boxes": boxes, "y": y, "plan": PLAN, "architecture": SMALL} | changed
    with pytest.raises(kind, match=said):
        fit(**given)


def test_standardising_goes_on_in_smaller_parts(monkeypatch):
    """Also where the last epoch was trained before: then nobody found out yet how much memory there is."""
    kept = Kept()
    plan = replace(PLAN, batch=8)
    trained(plan, OF_SET, checkpoint=kept.checkpoint)
    sizes = short_of_memory(monkeypatch, 4)
    again = trained(plan, OF_SET, checkpoint=kept.checkpoint)
    assert sizes == [4] * 5
    assert all(torch.isfinite(value).all() for value in again.buffers())


def test_windows_are_cut_when_they_are_needed(monkeypatch):
    """All at once they may be many times as large as the picture."""
    net = trained()
    stack, sizes = np.stack, []
    monkeypatch.setattr(cnn.np, "stack", lambda several: (sizes.append(len(several)), stack(several))[1])
    assert predict_windows(net, drawn()[0][0], BOXES, 16, batch=2).shape == (5, 1)
    assert sizes == [2, 2, 1]

    def short(several):
        if len(several) > 1:
            raise MemoryError("Unable to allocate 20. MiB")
        return stack(several)

    monkeypatch.setattr(cnn.np, "stack", short)
    assert predict_windows(net, drawn()[0][0], BOXES, 16).shape == (5, 1)


def test_each_epoch_tells_how_many_windows_memory_sufficed_for(monkeypatch):
    told = []
    short_of_memory(monkeypatch, 3)
    trained(tell=told.append)
    assert [epoch.part for epoch in told] == [2, 2]
