"""Corrections by hand: a layer of operations over the grains and pores that were found.

An operation names places of the picture, not labels: it holds when settings change and regions are numbered anew, and
does nothing where there is no longer anything to act on.
"""

import dataclasses
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar, NamedTuple

import cv2
import numpy as np

from micro_features.errors import CorrectionsError

Point = tuple[float, float]
"""Row and column, pixels."""

PHASES = ("grain", "pore")
MOST_OPERATIONS = 10_000
MOST_POINTS = 5_000
_FAR = 1e7
_CROSS = cv2.getStructuringElement(cv2.MORPH_RECT, (3, 3))


@dataclass(frozen=True)
class Erase:
    """The region at a place is none. Where a pore was, the grain around it is."""

    kind: ClassVar[str] = "erase"
    phase: str
    at: Point


@dataclass(frozen=True)
class Merge:
    """The regions at several places, which touch, are one."""

    kind: ClassVar[str] = "merge"
    phase: str
    at: tuple[Point, ...]


@dataclass(frozen=True)
class Split:
    """Each region that a stroke crosses is cut along it."""

    kind: ClassVar[str] = "split"
    phase: str
    stroke: tuple[Point, ...]


@dataclass(frozen=True)
class Paint:
    """A stroke is pore, one with the pores that it touches."""

    kind: ClassVar[str] = "paint"
    phase: str
    stroke: tuple[Point, ...]
    radius_px: float


Operation = Erase | Merge | Split | Paint
_KINDS: dict[str, type[Operation]] = {each.kind: each for each in (Erase, Merge, Split, Paint)}


class Corrected(NamedTuple):
    """What `apply` makes.

    Attributes
    ----------
    grains, pores : (rows, cols) int32 array
        Labels from 1 without gaps.
    grain_origin : (number of grains + 1,) int array
        For each grain its label before; 0 for one whose shape was changed by hand.
    applied : int
        Operations that found something to act on.
    missed : tuple of int
        Places, in the list of operations, of the others.
    """

    grains: np.ndarray
    pores: np.ndarray
    grain_origin: np.ndarray
    applied: int
    missed: tuple[int, ...]


def parse(operations: Any) -> tuple[Operation, ...]:
    """Operations as JSON holds them.

    Parameters
    ----------
    operations : list of dict
        Each with ``kind`` and the attributes of that kind.

    Returns
    -------
    tuple of Operation

    Raises
    ------
    CorrectionsError
        Naming the operation, by its place from 1, and what is wrong with it.
    """
    if not isinstance(operations, Sequence) or isinstance(operations, str | bytes):
        raise CorrectionsError(f"corrections are {type(operations).__name__}, not a list.")
    if len(operations) > MOST_OPERATIONS:
        raise CorrectionsError(f"there are {len(operations)} corrections; {MOST_OPERATIONS} are the most.")
    found = []
    for number, told in enumerate(operations, start=1):
        try:
            found.append(_parsed(told))
        except ValueError as error:
            raise CorrectionsError(f"correction {number}: {error}.") from None
    return tuple(found)


def as_dicts(operations: Iterable[Operation]) -> list[dict[str, Any]]:
    """What `parse` takes.

    Parameters
    ----------
    operations : iterable of Operation

    Returns
    -------
    list of dict
    """
    return [{"kind": each.kind, **dataclasses.asdict(each)} for each in operations]


def scaled(operation: Operation, factor: float) -> Operation:
    """An operation for a picture that was shrunk or enlarged.

    Parameters
    ----------
    operation : Operation
    factor : float
        New over old number of pixels along a side.

    Returns
    -------
    Operation
    """

    def point(at: Point) -> Point:
        # Pixel 0 reaches from -0.5 to 0.5.
        return (at[0] + 0.5) * factor - 0.5, (at[1] + 0.5) * factor - 0.5

    match operation:
        case Erase(phase, at):
            return Erase(phase, point(at))
        case Merge(phase, places):
            return Merge(phase, tuple(map(point, places)))
        case Split(phase, stroke):
            return Split(phase, tuple(map(point, stroke)))
        case Paint(phase, stroke, radius_px):
            return Paint(phase, tuple(map(point, stroke)), radius_px * factor)


