"""ResNet18: its size and names are those of the published network, and weights come from plain numbers only."""

import io
import pickle

import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st

from micro_features.errors import ArtefactError
from micro_features.learn import resnet
from micro_features.learn.classifier import resnet18_classifier


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def body():
    """With statistics of its own, as a trained network has."""
    generator = torch.Generator().manual_seed(7)
    network = resnet18_classifier(2, seed=5).body
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.normal_(generator=generator).mul_(0.1)
            layer.running_var.uniform_(0.5, 2, generator=generator)
    return network.eval()


@pytest.fixture(scope="module")
def stored(body):
    """As ImageNet weights are stored: with the layer of 1000 classes."""
    own = {name: value.contiguous() for name, value in body.state_dict().items()}
    return own | {"fc.weight": torch.ones(1000, 512), "fc.bias": torch.zeros(1000)}


def test_it_is_as_large_as_the_published_network():
    assert sum(value.numel() for value in resnet18_classifier(1000).parameters()) == 11_689_512


def test_names_and_shapes_are_those_that_weights_are_stored_by(body):
    shapes = {name: tuple(value.shape) for name, value in body.state_dict().items()}
    assert len(shapes) == 122 - 2  # of the file, 2 are of the layer of the 1000 classes
    for name, shape in {
        "conv1.weight": (64, 3, 7, 7),
        "bn1.running_var": (64,),
        "bn1.num_batches_tracked": (),
        "layer1.0.conv1.weight": (64, 64, 3, 3),
        "layer2.0.conv1.weight": (128, 64, 3, 3),
        "layer2.0.downsample.0.weight": (128, 64, 1, 1),
        "layer2.0.downsample.1.running_mean": (128,),
        "layer3.1.bn2.weight": (256,),
        "layer4.0.downsample.0.weight": (512, 256, 1, 1),
        "layer4.1.conv2.weight": (512, 512, 3, 3),
    }.items():
        assert shapes[name] == shape
    assert not any(name.startswith("layer1") and "downsample" in name for name in shapes)


@pytest.mark.parametrize(("pixels", "cells"), [(340, 11), (64, 2), (65, 3), (32, 1)])
def test_a_window_gives_cells_of_32_pixels(body, pixels, cells):
    with torch.no_grad():
        found = body(torch.randn(1, 3, pixels, pixels))
    assert found.shape == (1, 512, cells, cells)
    assert found.min() >= 0 < found.max()


def test_cells_are_centred_where_it_says():
    """Of the pixels that a cell is made from, weighted by how much, the middle is the middle of the cell."""
    network = resnet.ResNet18().eval()
    for layer in network.modules():
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.constant_(layer.weight, 1 / layer.weight[0].numel())
    rows, cols = torch.meshgrid(torch.arange(512.0), torch.arange(512.0), indexing="ij")
    x = (1 + 1e-4 * (cols + rows)).expand(1, 3, -1, -1).clone().requires_grad_()  # rising: maxima are known
    network(x)[0, 0, 8, 7].backward()
    weight = x.grad[0, 0] / x.grad[0, 0].sum()
    found = float((weight * cols).sum()) + 0.5, float((weight * rows).sum()) + 0.5
    # Of three neighbours the last is the largest: 2 pixels on.
    stated = [resnet.CELL_ORIGIN + (number + 0.5) * resnet.STRIDE + 2 for number in (7, 8)]
    assert found == pytest.approx(stated, abs=0.1)


@pytest.mark.parametrize("counted", [True, False])
def test_loaded_weights_give_the_output_of_the_network_that_they_came_from(body, stored, counted):
    file = {name: value for name, value in stored.items() if counted or not name.endswith("num_batches_tracked")}
    classifier = resnet18_classifier(3, safetensors.torch.save(file)).eval()
    x = torch.randn(1, 1, 96, 96)
    with torch.no_grad():
        torch.testing.assert_close(classifier.activations(x), body(torch.cat([x] * 3, 1)), rtol=0, atol=0)
        assert classifier(x).shape == (1, 3)
    fresh = resnet18_classifier(3)
    assert torch.equal(classifier.head.weight, fresh.head.weight)


def test_half_precision_is_read(stored):
    half = {name: value.half() if value.is_floating_point() else value for name, value in stored.items()}
    found = resnet.imagenet_weights(safetensors.torch.save(half))
    assert found["conv1.weight"].dtype == torch.float32
    torch.testing.assert_close(found["conv1.weight"], stored["conv1.weight"], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_is_refused_unread(zipped):
    file = io.BytesIO()
    torch.save({"conv1.weight": torch.zeros(3)}, file, _use_new_zipfile_serialization=zipped)
    with pytest.raises(ArtefactError, match=r"read as safetensors only, since a \.pth file can run code: convert it"):
        resnet.imagenet_weights(file.getvalue())


def test_a_pickle_runs_no_code():
    class Wicked:
        def __reduce__(self):
            return exec, ("ran.append(1)",)

    with pytest.raises(ArtefactError, match="safetensors only"):
        resnet.imagenet_weights(pickle.dumps(Wicked()))


def test_a_file_that_begins_like_a_pickle_may_be_safetensors():
    """Its first byte is the length of its head; here 128, which is also how a pickle begins."""
    for length in range(40, 140):
        data = safetensors.torch.save({"x" * length: torch.zeros(1)})
        if data.startswith(b"\x80"):
            break
    assert data.startswith(b"\x80")
    with pytest.raises(ArtefactError, match=r"conv1\.weight is missing"):
        resnet.imagenet_weights(data)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"layer3.0.bn1.weight": None}, r"layer3\.0\.bn1\.weight is missing, not \(256,\)"),
        ({"conv1.weight": torch.zeros(64, 1, 7, 7)}, r"conv1\.weight is \(64, 1, 7, 7\), not \(64, 3, 7, 7\)"),
        ({"layer1.0.conv3.weight": torch.zeros(64, 64, 1, 1)}, r"it has no layer1\.0\.conv3\.weight"),
        ({"bn1.running_var": torch.full((64,), torch.nan)}, r"not finite \(bn1\.running_var\)"),
    ],
)
def test_weights_of_something_else_are_refused_by_the_first_name(stored, changed, said):
    file = {name: value for name, value in (stored | changed).items() if value is not None}
    with pytest.raises(ArtefactError, match=said):
        resnet.imagenet_weights(safetensors.torch.save(file))


@given(st.binary(max_size=200))
def test_any_other_bytes_are_refused(data):
    with pytest.raises(ArtefactError):
        resnet.imagenet_weights(data)
