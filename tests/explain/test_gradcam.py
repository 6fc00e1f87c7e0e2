import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from micro_features.explain.enrichment import enrichment, phase_shares  # noqa: E402
from micro_features.explain.gradcam import clipped, enlarged, heat_map, resolved_layer  # noqa: E402
from micro_features.images.cells import Cells  # noqa: E402
from micro_features.images.resize import shrunk  # noqa: E402
from micro_features.learn.network import Architecture, Network  # noqa: E402


class Toy(nn.Module):
    """Two channels at half size, average over the picture, linear head in model units, as the real network ends."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(1, 2, 2, stride=2)
        self.head = nn.Linear(2, 2)
        self.register_buffer("mean", torch.tensor(-4.0))
        self.register_buffer("sd", torch.tensor(0.5))
        with torch.no_grad():
            self.layer.weight[:] = torch.tensor([[[[1.0, 0], [0, 0]]], [[[0, 0], [0, 1.0]]]])
            self.layer.bias[:] = torch.tensor([0.0, 1.0])
            self.head.weight[:] = torch.tensor([[2.0, -3.0], [1.0, 1.0]])
            self.head.bias[:] = torch.tensor([0.25, 0.0])

    def forward(self, x):
        told = self.head(self.layer(x).mean((2, 3)))
        return torch.cat([self.mean + self.sd * told[:, :1], told[:, 1:]], dim=1)


# One cell of 2 x 2 pixels beside another: channel 0 reads their first pixel, channel 1 their last one, plus 1.
PICTURE = np.array([[4.0, 0, -2, 0], [0, 1, 0, 3]], np.float32)
A0, A1 = np.array([[4.0, -2]]), np.array([[2.0, 4]])


@pytest.mark.parametrize("method", ["gradcam", "hirescam"])
def test_map_by_hand(method):
    network = Toy()
    # d output / d A = 0.5 * weight / 2 cells
    expected = 0.5 * (2 * A0 - 3 * A1) / 2
    found = heat_map(network, network.layer, PICTURE, method=method)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected)
    # The map sums to what the activations add: the output less mean + sd * bias.
    output = float(network(torch.tensor(PICTURE)[None, None])[0, 0].detach())
    assert found.sum() == pytest.approx(output - (-4 + 0.5 * 0.25))
    np.testing.assert_allclose(heat_map(network, network.layer, PICTURE, target=1, method=method), (A0 + A1) / 2)


class Product(nn.Module):
    """The output is channel 0 of the first cell times channel 1 of the last."""

    def __init__(self):
        super().__init__()
        self.layer = Toy().layer

    def forward(self, x):
        a = self.layer(x)
        return (a[:, 0, :1, 0] * a[:, 1, :1, 1])[:, :1]


def test_the_two_methods_where_places_differ():
    network = Product()
    # Gradients: 4 at the first cell of channel 0 (A1 of the last), 4 at the last cell of channel 1 (A0 of the first).
    np.testing.assert_allclose(heat_map(network, network.layer, PICTURE, method="hirescam"), [[4 * 4, 4 * 4]])
    np.testing.assert_allclose(heat_map(network, network.layer, PICTURE), 2 * A0 + 2 * A1)


def deep(seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.AvgPool2d(2),
            nn.Conv2d(4, 3, 3, padding=1),
            nn.BatchNorm2d(3),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(3, 2),
        )


def test_every_layer_agrees_with_numerical_derivatives():
    network = deep().double()
    network.eval()
    x = torch.tensor(np.random.default_rng(0).normal(size=(6, 8)))
    for at in (0, 2, 3, 5):
        with torch.no_grad():
            activation = network[: at + 1](x[None, None])
            gradient = torch.zeros_like(activation)
            # What is written over in place is put in anew for each.
            for place in np.ndindex(*activation.shape):
                step = torch.zeros_like(activation)
                step[place] = 1e-5
                up, down = (network[at + 1 :]((activation + s).clone())[0, 1] for s in (step, -step))
                gradient[place] = (up - down) / 2e-5
        found = heat_map(network, network[at], x, target=1, method="hirescam")
        np.testing.assert_allclose(found, (gradient * activation).sum(1)[0], atol=1e-6)


def test_the_network_is_left_as_it_was():
    network = deep()
    network.train()
    network[4].eval()
    for part in (0, 9):
        network[part].requires_grad_(False)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    modes = [part.training for part in network.modules()]
    x = np.random.default_rng(1).normal(size=(8, 8))
    with torch.no_grad():
        found = heat_map(network, network[5], x)
        np.testing.assert_array_equal(heat_map(network, network[5], x), found)  # no dropout
    assert [part.training for part in network.modules()] == modes
    assert all(p.grad is None for p in network.parameters())
    assert not any(part._forward_hooks for part in network.modules())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert [p.requires_grad for p in network.parameters()] == [False, False, True, True, True, True, False, False]


class Failing(Toy):
    def forward(self, x):
        super().forward(x)
        raise RuntimeError("out of memory")


def test_hooks_are_gone_when_the_network_fails():
    network = Failing()
    with pytest.raises(RuntimeError, match="out of memory"):
        heat_map(network, network.layer, PICTURE)
    assert not network.layer._forward_hooks
    assert network.training
    assert network.layer.training


class Twice(Toy):
    def forward(self, x):
        return super().forward(x) + super().forward(x)


@pytest.mark.parametrize(
    ("network", "layer", "change", "said"),
    [
        (Toy(), Toy().layer, {}, "no part of the network"),
        (Twice(), "layer", {}, "ran 2 times"),
        (Toy(), "head", {}, r"shape \(1, 2\), not \(1, channels"),
        (Toy(), "layer", {"target": 2}, "target is 2, the network's outputs are 0 to 1"),
        (Toy(), "layer", {"target": -1}, "target is -1"),
        (Toy(), "layer", {"method": "layercam"}, "'layercam', not one of gradcam, hirescam"),
        (Toy(), "layer", {"x": PICTURE[None]}, r"shape \(1, 2, 4\), not"),
    ],
)
def test_what_has_no_map_is_refused(network, layer, change, said):
    layer = getattr(network, layer) if isinstance(layer, str) else layer
    with pytest.raises(ValueError, match=said):
        heat_map(network, layer, **({"x": PICTURE} | change))


def test_the_halves_of_a_map():
    values = np.array([[1.0, -2.0, 0.0]])
    np.testing.assert_array_equal(clipped(values, 1), [[1, 0, 0]])
    np.testing.assert_array_equal(clipped(values, -1), [[0, 2, 0]])
    np.testing.assert_array_equal(clipped(values, 1) - clipped(values, -1), values)
    with pytest.raises(ValueError, match="sign is 0"):
        clipped(values, 0)


def test_enlarging_by_hand():
    found = enlarged(np.array([[0.0, 4.0]]), (3, 8), Cells(4))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[0, 0, 0.5, 1.5, 2.5, 3.5, 4, 4]] * 3)
    # Centres of cells that begin a pixel before the picture lie a pixel earlier.
    found = enlarged(np.array([[0.0, 4.0]]), (3, 8), Cells(4, -1))
    np.testing.assert_allclose(found, [[0, 0.5, 1.5, 2.5, 3.5, 4, 4, 4]] * 3)
    np.testing.assert_allclose(enlarged(np.array([[2.0], [2.0]]), (5, 5), Cells(2)), np.full((5, 5), 2))


@pytest.mark.parametrize("size", [(64, 96), (61, 90), (71, 103)])
def test_a_cell_lies_over_its_pixels(size):
    # Cell i is pixels 8 i to 8 i + 7, also where the picture is no multiple of cells: a plane stays in its place.
    rows, cols = (-(-n // 8) for n in size)
    row, col = np.mgrid[:rows, :cols] * 8 + 3.5
    large = enlarged(row + 100 * col, size, Cells(8))
    y, x = np.mgrid[4 : size[0] - 9, 4 : size[1] - 9]
    np.testing.assert_allclose(large[4:-9, 4:-9], y + 100 * x, rtol=1e-5)


def test_a_bright_spot_is_found_where_it_is():
    network = nn.Sequential(nn.AvgPool2d(8), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    x = np.zeros((80, 96), np.float32)
    x[36:44, 68:76] = 1  # its middle on the corner of four cells
    large = enlarged(heat_map(network, network[0], x), x.shape, Cells(8))
    y, z = np.mgrid[: x.shape[0], : x.shape[1]]
    assert (large * y).sum() / large.sum() == pytest.approx(39.5, abs=0.01)
    assert (large * z).sum() / large.sum() == pytest.approx(71.5, abs=0.01)


def sees_pores(*line):
    """A network whose first layer is a given filter, and whose rest is random."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Network(Architecture((8,), 4)).eval()
    weights = torch.tensor(line)
    with torch.no_grad():
        network.layers["stem"][0].weight[:] = weights[:, None] * weights
    network.layers["stem"][1] = nn.Identity()
    return network