def apply(grains: np.ndarray, pores: np.ndarray, valid: np.ndarray, operations: Sequence[Operation]) -> Corrected:
    """Correct grains and pores, one operation after the other.

    Parameters
    ----------
    grains, pores : (rows, cols) int32 array
        Labels from 1 without gaps; they stay as they are.
    valid : (rows, cols) bool array
        Nothing is painted where it is False.
    operations : sequence of Operation

    Returns
    -------
    Corrected
    """
    layers = {"grain": _Layer(grains), "pore": _Layer(pores)}
    missed = []
    for number, operation in enumerate(operations):
        layer = layers[operation.phase]
        match operation:
            case Erase():
                done = _erase(layers, operation)
            case Merge():
                done = _merge(layer, operation)
            case Split():
                done = _split(layer, operation)
            case Paint():
                done = _paint(layers, operation, valid)
        if not done:
            missed.append(number)
    corrected_grains, origin = layers["grain"].renumbered()
    corrected_pores, _ = layers["pore"].renumbered()
    return Corrected(corrected_grains, corrected_pores, origin, len(operations) - len(missed), tuple(missed))


class _Layer:
    """Labels while they are corrected: a label is never used twice."""

    def __init__(self, labels: np.ndarray):
        self.labels = labels.copy()
        self._last = self._first_new = int(labels.max(initial=0))
        self._touched: set[int] = set()

    def new(self) -> int:
        self._last += 1
        return self._last

    def touch(self, *labels: int) -> None:
        """Note that the shape of regions was changed by hand."""
        self._touched.update(labels)

    def at(self, point: Point) -> int:
        """Label of the pixel at a place; 0 outside the picture."""
        row, col = (int(np.floor(each + 0.5)) for each in point)
        inside = 0 <= row < self.labels.shape[0] and 0 <= col < self.labels.shape[1]
        return int(self.labels[row, col]) if inside else 0

    def box(self, labels: Sequence[int], margin: int = 1) -> tuple[slice, slice]:
        """The smallest rectangle that holds regions, and a margin."""
        mask = self.labels == labels[0]
        for label in labels[1:]:
            mask |= self.labels == label
        return _box(mask, margin)

    def separate(self, label: int, box: tuple[slice, slice]) -> None:
        """A region that fell apart is several: the largest piece keeps the label."""
        view = self.labels[box]
        count, pieces, stats, _ = cv2.connectedComponentsWithStats((view == label).view(np.uint8), connectivity=8)
        order = 1 + np.argsort(-stats[1:, cv2.CC_STAT_AREA], kind="stable")
        for piece in order[1:count]:
            fresh = self.new()
            view[pieces == piece] = fresh
            self.touch(fresh)

    def renumbered(self) -> tuple[np.ndarray, np.ndarray]:
        """Labels from 1 without gaps, and what each was before; 0 where it was changed."""
        there = np.bincount(self.labels.ravel(), minlength=self._last + 1) > 0
        there[0] = False
        numbers = np.where(there, np.cumsum(there), 0).astype(np.int32)
        before = np.arange(self._last + 1)
        before[self._first_new + 1 :] = 0
        before[[label for label in self._touched if label <= self._last]] = 0
        return numbers[self.labels], np.concatenate([[0], before[there]])


def _erase(layers: Mapping[str, _Layer], operation: Erase) -> bool:
    layer = layers[operation.phase]
    label = layer.at(operation.at)
    if not label:
        return False
    box = layer.box([label], margin=2)
    region = layer.labels[box] == label
    layer.labels[box][region] = 0
    if operation.phase == "pore":
        _give_to_neighbours(layers["grain"], box, region)
    return True


