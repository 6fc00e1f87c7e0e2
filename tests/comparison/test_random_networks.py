"""Networks with random weights are in the state of trained ones, wherever that state is a choice."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from micro_features.comparison import random_networks
from micro_features.comparison.norms import with_norms
from micro_features.comparison.random_networks import untrained
from micro_features.learn.network import Architecture, Network, from_bytes, to_bytes
from micro_features.network.pictures import network_picture, read_micrograph

OF_SET = Architecture((8, 8, 8), 4, normalised="set")


@pytest.fixture
def told():
    return []


@pytest.fixture
def jobs_of_set(jobs):
    """The same pictures, asked of networks that are standardised over windows."""
    weights = [to_bytes(untrained(Network(OF_SET), number)) for number in (5, 6)]
    return [replace(job, architecture=OF_SET, weights=(weights[place % 2],)) for place, job in enumerate(jobs)]


def pooled(network, jobs):
    """What the last layer is given for windows of all pictures, (n, channels)."""
    given = []
    hook = network.head[0].register_forward_hook(lambda _, __, output: given.append(output))
    with torch.no_grad():
        for job in jobs:
            x = network_picture(read_micrograph(job.path, job.page, pixel_um=job.pixel_um), job.geometry).x
            network(torch.from_numpy(x[None, None]))
    hook.remove()
    return torch.cat(given).numpy()


def test_random_networks_are_standardised_over_the_pictures(jobs_of_set, told):
    with_them = with_norms(jobs_of_set, n_workers=1, tell=told.append)
    assert told == ["standardising networks with random weights"]
    assert [job.name for job in with_them] == [job.name for job in jobs_of_set]
    # The same for all pictures of the same networks.
    assert with_them[0].norms is with_them[2].norms
    trained = [from_bytes(weights, OF_SET) for weights in with_them[0].weights]
    as_drawn, settled = (random_networks.random_networks(trained, norms) for norms in ((), with_them[0].norms))
    for before, after in zip(as_drawn, settled, strict=True):
        for name, value in before.named_parameters():
            assert torch.equal(value, dict(after.named_parameters())[name]), name
        told_before, told_after = (pooled(network, jobs_of_set) for network in (before, after))
        assert np.abs(told_after.mean(axis=0)).max() < 2
        assert told_before.std(axis=0).max() < 0.2  # hardly differs between pictures
        assert 0.05 < np.median(told_after.std(axis=0)) < 3


def test_networks_normalised_in_each_picture_need_nothing(jobs, told):
    assert with_norms(jobs, n_workers=1, tell=told.append) == jobs
    assert told == []


def test_pictures_that_can_not_be_read_are_not_waited_for(jobs_of_set, told, tmp_path):
    gone = [replace(jobs_of_set[0], path=tmp_path / "gone.png"), *jobs_of_set[1:]]
    assert all(job.norms for job in with_norms(gone, n_workers=1, tell=told.append))
    none = [replace(job, path=tmp_path / "gone.png") for job in jobs_of_set]
    assert not any(job.norms for job in with_norms(none, n_workers=1, tell=told.append))
