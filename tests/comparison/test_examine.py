"""What is said of one picture is what its parts say, by the networks that did not see it."""

import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import rankdata

from micro_features.comparison.examine import PHASES, examine
from micro_features.comparison.random_networks import randomised, untrained
from micro_features.explain import enrichment
from micro_features.explain.gradcam import METHODS, heat_map
from micro_features.images.cells import Cells
from micro_features.learn.cnn import predict_whole
from micro_features.network import cnn_model
from micro_features.network.pictures import network_picture, pixels_sha256, read_micrograph


@pytest.fixture(scope="module")
def networks(made, jobs):
    """Those that did not see p0, as the model on disk tells by its pixels."""
    model = cnn_model.load(str(made / "cnn" / "model"))
    image = read_micrograph(jobs[0].path, pixel_um=0.125).image
    return [kept.network for kept in model.unseeing(pixels_sha256(image))]


@pytest.fixture(scope="module")
def seen(jobs):
    return network_picture(read_micrograph(jobs[0].path, pixel_um=0.125), jobs[0].geometry)


@pytest.fixture(scope="module")
def examined(explained):
    """p0; it was altered, too."""
    return explained.pictures[0]


def test_maps_and_predictions_are_of_the_networks_that_did_not_see_it(examined, networks, seen, made):
    assert examined.name == "p0"
    np.testing.assert_array_equal(examined.predicted, [predict_whole(network, seen.x)[0] for network in networks])
    of_others = [kept.network for kept in cnn_model.load(str(made / "cnn" / "model")).networks]
    of_others = [predict_whole(network, seen.x)[0] for network in of_others]
    assert len(set(of_others) - set(examined.predicted.tolist())) == 2
    assert list(examined.heats) == [(layer, method) for layer in networks[0].strides for method in METHODS]
    for layer in networks[0].strides:
        maps = [heat_map(network, network.layers[layer], seen.x, method="gradcam") for network in networks]
        np.testing.assert_array_equal(examined.heats[layer, "gradcam"].values, np.mean(maps, axis=0))
        assert examined.heats[layer, "gradcam"].cells == Cells(2 * networks[0].strides[layer], -1)
        ranks = [rankdata(each).ravel() for each in maps]  # of two seeds
        assert examined.seeds_alike[layer] == pytest.approx(np.corrcoef(ranks)[0, 1])


def test_leans_are_those_of_the_map_on_the_masks(examined):
    assert sum(mask.astype(int) for mask in examined.masks.values()).min() == 1  # disjoint, and cover the picture
    assert examined.masks["pore"].mean() == pytest.approx(examined.porosity, rel=0.05)
    for heat in examined.heats.values():
        shares = enrichment.phase_shares(examined.masks, heat.cells, heat.values.shape)
        again = enrichment.enrichment(heat.values, shares)
        np.testing.assert_array_equal(heat.table.to_numpy(), again.to_numpy())
        assert tuple(heat.table.index) == PHASES
        # By hand: the heat in the pores, less their share of that in pores and interiors.
        pore, whole = shares["pore"], shares["pore"] + shares["interior"]
        lean = (heat.values * pore).sum() - pore.sum() / whole.sum() * (heat.values * whole).sum()
        assert heat.table.loc["pore", "lean"] == pytest.approx(lean, rel=1e-4, abs=1e-9)
        assert np.isnan(heat.table.loc["interior", "lean"])  # it is the control
        assert heat.null.shape == (20, 3, 5)


def test_randomised_layers_are_those_that_are_named(networks):
    before = {name: value.clone() for name, value in networks[0].state_dict().items()}
    changed = randomised(networks[0], ["head", "stage3"], 0).state_dict()
    for name, value in before.items():
        weights = value.dim() > 1
        named = name.startswith(("head.", "layers.stage3."))
        if not named:
            assert torch.equal(changed[name], value), name
        elif weights:
            assert not torch.equal(changed[name], value), name
        assert torch.equal(networks[0].state_dict()[name], value), name  # the network itself stays as it was
    again, other = (randomised(networks[0], ["head"], number).state_dict()["head.weight"] for number in (0, 1))
    assert torch.equal(changed["head.weight"], again)
    assert not torch.equal(again, other)


def test_drawing_random_weights_leaves_the_course_of_chance_alone(networks):
    torch.manual_seed(0)
    first = torch.rand(1)
    torch.manual_seed(0)
    drawn = untrained(networks[0], 5)
    assert torch.equal(torch.rand(1), first)
    assert (float(drawn.mean), float(drawn.sd)) == (float(networks[0].mean), float(networks[0].sd))
    assert not drawn.training


