import json
import shutil
from html.parser import HTMLParser

import cv2
import numpy as np
import pandas as pd
import pytest

from micro_features.cli import main
from micro_features.files.artefacts import shipped

EVIL = "<script>alert(1)<"
QUOTED = 'it\'s "quoted" \u202egnp'
VOID = {"meta", "img", "br", "hr", "link", "input", "wbr"}


class Page(HTMLParser):
    """What a page says, and that its tags balance."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.text, self.open, self.tags, self.said = text, [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.said.append([tag, ""])
            self.open.append(self.said[-1])

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        for element in self.open:
            element[1] += data

    def named(self, tag):
        """Attributes of every such element."""
        return [attrs for name, attrs in self.tags if name == tag]

    def words(self, tag):
        """Text of every such element, with that of those in it."""
        return [said for name, said in self.said if name == tag]


@pytest.fixture(scope="session")
def extracted(tmp_path_factory):
    """Results of `extract`: a section, a fracture surface of the same sample, two evil names, and a broken file."""
    folder = tmp_path_factory.mktemp("extracted") / "pictures"
    folder.mkdir()
    drawn = shipped("data", "synthetic", "micrographs")
    section = cv2.imread(str(drawn / "s01a.png"), cv2.IMREAD_GRAYSCALE)[:470]
    broken = cv2.imread(str(drawn / "s03f.png"), cv2.IMREAD_GRAYSCALE)[:470]
    names = {"3.67e-4.png": section, "3.70e-4.png": section[:, ::-1], f"{EVIL}.png": broken, f"{QUOTED}.png": broken}
    for name, pixels in names.items():
        cv2.imwrite(str(folder / name), pixels)
    (folder / "no picture.png").write_bytes(b"nothing")
    stated = [("3.67e-4.png", "s", "polished"), ("3.70e-4.png", "s", "polished"), (f"{EVIL}.png", "s", "fracture")]
    pd.DataFrame(stated, columns=["file", "sample_id", "surface"]).to_csv(folder / "manifest.csv", index=False)
    command = ["extract", str(folder), "--manifest", str(folder / "manifest.csv"), "--pixel-size", "0.125", "-j", "1"]
    output = folder.parent / "extracted"
    assert main([*command, "--set", "measure.min_whole_grains=30", "-o", str(output)]) == 1
    return output


@pytest.fixture
def results(extracted, tmp_path):
    """A copy to be damaged."""
    return shutil.copytree(extracted, tmp_path / "results")


@pytest.fixture(scope="session")
def read_page():
    """A page's text as `Page`."""
    return Page


@pytest.fixture(scope="session")
def write_figures():
    """Writes figures of other commands below a folder."""
    return _write_figures


def _write_figures(folder, *names):
    for name in names:
        path = folder / "figures" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((40, 60, 3), 255, np.uint8))


@pytest.fixture
def fitted(fit_results, tmp_path):
    """A copy to be damaged."""
    return shutil.copytree(fit_results, tmp_path / "a fit")


@pytest.fixture(scope="session")
def fit_results(tmp_path_factory):
    """What `fit` writes, as far as a report reads it."""
    folder = tmp_path_factory.mktemp("fit")
    both = {"grouped": {"r2": [0.1, 0.71, 0.98], "mae_decades": [0.1, 0.24, 0.5]}, "random": {"r2": [0.8, 0.92, 0.99]}}
    scores = {
        "said": ["The honest score is 0.71.", EVIL],
        "target": {"name": "conductivity_S_per_cm", "unit": "S/cm", "log10": True},
        "group": "schedule",
        "explained_model": "xgboost",
        "protocols": {"grouped": {}, "random": {}},
        "models": {"xgboost": {"meaning": "Trees", **both}, "mean": {"grouped": {"r2": [None] * 3}, "random": {}}},
        "confounders": [
            {
                "name": "acquisition_date",
                "n_values": 9,
                "left_out_rows": {"r2": [0.81, 0.92, 0.99]},
                "left_out_groups": {"r2": [-2.0, -0.01, 0.9]},
                "nested_variance": 0.85,
                "not_usable": "",
            },
            {"name": "acquisition_detector", "n_values": 1, "not_usable": "the same in every row: LED"},
        ],
        "importance": {
            "feature": [
                {
                    "group": "porosity",
                    "share": 0.6,
                    "share_low": 0.4,
                    "share_high": 0.8,
                    "null_p95": 0.5,
                    "clears_null": 1,
                },
                {
                    "group": EVIL,
                    "share": 0.4,
                    "share_low": None,
                    "share_high": None,
                    "null_p95": None,
                    "clears_null": 0,
                },
            ]
        },
    }
    (folder / "scores.json").write_text(json.dumps(scores))
    (folder / "confounders").mkdir()
    counts = pd.DataFrame({"acquisition_date": ["2021-03-17", "2021-03-18"], "1100C": [0, 3], "1200C": [2, 0]})
    counts.to_csv(folder / "confounders" / "acquisition_date.csv", index=False)
    _write_figures(folder, "predicted_against_measured", "optimism", "dependence_1_porosity", "beeswarm")
    return folder
