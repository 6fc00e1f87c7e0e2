"""Drawing a set into a folder: what is written, what is left alone, what happens when it stops half way."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from micro_features import cli, synth
from micro_features.batch import Failure, FileResult
from micro_features.errors import OutputError
from micro_features.synthetic.planted import PRESETS, SESSIONS


@pytest.fixture
def quick(monkeypatch):
    """A stand-in for the drawing itself: one small picture a specimen. Counts what it drew."""
    drawn = []

    def draw(job):
        drawn.append(job.request.sample_id)
        path = job.folder / "micrographs" / f"{job.request.sample_id}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(path)
        return FileResult(rows=[{"file": f"micrographs/{path.name}", "sample_id": job.request.sample_id}])

    monkeypatch.setattr(synth, "draw", draw)
    return drawn


def test_a_set_is_complete_and_leaves_no_state(tmp_path, quick):
    summary = synth.draw_set("hidden", tmp_path / "set", n=3, seed=4, n_workers=1)
    manifest = pd.read_csv(tmp_path / "set" / "manifest.csv")
    assert list(manifest["sample_id"]) == quick == ["s1", "s2", "s3"]
    shares = pd.read_csv(tmp_path / "set" / "effects.csv")
    assert shares["shapley_effect"].sum() == pytest.approx(1)
    attributions = pd.read_csv(tmp_path / "set" / "attributions.csv")
    assert list(attributions["sample_id"]) == quick
    provenance = json.loads((tmp_path / "set" / "provenance.json").read_text())
    assert (provenance["preset"], provenance["seed"], provenance["specimens"]) == ("hidden", 4, 3)
    assert provenance["best_r2"] < 1
    assert sorted(path.name for path in (tmp_path / "set").iterdir()) == [
        "attributions.csv", "effects.csv", "manifest.csv", "micrographs", "provenance.json",
    ]  # fmt: skip
    text = " ".join(summary.lines())
    assert "hidden" in text
    assert PRESETS["hidden"].meaning in text


def test_an_interrupted_set_is_taken_up_and_comes_out_the_same(tmp_path, quick, monkeypatch):
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    synth.draw_set("porosity", whole, n=4, n_workers=1)
    draw, first = synth.draw, list(quick)
    quick.clear()

    def interrupted(job):
        if len(quick) == 2:
            raise KeyboardInterrupt
        return draw(job)

    monkeypatch.setattr(synth, "draw", interrupted)
    summary = synth.draw_set("porosity", stopped, n=4, n_workers=1)
    assert summary.interrupted
    assert not (stopped / "manifest.csv").exists()
    monkeypatch.setattr(synth, "draw", draw)
    with pytest.raises(OutputError, match="another set"):
        synth.draw_set("porosity", stopped, n=4, seed=1, n_workers=1)
    (stopped / "micrographs" / ".writing-0a1b").write_text("half a picture")
    assert not synth.draw_set("porosity", stopped, n=4, n_workers=1).interrupted
    assert not list(stopped.rglob(".writing-*"))
    assert sorted(quick) == first  # each drawn once, over both runs
    assert (stopped / "manifest.csv").read_bytes() == (whole / "manifest.csv").read_bytes()


def test_a_picture_that_has_gone_is_drawn_again(tmp_path, quick, monkeypatch):
    draw = synth.draw

    def failing(job):
        if job.request.sample_id == "s3":
            return FileResult(failures=[Failure("s3", "draw", "the solver did not converge")])
        return draw(job)

    monkeypatch.setattr(synth, "draw", failing)
    summary = synth.draw_set("porosity", tmp_path / "set", n=3, n_workers=1)
    assert [failure.path for failure in summary.failures] == ["s3"]
    assert not (tmp_path / "set" / "manifest.csv").exists()
    (tmp_path / "set" / "micrographs" / "s1.png").unlink()
    quick.clear()
    monkeypatch.setattr(synth, "draw", draw)
    synth.draw_set("porosity", tmp_path / "set", n=3, n_workers=1)
    assert quick == ["s1", "s3"]
    assert len(pd.read_csv(tmp_path / "set" / "manifest.csv")) == 3


def test_what_stands_there_is_left_alone(tmp_path, quick):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="not empty; name a new folder"):
        synth.draw_set("porosity", tmp_path, n=2, n_workers=1)
    with pytest.raises(OutputError, match="is a file"):
        synth.draw_set("porosity", tmp_path / "notes.txt", n=2, n_workers=1)
    synth.draw_set("porosity", tmp_path / "set", n=2, n_workers=1)
    before = (tmp_path / "set" / "manifest.csv").read_bytes()
    with pytest.raises(OutputError, match="not empty"):
        synth.draw_set("porosity", tmp_path / "set", n=2, seed=5, n_workers=1)
    assert (tmp_path / "set" / "manifest.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--preset", "other"], "preset is 'other': choose one of example"),
        (["--n", "1"], "n is 1"),
        (["--n", "-3"], "n is -3"),
        (["--seed", "-1"], "seed is -1"),
        (["--preset", "nuisance", "--n", "3"], "n is 3"),
    ],
)
def test_impossible_requests_are_refused_in_one_line_before_anything_is_written(tmp_path, capsys, arguments, says):
    assert cli.main(["synth", *arguments, "-o", str(tmp_path / "set")]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
    assert not (tmp_path / "set").exists()


def test_help_names_every_preset(capsys):
    with pytest.raises(SystemExit):
        cli.main(["synth", "--help"])
    text = capsys.readouterr().out
    assert all(name in text for name in PRESETS)


def test_every_session_has_a_data_bar():
    for session in SESSIONS:
        picture, shown = synth.picture_with_bar(session, session.start, np.full((480, 640), 0.5, np.float32), 0.125)
        assert picture.dtype == np.uint8
        assert picture.shape[0] > shown["databar_first_row"] == 480
        assert shown["scale_bar_px"] * 0.125 == float(shown["scale_bar_text"].removesuffix("µm"))
