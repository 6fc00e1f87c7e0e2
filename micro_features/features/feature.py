"""What every row of the catalogue says."""

from dataclasses import dataclass
from typing import Literal

Phase = Literal["grain", "boundary", "pore", "texture"]

LENGTH_POWER = {"um": 1, "um2": 2, "1/um": -1, "1/um2": -2, "1": 0, "%": 0, "deg": 0, "G": None}


@dataclass(frozen=True)
class Feature:
    """One number of a micrograph.

    Attributes
    ----------
    name : str
        ``<phase>_<quantity>_<statistic>_<unit>``, as in ``pore_diameter_mean_um``.
    unit : str
        A key of `LENGTH_POWER`, which says how the number scales with length (None: not as a power).
    phase : str
        The part of the microstructure it speaks of.
    meaning : str
        One line for the data dictionary.
    source : str
        Formula or standard and, where there is one, the publication.
    stereological : bool
        True where it holds for plane random sections only, and is *apparent* on other surfaces.
    """

    name: str
    unit: str
    phase: Phase
    meaning: str
    source: str
    stereological: bool = False

    def __post_init__(self) -> None:
        if self.unit not in LENGTH_POWER:
            raise ValueError(f"{self.name}: unit {self.unit!r} is not one of {', '.join(LENGTH_POWER)}.")

    @property
    def needs_grains(self) -> bool:
        """Whether it says nothing unless grains are resolved."""
        return self.phase in ("grain", "boundary")
