"""What every stage gave for two shipped micrographs, so that a change shows where it began.

A change that is meant to change numbers draws this up anew: python tests/frozen/test_frozen.py
"""

import json
import math
from pathlib import Path

import pytest

from micro_features import Settings, pipeline, read_picture
from micro_features.files.artefacts import shipped

EXPECTED = Path(__file__).with_name("expected.json")
PICTURES = ("s05a.png", "s05f.png")


def stages(name: str) -> dict[str, dict[str, float | None]]:
    settings = Settings()
    picture = read_picture(shipped("data", "synthetic", "micrographs", name))
    calibrated = pipeline.calibrate(picture)
    micrograph = pipeline.micrograph_of(picture, calibrated)
    segmentation = pipeline.segment(micrograph, settings)
    measured = pipeline.measure(micrograph, segmentation, settings)
    phases = pipeline.phases(segmentation, settings)
    annotations = calibrated.annotations
    assert annotations.scale_bar is not None
    found = {
        "read": {"mean_grey": float(micrograph.image.mean()), "rows": picture.pixels.shape[0]},
        "calibrate": {
            "pixel_um": calibrated.pixel_size.pixel_um,
            "scale_bar_px": annotations.scale_bar.length_px,
            "first_row": annotations.first_row,
            "last_row": annotations.last_row,
            "kV": calibrated.acquisition.kV,
            "WD_mm": calibrated.acquisition.WD_mm,
        },
        "segment": {
            "grains": int(segmentation.grains.max()),
            "pores": int(segmentation.pores.max()),
            "pore_share": float((segmentation.pores > 0).mean()),
            "boundary_mean": float(segmentation.boundary.mean()),
            "boundary_phase_share": float(phases.boundary.mean()),
            "working_scale": segmentation.working_scale,
            "grain_dependence": segmentation.grain_dependence,
        },
        "quality": measured.quality,
        "features": measured.features,
    }
    return {stage: {key: plain(value) for key, value in values.items()} for stage, values in found.items()}


def plain(value: float) -> float | None:
    """JSON has no NaN; seven digits are enough."""
    number = float(value)
    return None if math.isnan(number) else float(f"{number:.7g}")


@pytest.mark.parametrize("name", PICTURES)
def test_stages_give_what_they_gave(name):
    expected = json.loads(EXPECTED.read_text())[name]
    for stage, values in stages(name).items():
        assert list(values) == list(expected[stage]), stage
        for key, value in values.items():
            # Room for other processors and library versions, not for another method.
            was = expected[stage][key]
            same = value is None if was is None else value == pytest.approx(was, rel=0.02, abs=1e-4)
            assert same, f"{stage}: {key} was {was}, is {value}"


if __name__ == "__main__":
    EXPECTED.write_text(json.dumps({name: stages(name) for name in PICTURES}, indent=1) + "\n")
