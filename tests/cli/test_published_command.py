"""`published` as a user meets it: from a folder of pictures to a page, the same way each time."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from micro_features.cli import main, network_commands
from micro_features.published import result_files, scoring

_SPEC = importlib.util.spec_from_file_location(
    "published_sets", Path(__file__).parents[1] / "published" / "conftest.py"
)
sets = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(sets)


@pytest.fixture(scope="module", autouse=True)
def few_exchanges():
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "EXCHANGES", 19)
        yield


@pytest.fixture
def drawn(tmp_path):
    return sets.made_up_set(tmp_path / "set")


def asked(folder, output, *more, features=True):
    """Exit code; small settings, one process."""
    small = [word for name, value in sets.SMALL.items() for word in ("--set", f"{name}={value}")]
    table = ["--features", str(folder / "features.csv")] if features else []
    data = [str(folder / "pictures"), "--manifest", str(folder / "manifest.csv"), *table]
    return main(["published", *data, "-o", str(output), "--device", "cpu", "-j", "1", *small, *more])


@pytest.fixture
def quick_figures(monkeypatch):
    """One white pixel in place of each, where a test does not look at them."""

    def write(path, figure):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (1, 1), 255).save(path.with_name(f"{path.name}.png"))

    monkeypatch.setattr(result_files, "write_figure", write)


def last_line(capsys):
    *_, line = capsys.readouterr().err.splitlines()
    return line


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Folder of a set with a hostile name and an incomplete picture, and of what was written of it; only read."""
    folder = sets.made_up_set(tmp_path_factory.mktemp("whole") / "set")
    sets.renamed(folder, 2, sets.HOSTILE)
    values = pd.read_csv(folder / "features.csv")["pore_area_sd_um2"].tolist()
    values[2] = np.nan
    sets.changed(folder / "features.csv", pore_area_sd_um2=values)
    assert asked(folder, folder / "out") == 0
    return folder


def test_from_pictures_to_scores_words_and_an_answer(whole):
    out = whole / "out"
    scores = json.loads((out / "scores.json").read_text())
    for protocol in ("grouped", "in_sample"):
        assert set(scores[protocol]) >= set(scoring.STAGES)
    for run in ("fold-0", "fold-1", "fold-2", "in-sample"):
        assert (out / "words" / run / "centres.csv").is_file()
    assert len(pd.read_csv(out / "attributions.csv")) == sets.N - 1
    provenance = json.loads((out / "provenance.json").read_text())
    assert provenance["command"][0] == "published"


