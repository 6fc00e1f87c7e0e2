"""The network: what its parts compute, what it does not depend on, and weights as bytes."""

from dataclasses import replace

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from micro_features.errors import ArtefactError, ImageError, SettingsError
from micro_features.learn.network import Architecture, Network, _Halved, from_bytes, rounded, to_bytes

SMALL = Architecture((8, 16), 4, n_classes=2)


def network(architecture=SMALL, seed=0, **given):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Network(architecture, **given).eval()


def pictures(n=2, rows=40, cols=33, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(n, 1, rows, cols)).astype(np.float32))


@pytest.mark.parametrize(("normalised", "weights"), [("picture", 217_652), ("set", 217_844)])
def test_cells_are_as_large_as_the_strides_say(normalised, weights):
    net = network(Architecture(n_classes=3, normalised=normalised))
    assert sum(weight.numel() for weight in net.parameters()) == weights
    assert net.strides == {"stem": 2, "stage1": 4, "stage2": 8, "stage3": 16}
    sizes = {}
    hooks = [
        layer.register_forward_hook(lambda _, __, out, name=name: sizes.update({name: tuple(out.shape[1:])}))
        for name, layer in net.layers.items()
    ]
    with torch.no_grad():
        assert net(pictures(1, 64, 96)).shape == (1, 4)
    for hook in hooks:
        hook.remove()
    assert sizes == {"stem": (16, 32, 48), "stage1": (32, 16, 24), "stage2": (64, 8, 12), "stage3": (96, 4, 6)}


@pytest.mark.parametrize("size", [120, 121, 126])
def test_cells_lie_where_their_filters_look(size):
    net = network()
    with torch.no_grad():
        for part in net.layers.modules():
            if isinstance(part, torch.nn.Conv2d):
                part.weight.fill_(1 / part.weight[0].numel())
    for norm in [f"{name}.{kind}" for name in net.layers for kind in ("1", "first_norm", "second_norm")]:
        name, _, kind = norm.partition(".")
        if hasattr(net.layers[name], kind):
            setattr(net.layers[name], kind, torch.nn.Identity())
    x = torch.ones(1, 1, size, size, requires_grad=True)
    seen = x
    for name, layer in net.layers.items():
        seen = layer(seen)
        row, col = seen.shape[2] // 2 - 1, seen.shape[3] // 2
        (answer,) = torch.autograd.grad(seen[0, :, row, col].sum(), x, retain_graph=True)
        pixel, answer = torch.arange(size) + 0.5, answer[0, 0] / answer.sum()
        middle = [float((answer.sum(1) * pixel).sum()), float((answer.sum(0) * pixel).sum())]
        expected = [net.cell_origin + (cell + 0.5) * net.strides[name] for cell in (row, col)]
        assert middle == pytest.approx(expected, abs=1e-3), name


def test_halving_keeps_a_ramp_and_removes_what_the_grid_can_not_hold():
    halved = _Halved(1)
    cols = torch.arange(12.0).expand(1, 1, 12, 12)
    np.testing.assert_allclose(halved(cols)[0, 0, 2, 1:-1], [2.5, 4.5, 6.5, 8.5])
    np.testing.assert_allclose(halved(torch.full((1, 1, 7, 9), 3.0)), 3.0)
    stripes = (-1.0) ** torch.arange(12.0).expand(1, 1, 12, 12)
    np.testing.assert_allclose(halved(stripes)[0, 0, :, 1:-1], 0.0, atol=1e-7)
    # Weights of one line of the filter: 1, 3, 3, 1 eighths.
    spike = torch.zeros(1, 1, 8, 8)
    spike[0, 0, 4, 4] = 64
    np.testing.assert_allclose(halved(spike)[0, 0, 1:4, 1:4], [[1, 3, 0], [3, 9, 0], [0, 0, 0]])


def test_the_property_is_in_model_units():
    net, x = network(), pictures()
    standard = net(x)
    told = network(mean=-4.0, sd=0.5)(x)
    torch.testing.assert_close(told[:, 0], -4 + 0.5 * standard[:, 0])
    torch.testing.assert_close(told[:, 1:], standard[:, 1:])
    torch.nn.init.zeros_(net.head.weight)
    torch.nn.init.zeros_(net.head.bias)
    assert (net(x) == 0).all()


def test_mixed_precision_keeps_the_digits_of_the_property():
    net = network(mean=-4.12345, sd=0.5)
    torch.nn.init.zeros_(net.head.weight)
    torch.nn.init.zeros_(net.head.bias)
    with torch.autocast("cpu", torch.bfloat16):
        told = net(pictures())
    assert told.dtype == torch.float32
    assert told[:, 0].tolist() == [np.float32(-4.12345)] * 2


def test_a_picture_depends_on_no_other():
    net, x = network(), pictures(3)
    torch.testing.assert_close(net(x)[1:2], net(x[1:2]), rtol=0, atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(8, 40), st.integers(8, 40))
