"""The processor that networks are computed on, and what to do when its memory runs out."""

from collections.abc import Callable

import torch

from micro_features.errors import ArtefactError, SettingsError

DEVICES = ("auto", "cpu", "cuda", "mps")


def device_named(name: str) -> torch.device:
    """The processor to compute on.

    Parameters
    ----------
    name : {"auto", "cpu", "cuda", "mps"}
        ``auto`` takes a graphics card where there is one.

    Returns
    -------
    torch.device

    Raises
    ------
    SettingsError
        The name is unknown, or what it names is not there.
    """
    if name not in DEVICES:
        raise SettingsError(f"device {name!r} is unknown: choose one of {', '.join(DEVICES)}")
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, found in there.items() if found))
    if not there[name]:
        raise SettingsError(f"device {name!r} was asked for, but torch finds none: choose 'auto' or 'cpu'")
    return torch.device(name)


def out_of_memory(error: Exception) -> bool:
    """Whether an error says that memory ran out; on the CPU and on Apple's processors no class of its own tells."""
    signs = ("out of memory", "can't allocate memory", "ALLOC_FAILED")
    return isinstance(error, MemoryError) or any(sign in str(error) for sign in signs)


def in_parts(work: Callable[[int], torch.Tensor], part: int, what: str, *, least: int = 1) -> tuple[torch.Tensor, int]:
    """Do work with so many pictures at a time, with half as many, and half of that, where memory runs out.

    Parameters
    ----------
    work : callable
        Takes the number of pictures at a time; begins anew each time it is called.
    part : int
        To begin with, at least `least`.
    what : str
        One picture, as the error is to name it.
    least : int
        Pictures that must be computed at a time.

    Returns
    -------
    Tensor
        What `work` gave.
    int
        Number at a time that memory sufficed for.

    Raises
    ------
    ArtefactError
        Memory does not suffice for the least number of pictures.
    """
    while True:
        try:
            return work(part), part
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
        # Here, not above: while the error is handled, it holds what was computed.
        if part <= least:
            raise ArtefactError(f"memory does not suffice for {what}: choose smaller pictures or windows, or the CPU")
        part = max((part + 1) // 2, least)
        torch.cuda.empty_cache()  # does nothing where there is no CUDA
