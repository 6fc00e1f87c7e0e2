"""`cnn train` and `cnn predict` as a user meets them."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from micro_features.cli import main, network_commands

TARGET = "sigma_S_per_cm"


@pytest.fixture
def drawn(tmp_path):
    """A table of 8 pictures in 2 groups, and a fit of it."""
    import json

    rng, names = np.random.default_rng(0), [f"p{row}" for row in range(8)]
    folder = tmp_path / "set"
    (folder / "fit").mkdir(parents=True)
    for name in names:
        grey = gaussian_filter(rng.normal(size=(64, 64)), 2)
        Image.fromarray(np.clip(128 + 40 * grey / grey.std(), 0, 255).astype(np.uint8)).save(folder / f"{name}.png")
    sigma, groups = 10.0 ** np.linspace(-6, -3, 8), [f"g{row % 2}" for row in range(8)]
    pd.DataFrame(
        {"micrograph_id": names, "path": [f"{name}.png" for name in names], "page": 1, "pixel_um": 0.25,
         "porosity": rng.random(8), TARGET: sigma, "batch": groups}
    ).to_csv(folder / "features.csv", index=False)  # fmt: skip
    fit = folder / "fit"
    pd.DataFrame({"micrograph_id": names, "group": groups, "fold": [row % 2 for row in range(8)]}).to_csv(
        fit / "folds.csv", index=False
    )
    pd.DataFrame({"micrograph_id": names, f"measured_{TARGET}": sigma, f"predicted_{TARGET}": sigma}).to_csv(
        fit / "predictions.csv", index=False
    )
    told = {"target": {"name": TARGET, "task": "regression", "log10": True}, "group": "batch"}
    told |= {"protocols": {"grouped": {}}, "models": {}}
    (fit / "scores.json").write_text(
        json.dumps({**told, "explained_model": "xgboost", "seed": 0, "features": {"assumed_sign": {}}})
    )
    return folder


def train(folder, *more):
    data = [str(folder / "features.csv"), "--target", TARGET, "--group", "batch", "--fit", str(folder / "fit")]
    small = ["--window", "32", "--overlap", "0", "--epochs", "1", "--seeds", "1", "--batch", "8", "--device", "cpu"]
    return main(["cnn", "train", *data, *small, "-j", "1", "-o", str(folder / "out"), *more])


def test_from_a_table_to_predictions_of_pictures(drawn, tmp_path, capsys):
    assert train(drawn) == 0
    said = capsys.readouterr()
    assert "fold 1 seed 0: epoch 1 of 1" in said.err
    assert "feature model" in said.out
    assert "No dates are known" in said.out
    assert said.out.splitlines()[-1].startswith("results: ")
    assert train(drawn) == 2
    assert "holds a finished model" in capsys.readouterr().err

    (tmp_path / "bad.png").write_bytes(b"")
    table = tmp_path / "predictions.csv"
    pictures = [str(drawn / "p0.png"), str(tmp_path / "bad.png")]
    asked = ["--model", str(drawn / "out" / "model"), "--level", "0.5", "--pixel-size", "0.25", "-j", "1"]
    assert main(["cnn", "predict", *pictures, *asked, "-o", str(table)]) == 1
    out = capsys.readouterr().out
    assert "bad.png: read:" in out
    assert "p0: " in out
    assert list(pd.read_csv(table)["micrograph_id"]) == ["p0", "bad"]


def test_bad_input_is_one_line(drawn, capsys):
    for more, words in (
        (["--window", "128"], "--window 128: 8 of 8 pictures are smaller than a window"),
        (["--window", "33"], "choose a multiple of the reduction"),
        (["--window", "16", "--overlap", "16"], "--overlap 16"),
        (["--window-um", "1"], "--window-um 1: pictures with pixels of 0.25 µm would have to be enlarged; choose at "),
        (
            ["--window-um", "900"],
            "--window-um 900: 8 of 8 pictures are smaller than a window, and training needs all; choose at most 16.",
        ),
        (["--cuts", "1e-9"], "has no row"),
    ):
        assert train(drawn, *more) == 2
        *_, line = capsys.readouterr().err.splitlines()
        assert line.startswith("micro-features: ")
        assert words in line
    for more in (["--epochs", "0"], ["--batch", "1"]):
        with pytest.raises(SystemExit):
            train(drawn, *more)
        assert more[0] in capsys.readouterr().err.splitlines()[-1]
    assert not (drawn / "out").exists()


def test_without_torch_it_is_said_what_to_install(drawn, capsys, monkeypatch):
    monkeypatch.setattr(network_commands, "find_spec", lambda name: None if name == "torch" else object())
    assert train(drawn) == 2
    assert "pip install 'micro-features[cnn]'" in capsys.readouterr().err
    assert main(["cnn", "predict", "a.png", "--model", "m"]) == 2
    assert "pip install 'micro-features[cnn]'" in capsys.readouterr().err


def test_other_commands_never_import_torch():
    code = (
        "import sys, micro_features.cli.commands, micro_features.fitting.fit, micro_features.fitting.predict, "
        "micro_features.network.pictures; print([m for m in ('torch', 'safetensors') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "[]"