def leans_of(network, masks):
    """Of the map of the first layer, scaled to a sum of 1, on a picture where pores are bright."""
    cells = Cells(network.strides["stem"], network.cell_origin).scaled(2)
    x, _ = shrunk(masks["pore"].astype(np.float32), np.ones(masks["pore"].shape, bool), 2)
    heat = heat_map(network, network.layers["stem"], x)
    return enrichment(heat / heat.sum(), phase_shares(masks, cells, heat.shape))


def test_a_map_that_is_a_phase_leans_on_that_phase_alone():
    # Every cell of 4 px is of one phase, the first ones cut by one pixel, and the filter reads its middle.
    phase = np.kron(np.random.default_rng(0).integers(3, size=(20, 24)), np.ones((4, 4)))[1:, 1:]
    masks = {name: phase == k for k, name in enumerate(("pore", "boundary", "interior"))}
    masks = {name: np.pad(mask, ((0, 1), (0, 1)), "edge") for name, mask in masks.items()}
    table = leans_of(sees_pores(0.0, 0, 1, 0, 0), masks)
    assert table.loc["boundary", "lean"] == pytest.approx(0, abs=1e-6)
    # All heat, less the part of it that pores would have if they and interiors were alike.
    pore, _, interior = table["area"]
    assert table.loc["pore", "lean"] == pytest.approx(1 - pore / (pore + interior), abs=1e-6)


