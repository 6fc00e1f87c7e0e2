"""The state of a training as bytes: all of it comes back, also the scale that mixed precision has found."""

import pytest
import torch

from micro_features.errors import ArtefactError
from micro_features.learn.checkpoint import restore, state_to_bytes
from micro_features.learn.network import Architecture, Network

DIGEST = bytes(range(32))


def parts(seed, scale=8.0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = Network(Architecture((8,), 4))
    return net, torch.optim.AdamW(net.parameters(), lr=0.01), torch.amp.GradScaler("cpu", init_scale=scale)


def after_a_step(seed=0):
    net, optimiser, scaler = parts(seed)
    scaler.scale(net(torch.linspace(-1, 1, 512).reshape(2, 1, 16, 16)).square().sum()).backward()
    scaler.step(optimiser)
    scaler.update(4.0)
    return net, optimiser, scaler


def test_weights_moments_and_scale_come_back():
    net, optimiser, scaler = after_a_step()
    data = state_to_bytes(net, optimiser, scaler, 7, DIGEST)
    other, its_optimiser, its_scaler = parts(1)
    assert restore(data, other, its_optimiser, its_scaler, DIGEST) == 7
    for name, value in net.state_dict().items():
        assert torch.equal(other.state_dict()[name], value)
    state = its_optimiser.state_dict()["state"]
    assert len(state) == len(list(net.parameters()))
    for number, values in optimiser.state_dict()["state"].items():
        assert set(values) == {"step", "exp_avg", "exp_avg_sq"}
        for name, value in values.items():
            assert torch.equal(state[number][name], value)
    assert its_scaler.state_dict() == scaler.state_dict()
    assert its_scaler.get_scale() == 4.0


def test_a_state_of_another_training_is_refused_and_changes_nothing():
    data = state_to_bytes(*after_a_step(), 7, DIGEST)
    net, optimiser, scaler = parts(1)
    with pytest.raises(ArtefactError, match="of other pictures, classes, folds or settings"):
        restore(data, net, optimiser, scaler, DIGEST[::-1])
    assert all(
        torch.equal(first, second) for first, second in zip(net.parameters(), parts(1)[0].parameters(), strict=True)
    )
    assert not optimiser.state_dict()["state"]