def test_the_page_shows_a_hostile_name_as_words(whole):
    page = (whole / "out" / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;script&gt;" in page


def test_the_same_command_writes_the_same_tables(whole, tmp_path, quick_figures):
    assert asked(whole, tmp_path / "again") == 0
    first, again = whole / "out", tmp_path / "again"
    names = sorted(path.relative_to(first) for path in first.rglob("*.csv"))
    assert Path("attributions.csv") in names
    assert Path("words/fold-0/centres.csv") in names
    for name in names:
        assert (again / name).read_bytes() == (first / name).read_bytes(), name
    for name in ("words/fold-0/classifier.safetensors", "words/in-sample/contact_sheet.png"):
        assert (again / name).read_bytes() == (first / name).read_bytes(), name


def test_another_seed_is_another_run(whole, tmp_path, quick_figures):
    assert asked(whole, tmp_path / "other", "--seed", "1", "--protocol", "in-sample") == 0
    centres = Path("words/in-sample/centres.csv")
    assert (tmp_path / "other" / centres).read_bytes() != (whole / "out" / centres).read_bytes()
    assert json.loads((tmp_path / "other" / "scores.json").read_text())["seed"] == 1


def test_the_studys_own_protocol_alone(whole, tmp_path, capsys, quick_figures):
    assert asked(whole, tmp_path / "out", "--protocol", "in-sample") == 0
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert scores["grouped"] is scores["gap"] is None
    assert [path.name for path in (tmp_path / "out" / "words").iterdir()] == ["in-sample"]
    assert "nothing follows for other pictures" in capsys.readouterr().out
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "out of fold" not in page


def test_quick_is_one_fold(drawn, tmp_path, capsys, quick_figures):
    assert asked(drawn, tmp_path / "out", "--quick", "--protocol", "grouped") == 0
    assert [path.name for path in (tmp_path / "out" / "words").iterdir()] == ["fold-0"]
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert scores["in_sample"] is scores["gap"] is None
    assert (scores["folds"], scores["folds_run"]) == (3, 1)
    said = capsys.readouterr()
    assert f"Only 1 fold was run: scores are of {scores['grouped']['tree']['n']} of {sets.N} pictures." in said.out
    assert said.out.splitlines()[-1].startswith(f"results: {tmp_path / 'out'}")
    assert "fold-0: epoch 1 of 1" in said.err


def test_more_words_than_windows_are_reduced_and_that_is_said(drawn, tmp_path, capsys, quick_figures):
    more = ["--protocol", "grouped", "--quick", "--set", "words.n_words=1000", "--set", "words.window_px=64"]
    assert asked(drawn, tmp_path / "out", *more, "--set", "words.epochs=1", "--set", "words.overlap_px=32") == 0
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    (note,) = [note for note in scores["notes"] if "words were reduced" in note]
    assert note.startswith("fold-0: 1000 words were reduced to 16, as there are only 16 windows")
    assert note in capsys.readouterr().out
    assert scores["words"]["fold-0"] == 16


def test_pictures_are_measured_where_no_table_is_given(drawn, tmp_path, capsys, quick_figures):
    (drawn / "pictures" / "broken.png").write_bytes(b"no picture")
    more = ["--protocol", "in-sample", "--pixel-size", "0.25"]
    assert asked(drawn, tmp_path / "out", *more, features=False) == 1  # one picture could not be measured
    out = capsys.readouterr().out
    assert "1 pictures could not be measured and are left out" in out
    assert "broken.png" in out
    table = pd.read_csv(tmp_path / "out" / "measured" / "features.csv")
    assert len(table) == sets.N
    assert (tmp_path / "out" / "attributions.csv").is_file()


def test_bad_input_is_one_line_and_leaves_nothing(drawn, capsys):
    explained = ["--explained", str(drawn)]
    for more, words in (
        (["--set", "words.folds=13"], "class 'low' has 12 pictures, fewer than the 13 folds"),
        (["--set", "words.folds=9"], "--set words.folds=6"),
        (["--group", "nowhere"], "no column 'nowhere'"),
        (["--classes", "nowhere"], "no column 'nowhere'"),
        (["--weights", str(drawn / "manifest.csv")], "--weights are for ResNet18"),
        (["--hand-measured", str(drawn / "manifest.csv")], f"'{drawn / 'manifest.csv'}' is not the study's table"),
        (["--set", "words.window_px=128"], "words.window_px = 128: 24 of 24 pictures are smaller"),
        (["--set", "words.overlap_px=32"], "words.overlap_px = 32"),
        (["--fit", str(drawn / "nowhere")], f"{drawn / 'nowhere' / 'folds.csv'}: there is no such file"),
        (explained, "--explained: give --fit"),
        ([*explained, "--fit", str(drawn), "--protocol", "in-sample"], "leave --protocol in-sample away"),
    ):
        assert asked(drawn, drawn / "out", *more) == 2
        line = last_line(capsys)
        assert line.startswith("micro-features: ")
        assert words in line
        assert not (drawn / "out").exists()


def test_results_are_not_written_over(drawn, capsys):
    assert asked(drawn, drawn / "pictures") == 2
    assert f"{drawn / 'pictures'}: exists already; name a new folder" in last_line(capsys)


def test_without_torch_it_is_said_what_to_install(drawn, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(network_commands, "find_spec", lambda name: None if name == "torch" else object())
    assert asked(drawn, tmp_path / "out") == 2
    assert "pip install 'micro-features[cnn]'" in last_line(capsys)


@pytest.mark.parametrize("wrong", [["--protocol", "random"], ["--seed", "-1"], ["-j", "0"], ["--device", "abacus"]])
def test_options_that_mean_nothing_are_refused(drawn, tmp_path, capsys, wrong):
    with pytest.raises(SystemExit) as ended:
        asked(drawn, tmp_path / "out", *wrong)
    assert ended.value.code == 2
    assert wrong[0] in capsys.readouterr().err
