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

Box = tuple[slice, slice]
"""Rows and columns."""

PHASES = ("grain", "pore")
SMALLEST_PIECE_PX = 4
"""Crumbs that a stroke along the rim of a region leaves are none of its own."""
MOST_OPERATIONS = 10_000
MOST_POINTS = 5_000
_FAR = 1e7
_SQUARE = cv2.getStructuringElement(cv2.MORPH_RECT, (3, 3))


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

    def box(self, labels: Iterable[int], margin: int = 1) -> Box:
        """The smallest rectangle that holds regions, and a margin.

        To look for each in the whole picture is quicker than to look for all at once, as long as few are asked for.
        """
        left, top, right, bottom = zip(*(self._reach(label) for label in labels), strict=True)
        return slice(max(min(top) - margin, 0), max(bottom) + margin), slice(
            max(min(left) - margin, 0), max(right) + margin
        )

    def _reach(self, label: int) -> tuple[int, int, int, int]:
        left, top, width, height = cv2.boundingRect((self.labels == label).view(np.uint8))
        return left, top, left + width, top + height

    def divide(self, box: Box, label: int, pieces: np.ndarray) -> None:
        """Pieces of a region, numbered within a rectangle, are regions: the largest keeps the label."""
        view, areas = self.labels[box], np.bincount(pieces.ravel())[1:]
        for piece in 1 + np.argsort(-areas, kind="stable")[1:]:
            fresh = self.new()
            view[pieces == piece] = fresh
            self.touch(fresh)
        self.touch(label)

    def renumbered(self) -> tuple[np.ndarray, np.ndarray]:
        """Labels from 1 without gaps, and what each was before; 0 where it was changed."""
        there = np.bincount(self.labels.ravel(), minlength=self._last + 1) > 0
        there[0] = False
        numbers = np.where(there, np.cumsum(there), 0).astype(np.int32)
        before = np.arange(self._last + 1)
        before[self._first_new + 1 :] = 0
        before[[label for label in self._touched if label <= self._last]] = 0
        return numbers.take(self.labels), np.concatenate([[0], before[there]])


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


def _give_to_neighbours(grains: _Layer, box: Box, region: np.ndarray) -> None:
    """What is no pore belongs to the grains around it, each pixel to the nearest."""
    view = grains.labels[box]
    around = (view > 0) & (cv2.dilate(region.view(np.uint8), _SQUARE, iterations=2) > 0)
    if not around.any():
        return
    view[region] = _of_nearest(view, around)[region]
    grains.touch(*np.unique(view[region]).tolist())


def _of_nearest(values: np.ndarray, there: np.ndarray) -> np.ndarray:
    """For each pixel the value of the nearest one among those that are there."""
    _, nearest = cv2.distanceTransformWithLabels(
        (~there).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    owner = np.zeros(nearest.max() + 1, np.int32)
    owner[nearest[there]] = values[there]
    return owner[nearest]


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
    rim = (cv2.dilate(mask, _SQUARE) > 0) & (mask == 0)
    return set(np.unique(view[rim]).tolist()) - {0}


def _split(layer: _Layer, operation: Split) -> bool:
    drawn, box = _drawn(operation.stroke, 0.0, layer.labels.shape)
    if drawn is None:
        return False
    crossed = [label for label in np.unique(layer.labels[box][drawn]).tolist() if label]
    cuts = [_cut(layer, label, drawn, box) for label in crossed]
    return any(cuts)


def _cut(layer: _Layer, label: int, drawn: np.ndarray, drawn_box: Box) -> bool:
    """Cut one region along a line; False where the line does not go through."""
    box = layer.box([label])
    view = layer.labels[box]
    region = view == label
    line = np.zeros(region.shape, bool)
    here, there = _overlap(box, drawn_box)
    line[here] = drawn[there]
    # A line of pixels that touch at edges divides what is connected over edges or corners.
    whole, n_whole = _pieces(region)
    parts, n_parts = _pieces(region & ~line)
    # A region may have lain in several pieces before; those that the line does not reach are not what is cut.
    reached = np.bincount(whole[line], minlength=n_whole + 1) > 0
    reached[0] = False
    beside = reached[whole] & (cv2.dilate(line.view(np.uint8), _SQUARE) > 0)
    cut = np.zeros(n_parts + 1, bool)
    cut[parts[beside]] = True
    cut &= np.bincount(parts.ravel(), minlength=n_parts + 1) >= SMALLEST_PIECE_PX
    cut[0] = False
    if np.count_nonzero(cut) <= np.count_nonzero(reached):
        return False
    numbers = np.cumsum(cut) * cut
    pieces = np.where(region, _of_nearest(numbers[parts], cut[parts]), 0)
    layer.divide(box, label, pieces)
    return True


def _pieces(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """Number the pieces of a mask, corners connect; and how many there are."""
    count, pieces = cv2.connectedComponents(mask.view(np.uint8), connectivity=8)
    return pieces, count - 1


def _paint(layers: Mapping[str, _Layer], operation: Paint, valid: np.ndarray) -> bool:
    pores, grains = layers["pore"], layers["grain"]
    drawn, box = _drawn(operation.stroke, operation.radius_px, valid.shape)
    if drawn is None:
        return False
    drawn &= valid[box]
    if not drawn.any() or (pores.labels[box][drawn] > 0).all():
        return False
    near = cv2.dilate(drawn.view(np.uint8), _SQUARE) > 0
    touched = [each for each in np.unique(pores.labels[box][near]).tolist() if each]
    label = touched[0] if touched else pores.new()
    for each in touched[1:]:
        view = pores.labels[pores.box([each])]
        view[view == each] = label
    pores.labels[box][drawn] = label
    less = [each for each in np.unique(grains.labels[box][drawn]).tolist() if each]
    boxes = [grains.box([each]) for each in less]
    grains.labels[box][drawn] = 0
    for each, its_box in zip(less, boxes, strict=True):
        grains.divide(its_box, each, _pieces(grains.labels[its_box] == each)[0])
    return True


def _drawn(stroke: tuple[Point, ...], radius_px: float, shape: tuple[int, ...]) -> tuple[np.ndarray | None, Box]:
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
    """Set the pixels of a stroke; of radius 0 a line whose pixels touch at edges."""
    points = np.array(stroke) - origin
    if radius_px <= 0:
        whole = np.floor(points[:, ::-1] + 0.5).astype(np.int32)
        cv2.polylines(mask, [whole], False, 1, thickness=1, lineType=cv2.LINE_4)
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


def _overlap(one: Box, other: Box) -> tuple[Box, Box]:
    """What two rectangles share, as seen from each."""
    first = [max(a.start, b.start) for a, b in zip(one, other, strict=True)]
    last = [min(a.stop, b.stop) for a, b in zip(one, other, strict=True)]
    rows, cols = (
        (
            slice(first[0] - each[0].start, last[0] - each[0].start),
            slice(first[1] - each[1].start, last[1] - each[1].start),
        )
        for each in (one, other)
    )
    return rows, cols


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
    if not isinstance(value, Real) or isinstance(value, bool):
        return False
    number: Any = value
    return bool(abs(number) < _FAR)  # an integer may be too large for a float
