"""The processor: named, there or not; and memory that runs out."""

import pytest
import torch

from micro_features.errors import ArtefactError, SettingsError
from micro_features.learn.device import device_named, in_parts


def there(monkeypatch, *, cuda=False, mps=False):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(
    ("cards", "kind"),
    [({}, "cpu"), ({"mps": True}, "mps"), ({"cuda": True}, "cuda"), ({"cuda": True, "mps": True}, "cuda")],
)
def test_a_card_is_taken_where_there_is_one(monkeypatch, cards, kind):
    there(monkeypatch, **cards)
    assert device_named("auto").type == kind
    assert device_named("cpu").type == "cpu"


@pytest.mark.parametrize("name", ["cuda", "mps"])
def test_a_card_that_is_not_there_is_said(monkeypatch, name):
    there(monkeypatch)
    with pytest.raises(SettingsError, match=f"device '{name}' was asked for.*'auto' or 'cpu'"):
        device_named(name)


def test_an_unknown_name_is_refused():
    with pytest.raises(SettingsError, match="device 'gpu' is unknown: choose one of auto, cpu, cuda, mps"):
        device_named("gpu")


OUT_OF_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 MiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:125] DefaultCPUAllocator: can't allocate memory: you tried"),
    RuntimeError("MPS backend out of memory (MPS allocated: 1 MB)"),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY)
def test_half_is_tried_until_it_fits(error):
    asked = []

    def work(part):
        asked.append(part)
        if part > 4:
            raise error
        return torch.ones(1)

    assert in_parts(work, 25, "a window") == (torch.ones(1), 4)
    assert asked == [25, 13, 7, 4]


def test_not_fewer_than_the_least_are_tried():
    asked = []

    def work(part):
        asked.append(part)
        raise torch.OutOfMemoryError("out of memory")

    with pytest.raises(ArtefactError, match="memory does not suffice for two windows"):
        in_parts(work, 11, "two windows", least=2)
    assert asked == [11, 6, 3, 2]


@pytest.mark.parametrize("error", OUT_OF_MEMORY)
def test_what_never_fits_is_said(error):
    def work(part):
        raise error

    with pytest.raises(ArtefactError, match="memory does not suffice for a window of 170 pixels"):
        in_parts(work, 8, "a window of 170 pixels")


def test_other_errors_pass():
    def work(part):
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        in_parts(work, 8, "a window")