def test_heat_of_pores_spills_over_both_their_sides_alike():
    # Pores of 6 px at every place on the grid of cells, with 3 px beside them that are phases of their own.
    begin = np.arange(11, 200, 25)
    masks = {
        name: np.broadcast_to(np.isin(np.arange(220), (begin[:, None] + np.arange(*ends)).ravel()), (40, 220))
        for name, ends in {"left": (-3, 0), "pore": (0, 6), "right": (6, 9)}.items()
    }
    masks["interior"] = ~np.any([*masks.values()], axis=0)
    table = leans_of(sees_pores(0.0, 1, 2, 1, 0), masks)
    assert table.loc["left", "area"] == pytest.approx(table.loc["right", "area"])
    assert table.loc["left", "lean"] == pytest.approx(table.loc["right", "lean"], abs=1e-6)
    assert table.loc["pore", "lean"] > 3 * table.loc["left", "lean"] > 0


def test_deepest_layer_that_resolves():
    strides = {"stem": 2, "stage1": 4, "stage2": 8, "stage3": 16}
    assert resolved_layer(strides, 2, 32) == "stage2"
    assert resolved_layer(strides, 2, 31.9) == "stage1"
    assert resolved_layer(strides, 1, 1000) == "stage3"
    assert resolved_layer(strides, 2, 7.9) is None
    assert resolved_layer(strides, 2, float("nan")) is None