def test_odd_sizes_are_taken(rows, cols):
    net = network()
    assert net.smallest == 8
    with torch.no_grad():
        told = net(pictures(1, rows, cols))
    assert told.shape == (1, 3)
    assert torch.isfinite(told).all()


def test_a_cell_depends_on_nothing_but_what_lies_around_it():
    net, seen = network(replace(SMALL, normalised="set")), []
    net.layers["stage2"].register_forward_hook(lambda _, __, out: seen.append(out))
    x = pictures(1, 96, 96)
    y = x.clone()
    y[..., 64:] += 3
    net(x), net(y)
    torch.testing.assert_close(seen[0][..., :4], seen[1][..., :4], rtol=0, atol=1e-6)
    assert not torch.allclose(seen[0][..., 8:], seen[1][..., 8:])


def test_a_picture_below_one_cell_is_refused():
    with pytest.raises(ImageError, match=r"picture of 7 x 40 pixels at the network's scale.*at least 8 x 8"):
        network()(pictures(1, 7, 40))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"channels": ()}, "multiples of 8, of 4 in the stem"),
        ({"channels": (12,)}, "multiples of 8"),
        ({"stem_channels": 6}, "multiples of 8, of 4"),
        ({"n_classes": -1}, "classes 0 or more"),
        ({"channels": (1024, 1032)}, "none of them more than 1024"),
        ({"stem_channels": 1028}, "none of them more than 1024"),
        ({"n_classes": 1025}, "none of them more than 1024"),
        ({"channels": (8, 0), "normalised": "set"}, "multiples of 1"),
        ({"normalised": "batch"}, "normalised is 'batch': choose one of picture, set"),
    ],
)
def test_an_architecture_that_can_not_be_is_refused(wrong, said):
    with pytest.raises(SettingsError, match=said):
        Architecture(**wrong)


def test_over_the_training_windows_any_number_of_channels_goes():
    assert Architecture((12,), 6, normalised="set").channels == (12,)


def test_contrast_of_a_whole_picture_stays_where_the_set_is_normalised_and_goes_where_each_picture_is():
    x = pictures(1)
    picture, of_set = network(), network(replace(SMALL, normalised="set"))
    torch.testing.assert_close(picture(2 * x), picture(x), rtol=0, atol=1e-3)
    assert not torch.allclose(of_set(2 * x), of_set(x), rtol=0, atol=1e-3)


def test_weights_come_back_as_they_were():
    net, x = network(mean=-3.3, sd=0.7), pictures()
    back = from_bytes(to_bytes(net), SMALL)
    assert not back.training
    assert torch.equal(back(x), net(x))


def test_rounded_weights_are_stored_in_half_the_bytes_and_nothing_is_lost():
    net, x = network(mean=-3.3, sd=0.7), pictures()
    coarse = rounded(net)
    assert len(to_bytes(coarse)) < 0.6 * len(to_bytes(net))
    back = from_bytes(to_bytes(coarse), SMALL)
    assert torch.equal(back(x), coarse(x))
    assert not torch.equal(coarse(x), net(x))
    torch.testing.assert_close(coarse(x), net(x), rtol=0, atol=5e-3)
    assert float(coarse.mean) == float(net.mean) == np.float32(-3.3)
    assert torch.equal(from_bytes(to_bytes(rounded(coarse)), SMALL)(x), coarse(x))


def test_bytes_are_the_same_each_time():
    assert to_bytes(network()) == to_bytes(network())


def test_reading_moves_no_random_numbers():
    torch.manual_seed(3)
    expected = torch.rand(1)
    data = to_bytes(network())
    torch.manual_seed(3)
    from_bytes(data, SMALL)
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (Architecture((8, 24), 4, n_classes=2), r"layers\.stage2\.\S+ is \(16, .*not \(24,"),
        (Architecture((8, 16, 16), 4, n_classes=2), r"layers\.stage3\.\S+ is missing"),
        (Architecture((8,), 4, n_classes=2), "not expected|is "),
        (Architecture((8, 16), 4, n_classes=3), r"head\.weight is \(3, 16\), not \(4, 16\)"),
    ],
)
def test_weights_of_another_architecture_are_refused(other, said):
    with pytest.raises(ArtefactError, match="weights of another architecture: .*(" + said + ")"):
        from_bytes(to_bytes(network()), other)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 3000))
def test_cut_bytes_are_refused(length):
    with pytest.raises(ArtefactError, match="damaged"):
        from_bytes(to_bytes(network())[:length], SMALL)


def test_bytes_of_something_else_are_refused():
    with pytest.raises(ArtefactError, match="damaged"):
        from_bytes(b"<html>not found</html>", SMALL)
    held = {name: value * np.nan for name, value in network().state_dict().items()}
    with pytest.raises(ArtefactError, match="not finite"):
        from_bytes(safetensors.torch.save({name: value.contiguous() for name, value in held.items()}), SMALL)