def _give_to_neighbours(grains: _Layer, box: tuple[slice, slice], region: np.ndarray) -> None:
    """What is no pore belongs to the grains around it, each pixel to the nearest."""
    view = grains.labels[box]
    around = (view > 0) & (cv2.dilate(region.view(np.uint8), _CROSS, iterations=2) > 0)
    if not around.any():
        return
    _, nearest = cv2.distanceTransformWithLabels(
        (~around).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    owner = np.zeros(nearest.max() + 1, np.int32)
    owner[nearest[around]] = view[around]
    view[region] = owner[nearest[region]]
    grains.touch(*np.unique(view[region]).tolist())


def _merge(layer: _Layer, operation: Merge) -> bool:
    labels = [label for label in dict.fromkeys(map(layer.at, operation.at)) if label]
    if len(labels) < 2:
        return False
    box = layer.box(labels)
    view = layer.labels[box]
    joined = {labels[0]}
    while more := _touching(view, joined) & set(labels) - joined:
        joined |= more
    if joined != set(labels):
        return False
    for label in labels[1:]:
        view[view == label] = labels[0]
    layer.touch(*labels)
    return True


def _touching(view: np.ndarray, labels: set[int]) -> set[int]:
    """Labels beside regions, corners included."""
    mask = np.isin(view, list(labels)).view(np.uint8)
    rim = (cv2.dilate(mask, _CROSS) > 0) & (mask == 0)
    return set(np.unique(view[rim]).tolist()) - {0}


def _split(layer: _Layer, operation: Split) -> bool:
    drawn, box = _drawn(operation.stroke, 0.0, layer.labels.shape)
    if drawn is None:
        return False
    crossed = [label for label in np.unique(layer.labels[box][drawn]).tolist() if label]
    cuts = [_cut(layer, label, operation.stroke) for label in crossed]
    return any(cuts)


def _cut(layer: _Layer, label: int, stroke: tuple[Point, ...]) -> bool:
    """Cut one region along a stroke; False where the stroke does not go through."""
    box = layer.box([label])
    view = layer.labels[box]
    region = view == label
    line = np.zeros(region.shape, np.uint8)
    _draw(line, stroke, 0.0, (box[0].start, box[1].start))
    # A line of pixels that touch at corners divides what is connected over edges.
    n_before, _ = cv2.connectedComponents(region.view(np.uint8), connectivity=4)
    n_after, pieces, stats, _ = cv2.connectedComponentsWithStats((region & (line == 0)).view(np.uint8), connectivity=4)
    if n_after <= n_before:
        return False
    # What the line covers goes to the nearest piece.
    _, nearest = cv2.distanceTransformWithLabels(
        (pieces == 0).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    owner = np.zeros(nearest.max() + 1, np.int32)
    owner[nearest[pieces > 0]] = pieces[pieces > 0]
    pieces = np.where(region, owner[nearest], 0)
    order = 1 + np.argsort(-stats[1:, cv2.CC_STAT_AREA], kind="stable")
    for piece in order[1:]:
        fresh = layer.new()
        view[pieces == piece] = fresh
        layer.touch(fresh)
    layer.touch(label)
    return True


def _paint(layers: Mapping[str, _Layer], operation: Paint, valid: np.ndarray) -> bool:
    pores, grains = layers["pore"], layers["grain"]
    drawn, box = _drawn(operation.stroke, operation.radius_px, valid.shape)
    if drawn is None:
        return False
    drawn &= valid[box]
    if not drawn.any() or (pores.labels[box][drawn] > 0).all():
        return False
    label = pores.new()
    near = cv2.dilate(drawn.view(np.uint8), _CROSS) > 0
    touched = [each for each in np.unique(pores.labels[box][near]).tolist() if each]
    pores.labels[box][drawn] = label
    if touched:
        around = pores.box([label, *touched])
        view = pores.labels[around]
        view[np.isin(view, touched)] = label
    cut = [each for each in np.unique(grains.labels[box][drawn]).tolist() if each]
    boxes = [grains.box([each]) for each in cut]
    grains.labels[box][drawn] = 0
    for each, its_box in zip(cut, boxes, strict=True):
        grains.touch(each)
        grains.separate(each, its_box)
    return True


def _drawn(
    stroke: tuple[Point, ...], radius_px: float, shape: tuple[int, ...]
) -> tuple[np.ndarray | None, tuple[slice, slice]]:
    """Pixels of a stroke in the smallest rectangle that holds it; None where it lies outside the picture."""
    places, reach = np.array(stroke), int(np.ceil(radius_px)) + 1
    first = np.maximum(np.floor(places.min(axis=0)).astype(int) - reach, 0)
    last = np.minimum(np.ceil(places.max(axis=0)).astype(int) + reach, np.array(shape) - 1)
    box = (slice(int(first[0]), int(last[0]) + 1), slice(int(first[1]), int(last[1]) + 1))
    if (last < first).any():
        return None, box
    mask = np.zeros(tuple(last - first + 1), np.uint8)
    _draw(mask, stroke, radius_px, (box[0].start, box[1].start))
    return (mask.view(bool), box) if mask.any() else (None, box)


def _draw(mask: np.ndarray, stroke: tuple[Point, ...], radius_px: float, origin: tuple[int, int]) -> None:
    """Set the pixels of a stroke; of radius 0 a line whose pixels touch at corners at least."""
    points = np.array(stroke) - origin
    if radius_px <= 0:
        whole = np.floor(points[:, ::-1] + 0.5).astype(np.int32)
        cv2.polylines(mask, [whole], False, 1, thickness=1, lineType=cv2.LINE_8)
        return
    # All pixels whose centre is within the radius of the stroke.
    away = np.full(mask.shape, np.inf)
    row, col = np.ogrid[: mask.shape[0], : mask.shape[1]]
    for start, end in list(itertools.pairwise(points)) or [(points[0], points[0])]:
        low = np.maximum(np.floor(np.minimum(start, end) - radius_px).astype(int), 0)
        high = np.maximum(np.ceil(np.maximum(start, end) + radius_px).astype(int) + 1, 0)
        part = (slice(low[0], high[0]), slice(low[1], high[1]))
        r, c = row[part[0]], col[:, part[1]]
        along = end - start
        share = ((r - start[0]) * along[0] + (c - start[1]) * along[1]) / max(float(along @ along), 1e-12)
        share = np.clip(share, 0, 1)
        np.minimum(
            away[part], np.hypot(r - start[0] - share * along[0], c - start[1] - share * along[1]), out=away[part]
        )
    mask[away <= radius_px] = 1


def _box(mask: np.ndarray, margin: int) -> tuple[slice, slice]:
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (
        slice(max(int(rows[0]) - margin, 0), int(rows[-1]) + 1 + margin),
        slice(max(int(cols[0]) - margin, 0), int(cols[-1]) + 1 + margin),
    )


def _parsed(told: Any) -> Operation:
    if not isinstance(told, Mapping):
        raise ValueError(f"is {type(told).__name__}, not an object")
    kind = _KINDS.get(str(told.get("kind")))
    if kind is None:
        raise ValueError(f"kind is {told.get('kind')!r}; there are {', '.join(_KINDS)}")
    names = [field.name for field in dataclasses.fields(kind)]
    if wrong := set(told) ^ {"kind", *names}:
        word = "lacks" if sorted(wrong)[0] in names else "holds what is not known:"
        raise ValueError(f"{kind.kind} {word} {sorted(wrong)[0]!r}")
    phase = told["phase"]
    if phase not in PHASES or (kind is Paint and phase != "pore"):
        raise ValueError(f"phase is {phase!r}; {kind.kind} takes {'pore' if kind is Paint else ' or '.join(PHASES)}")
    if kind is Erase:
        return Erase(phase, _point(told["at"]))
    if kind is Merge:
        return Merge(phase, _points(told["at"], 2))
    if kind is Split:
        return Split(phase, _points(told["stroke"], 2))
    radius_px = told["radius_px"]
    if not _is_number(radius_px) or not 0 < radius_px <= 1000:
        raise ValueError(f"radius_px is {radius_px!r}, not a number above 0 and up to 1000")
    return Paint(phase, _points(told["stroke"], 1), float(radius_px))


def _points(told: Any, least: int) -> tuple[Point, ...]:
    if not isinstance(told, Sequence) or isinstance(told, str) or not least <= len(told) <= MOST_POINTS:
        raise ValueError(f"places are {str(told)[:40]!r}, not a list of {least} to {MOST_POINTS} of [row, col]")
    return tuple(map(_point, told))


def _point(told: Any) -> Point:
    if not isinstance(told, Sequence) or len(told) != 2 or not all(map(_is_number, told)):
        raise ValueError(f"a place is {str(told)[:40]!r}, not [row, col] in pixels")
    return float(told[0]), float(told[1])


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and abs(float(value)) < _FAR
