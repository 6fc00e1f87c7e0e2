"""Networks with random weights, wholly or in some layers: what maps look like that owe nothing to training.

A network that is normalised over the training windows stands in a state that its training left: means and spreads of
every layer over those windows. Random weights beside means of 0 and spreads of 1 are another kind of network, not one
that learned nothing. So random networks are standardised over windows of the same pictures before they are asked.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from micro_features.explain import sanity
from micro_features.learn.network import Network

N_UNTRAINED = 9
RANDOM_NETWORKS = 3
"""That layers are randomised in, for the mean."""
Norms = tuple[dict[str, np.ndarray], ...]
"""Means and spreads that each of `RandomNetworks` is standardised by, in their order."""


@dataclass(frozen=True, eq=False)
class RandomNetworks:
    """Beside the trained networks of a picture.

    Attributes
    ----------
    untrained : list of N_UNTRAINED Network
    cascade : dict of str to list of lists of Network
        By the last layer that was randomised, from the head down: `RANDOM_NETWORKS` times as many as are trained.
    """

    untrained: list[Network]
    cascade: dict[str, list[list[Network]]]

    def __iter__(self) -> Iterator[Network]:
        yield from self.untrained
        for several in self.cascade.values():
            for each in several:
                yield from each


def random_networks(trained: Sequence[Network], norms: Norms = ()) -> RandomNetworks:
    """The same for the same trained networks.

    Parameters
    ----------
    trained : sequence of Network
    norms : tuple of dict
        Of `norms.with_norms`; none for networks that are normalised in each picture.

    Returns
    -------
    RandomNetworks
    """
    first = trained[0]
    found = RandomNetworks(
        [untrained(first, number) for number in range(N_UNTRAINED)],
        {
            layers[-1]: [[randomised(each, layers, number) for each in trained] for number in range(RANDOM_NETWORKS)]
            for layers in sanity.cascade([*first.strides, "head"])
        },
    )
    if norms:
        for network, state in zip(found, norms, strict=True):
            network.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()}, strict=False)
    return found


def untrained(like: Network, number: int) -> Network:
    """A network with random weights, of the architecture of another, that answers on its scale."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(number)
        return Network(like.architecture, mean=float(like.mean), sd=float(like.sd)).eval()


def randomised(network: Network, layers: Sequence[str], number: int) -> Network:
    """A copy of a network, some of its layers as before any training.

    Parameters
    ----------
    network : Network
    layers : sequence of str
        Of `Network.layers`, or ``head``.
    number : int
        Of the random weights.
    """
    drawn = untrained(network, number)
    chosen = tuple("head." if layer == "head" else f"layers.{layer}." for layer in layers)
    weights = network.state_dict() | {
        name: value for name, value in drawn.state_dict().items() if name.startswith(chosen)
    }
    drawn.load_state_dict(weights)
    return drawn
