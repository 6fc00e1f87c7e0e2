"""A training that was interrupted, as bytes: what is needed to go on as if nothing had happened.

Random numbers are not among it: each epoch draws its own from the seed and its number.
"""

from collections.abc import Callable
from typing import NamedTuple

import safetensors.torch
import torch
from safetensors import SafetensorError

from micro_features.errors import ArtefactError
from micro_features.learn.network import Network


class Checkpoint(NamedTuple):
    """Where the state of a training is kept.

    Attributes
    ----------
    load : callable
        Gives the bytes that were last saved, None where there are none.
    save : callable
        Takes bytes, in place of those before.
    """

    load: Callable[[], bytes | None]
    save: Callable[[bytes], None]


def state_to_bytes(
    network: Network, optimiser: torch.optim.Optimizer, scaler: torch.amp.GradScaler, epochs: int, digest: bytes
) -> bytes:
    """Everything that a training changes, as a safetensors file.

    Parameters
    ----------
    network : Network
    optimiser : Optimizer
        Of the network's parameters, in their order.
    scaler : GradScaler
    epochs : int
        That were completed.
    digest : bytes
        Of what is trained, on what and how.

    Returns
    -------
    bytes
    """
    state = {f"network.{name}": value for name, value in network.state_dict().items()}
    for number, values in optimiser.state_dict()["state"].items():
        state |= {f"optimiser.{number}.{name}": value for name, value in values.items()}
    state |= {f"scaler.{name}": torch.tensor(value) for name, value in scaler.state_dict().items()}
    state["epochs"] = torch.tensor(epochs)
    state["digest"] = torch.tensor(list(digest), dtype=torch.uint8)
    return safetensors.torch.save({name: value.detach().cpu().contiguous() for name, value in state.items()})


def restore(
    data: bytes, network: Network, optimiser: torch.optim.Optimizer, scaler: torch.amp.GradScaler, digest: bytes
) -> int:
    """Bring a training to where `state_to_bytes` left it.

    Parameters
    ----------
    data : bytes
    network, optimiser, scaler
        As they were before the first epoch; changed in place.
    digest : bytes
        Of what is to be trained.

    Returns
    -------
    int
        Number of epochs that were completed.

    Raises
    ------
    ArtefactError
        The bytes are damaged, or of a training of something else.
    """
    try:
        state = safetensors.torch.load(data)
        found, epochs = bytes(state.pop("digest").tolist()), int(state.pop("epochs"))
    except (SafetensorError, ValueError, KeyError) as error:
        raise ArtefactError(f"checkpoint of the training is damaged ({error}): remove it to train anew") from error
    if found != digest:
        raise ArtefactError(
            "checkpoint of the training is of other pictures, classes, folds or settings: give the same again to go "
            "on, or remove it to train anew"
        )
    network.load_state_dict(_below(state, "network"))
    kept = optimiser.state_dict()
    kept["state"] = {}
    for name, value in _below(state, "optimiser").items():
        number, what = name.split(".")
        kept["state"].setdefault(int(number), {})[what] = value
    optimiser.load_state_dict(kept)
    scale = {name: value.item() for name, value in _below(state, "scaler").items()}
    if scale and scaler.is_enabled():
        scaler.load_state_dict(scale)
    return epochs


def _below(state: dict[str, torch.Tensor], part: str) -> dict[str, torch.Tensor]:
    return {name.partition(".")[2]: value for name, value in state.items() if name.startswith(part + ".")}