def test_the_cascade_ends_in_networks_that_learned_nothing(examined, networks, jobs, seen):
    assert list(examined.cascade) == ["head", "stage3", "stage2", "stage1", "stem"]
    layer = jobs[0].layer
    for number, found in enumerate(examined.cascade["stem"]):
        drawn = [untrained(each, number) for each in networks]
        own = np.mean([heat_map(each, each.layers[layer], seen.x, method="gradcam") for each in drawn], axis=0)
        np.testing.assert_allclose(found, own, rtol=1e-5)
    shares = enrichment.phase_shares(examined.masks, examined.heats[layer, "gradcam"].cells, own.shape)
    for number, leans in enumerate(examined.untrained):
        bare = untrained(networks[0], number)
        heat = heat_map(bare, bare.layers[layer], seen.x, method="gradcam")
        np.testing.assert_allclose(leans, enrichment.enrichment(heat, shares)["lean"], rtol=1e-5)


def test_windows_lie_side_by_side_and_keep_the_segmentation(examined, networks, seen):
    # 56 x 60 network pixels, windows of 28: two rows of two; the ones flush with the right edge overlap others.
    assert len(examined.windows) == 4
    for told, (row, col) in zip(examined.windows.to_dict("records"), [(0, 0), (0, 28), (28, 0), (28, 28)], strict=True):
        window = seen.x[row : row + 28, col : col + 28]
        assert told["predicted"] == pytest.approx(np.mean([predict_whole(each, window)[0] for each in networks]), 1e-5)
        pores = examined.masks["pore"][2 * row : 2 * row + 56, 2 * col : 2 * col + 56]
        assert told["porosity"] == pytest.approx(pores.mean(), abs=1e-6)


def test_filled_pores_are_no_longer_measured(examined, networks, seen):
    assert not examined.resolved
    assert list(examined.alterations) == ["pores filled"]  # there are no boundaries to erase
    taken, control = examined.alterations["pores filled"].features
    assert examined.features["porosity"] > 0.01
    # Not all: a corner of a picture is segmented less well than a whole one.
    assert taken["porosity"] < 0.6 * examined.features["porosity"]
    assert control["porosity"] > 0.8 * examined.features["porosity"]
    assert examined.alterations["pores filled"].network.shape == (2,)
    assert not np.isclose(examined.alterations["pores filled"].network, examined.predicted.mean(), rtol=1e-7).any()
    # All deleted, what is left is the blurred picture: the same for the map and for the moved ones.
    assert examined.deletion.deletion[0] == pytest.approx(examined.predicted.mean(), 1e-6)
    assert -1 <= examined.superpixel_agreement <= 1


def test_pictures_that_are_not_asked_for_are_not_altered(explained):
    for each in explained.pictures[1:]:
        assert each.alterations == {}
        assert each.deletion is None
        assert np.isnan(each.superpixel_agreement)


def test_what_is_wrong_with_a_picture_comes_back_in_words(jobs, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    told = examine(dataclasses.replace(jobs[0], path=tmp_path / "broken.png"))
    assert isinstance(told, str)
    assert "broken.png" in told
    assert "\n" not in told


def test_another_picture_of_that_name_is_not_looked_at(jobs):
    """The networks that did not see the one may have seen the other."""
    told = examine(dataclasses.replace(jobs[0], path=jobs[2].path))
    assert told == (
        f"{jobs[2].path}: is not the picture that the networks were trained on; say where those lie (--pictures)."
    )


def test_a_picture_that_was_saved_anew_is_the_same(jobs, explained, tmp_path):
    with Image.open(jobs[1].path) as picture:
        picture.save(tmp_path / "p1.tif", compression="tiff_deflate")
    told = examine(dataclasses.replace(jobs[1], path=tmp_path / "p1.tif"))
    np.testing.assert_array_equal(told.predicted, explained.pictures[1].predicted)


def test_a_picture_is_asked_by_its_own_chance_alone(explained, jobs):
    """The same again, whatever was asked before."""
    before = explained.pictures[3]
    after = examine(jobs[3])
    np.testing.assert_array_equal(before.untrained, after.untrained)
    for key, heat in before.heats.items():
        np.testing.assert_array_equal(heat.null, after.heats[key].null)


def test_a_picture_too_large_for_the_memory_is_said_and_others_go_on(jobs, monkeypatch):
    def short(*_, **__):
        raise MemoryError("Unable to allocate 2.3 GiB")

    monkeypatch.setattr("micro_features.comparison.examine.heat_map", short)
    assert "p0.png: memory does not suffice; ask fewer pictures at a time (--jobs)" in examine(jobs[0])

    def wrong(*_, **__):
        raise RuntimeError("another error")

    monkeypatch.setattr("micro_features.comparison.examine.heat_map", wrong)
    with pytest.raises(RuntimeError, match="another error"):
        examine(jobs[0])
