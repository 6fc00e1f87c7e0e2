"""Draw this folder's micrographs, labels and manifest anew: python data/synthetic/make.py [FOLDER]."""

import argparse
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from micro_features.synthetic import DrawnMicrograph, drawn_micrograph, with_databar

# What is true of each specimen, and how it was imaged; two pictures of each, at two magnifications.
SPECIMENS: dict[str, dict[str, Any]] = {
    "dense_fine": {
        "drawn": {"surface": "polished", "grain_diameter_mean_um": 3.0, "porosity": 0.015, "pore_diameter_um": 0.9},
        "bar": {"layout": "jeol", "kV": 5.0, "WD_mm": 10.1, "taken": datetime(2024, 3, 19, 15, 33, 46)},
        "magnifications": (1500, 3000),
    },
    "dense_coarse": {
        "drawn": {"surface": "polished", "grain_diameter_mean_um": 9.0, "porosity": 0.05, "pore_diameter_um": 2.5},
        "bar": {"layout": "zeiss", "kV": 10.0, "WD_mm": 8.5, "taken": datetime(2024, 5, 2, 10, 12, 5)},
        "magnifications": (375, 750),
    },
    "porous": {
        "drawn": {"surface": "polished", "grain_diameter_mean_um": 4.0, "porosity": 0.13, "pore_diameter_um": 1.6},
        "bar": {"layout": "fei", "kV": 15.0, "WD_mm": 9.7, "taken": datetime(2024, 6, 24, 9, 41, 0)},
        "magnifications": (750, 1500),
    },
    "broken": {
        "drawn": {
            "surface": "fracture",
            "grain_diameter_mean_um": 1.2,
            "grain_diameter_sigma": 0.45,
            "porosity": 0.03,
            "pore_diameter_um": 2.0,
            "blur_px": 0.6,
        },
        "bar": {"layout": "jeol", "kV": 1.0, "WD_mm": 7.4, "taken": datetime(2024, 9, 5, 19, 44, 16)},
        "magnifications": (750, 1500),
    },
}
SHAPE = (480, 640)
PRINT_WIDTH_UM = 120_000  # magnification refers to a print 12 cm wide


def draw(sample_id: str, view: int) -> tuple[dict[str, Any], np.ndarray, DrawnMicrograph]:
    """Picture `view` (0 or 1) of a specimen: its row of the manifest, the picture with its data bar, the truth."""
    specimen = SPECIMENS[sample_id]
    magnification = specimen["magnifications"][view]
    pixel_um = PRINT_WIDTH_UM / magnification / SHAPE[1]
    seed = 10 * list(SPECIMENS).index(sample_id) + view
    drawn = drawn_micrograph(shape=SHAPE, pixel_um=pixel_um, seed=seed, **specimen["drawn"])
    picture, annotations = with_databar(
        np.rint(drawn.image * 255).astype(np.uint8), pixel_um=pixel_um, magnification=magnification, **specimen["bar"]
    )
    acquisition, bar = annotations.acquisition, annotations.scale_bar
    assert bar is not None
    stem = f"{sample_id}_x{magnification}"
    row = {
        "file": f"micrographs/{stem}{'.tif' if view else '.png'}",
        "sample_id": sample_id,
        "surface": drawn.surface,
        "pixel_um_true": drawn.pixel_um,
        "porosity_true": round(drawn.porosity, 6),
        "grain_diameter_mean_true_um": round(drawn.grain_diameter_mean_um, 4),
        "grain_diameter_sigma_true": round(drawn.grain_diameter_sigma, 4),
        "pore_diameter_mean_true_um": round(drawn.pore_diameter_mean_um, 4),
        "scale_bar_px_true": bar.length_px,
        "scale_bar_text_true": bar.text,
        "databar_first_row_true": annotations.first_row,
        "databar_last_row_true": annotations.last_row,
        "magnification_true": acquisition.magnification,
        "kV_true": acquisition.kV,
        "WD_mm_true": acquisition.WD_mm,
        "date_true": acquisition.date,
        "time_true": acquisition.time,
        "seed": seed,
    }
    return row, picture, drawn


def main() -> None:
    """Write everything but this script and the README."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent)
    folder = parser.parse_args().folder
    for part in ("micrographs", "labels/grains", "labels/pores"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    rows = []
    for sample_id in SPECIMENS:
        for view in (0, 1):
            row, picture, drawn = draw(sample_id, view)
            path = folder / row["file"]
            options = {"compression": "tiff_adobe_deflate"} if path.suffix == ".tif" else {"optimize": True}
            Image.fromarray(picture).save(path, **options)
            for kind in ("grains", "pores"):
                labels = getattr(drawn, kind).astype(np.uint16)
                Image.fromarray(labels).save(folder / "labels" / kind / f"{path.stem}.png", optimize=True)
            rows.append(row)
    pd.DataFrame(rows).to_csv(folder / "manifest.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
