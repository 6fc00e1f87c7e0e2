"""What is written: complete, strict, true to what was found, and harmless."""

import dataclasses
import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from micro_features.published import result_figures, result_files, scoring, wording
from micro_features.published.answer import answer_of
from micro_features.published.published import Found
from micro_features.published.samples import GROUPED, IN_SAMPLE
from micro_features.visual_words import routing

from .conftest import NAMES, N

RUNS = ("fold-0", "fold-1", "fold-2", "in-sample")


@pytest.fixture(scope="module")
def out(found: Found) -> Path:
    return found.request.output


def strict(path: Path) -> dict:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def test_everything_is_there(out):
    top = {"scores.json", "attributions.csv", "answer.csv", "predictions.csv", "epochs.csv", "steps.csv", "folds.csv"}
    top |= {"parameters.csv", "provenance.json", "report.html", "figures", "words"}
    assert {path.name for path in out.iterdir()} - {"tensorboard"} == top
    for run in RUNS:
        names = {path.name for path in (out / "words" / run).iterdir()}
        assert names >= {"centres.csv", "windows.csv", "pictures.csv", "tree.csv", "rules.txt", "contact_sheet.png"}
        assert names >= {"tsne.png", "tree.png", "classifier.safetensors"}
    assert {path.name for path in (out / "figures").glob("*.png")} == {
        "answer.png", "epochs.png", "stages_accuracy.png", "stages_balanced_accuracy.png",
    }  # fmt: skip


def test_scores_by_stage_in_both_protocols_and_the_gap(found, out):
    told = strict(out / "scores.json")
    assert next(iter(told)) == "said"  # what a number is worth stands before it
    for protocol, name in ((GROUPED, "grouped"), (IN_SAMPLE, "in_sample")):
        for stage in scoring.STAGES:
            assert told[name][stage]["accuracy"][1] == pytest.approx(found.scores[protocol][stage]["accuracy"][1])
        assert told[name]["tree"]["n"] == N
    tree = {name: told[name]["tree"]["accuracy"][1] for name in ("grouped", "in_sample")}
    assert told["gap"]["tree"]["accuracy"] == pytest.approx(tree["in_sample"] - tree["grouped"])
    assert (told["n_pictures"], told["n_groups"], told["folds"], told["folds_run"]) == (N, 6, 3, 3)
    assert set(told["kept_epoch"]) == set(RUNS)
    assert told["against_the_answer"] == found.against == told["grouped"]["against_the_answer"]
    assert told["in_sample"]["against_the_answer"] == ["it was scored on what it was trained on"]
    assert told["tree_more_than_date"] == pytest.approx(list(found.more_than_date))
    for name in ("sent_right", "by_commoner_side", "more_than_commoner_side"):
        assert len(told["grouped"]["logistic_steps"][name]) == 3
    strict(out / "provenance.json")


def test_attributions_add_up_to_what_the_run_that_left_a_picture_out_says(found, out):
    table = pd.read_csv(out / "attributions.csv", dtype={"micrograph_id": str}).set_index("micrograph_id")
    names = list(found.samples.parameters.values)
    assert (table["base"] + table[names].sum(axis=1)).to_numpy() == pytest.approx(table["predicted"])
    parameters = found.samples.parameters.values.to_numpy(float)
    for number, run in enumerate(found.answers[GROUPED].runs):
        rows = np.flatnonzero(found.samples.fold == number)
        value = routing.route(run.tree, run.steps, (parameters[rows] - run.mean) / run.sd)[1]
        assert table["predicted"].to_numpy()[rows] == pytest.approx(value)
    assert list(table.index) == NAMES
    answer = pd.read_csv(out / "answer.csv")
    assert set(answer["parameter"]) == set(names)
    meaningful = not found.against
    assert answer["meaningful"].tolist() == [meaningful] * len(names)
    assert table["meaningful"].tolist() == [meaningful] * N
    assert meaningful or not answer["sure"].any()


@pytest.mark.parametrize("against", [[], ["something"]])
def test_attributions_say_whether_they_mean_anything(found, against):
    attributions = answer_of(found.samples, found.first, "log10 S/cm", against=against).attributions
    table = result_files.attributions_table(attributions, found.answer.groups)
    assert table["meaningful"].tolist() == [not against] * N
    assert (table["base"] + table[list(attributions.names)].sum(axis=1)).to_numpy() == pytest.approx(table["predicted"])


def test_steps_tell_how_many_windows_they_send_right(found, out):
    table = pd.read_csv(out / "steps.csv")
    for run in result_files.runs_of(found):
        for node, hits in run.step_hits.groupby("node"):
            rows = table[(table["run"] == run.name) & (table["node"] == node)]
            assert (rows["scored_windows"] == hits["n_windows"].sum()).all()
            for name, count in (("sent_right", "told"), ("by_commoner_side", "majority")):
                assert rows[name].to_numpy() == pytest.approx(hits[count].sum() / hits["n_windows"].sum())
        root = table[(table["run"] == run.name) & (table["node"] == 0)]["scored_windows"]
        assert (root == 9 * (N if run.name == IN_SAMPLE else N // 3)).all()


def test_windows_tell_where_they_lie_and_what_they_are(found, out):
    for number, run in enumerate(found.answers[GROUPED].runs):
        table = pd.read_csv(out / "words" / run.name / "windows.csv")
        words = table.filter(regex=r"^word_\d+$")
        assert words.shape == (9 * N, len(run.centres))
        assert words.sum(axis=1).to_numpy() == pytest.approx(1)
        left_out = [name for name, fold in zip(NAMES, found.samples.fold, strict=True) if fold == number]
        assert set(table["micrograph_id"][~table["of_training"]]) == set(left_out)
        assert (table["classifier_scored"] == ~table["of_training"]).all()
        assert sorted(set(table["first_row_px"])) == sorted(set(table["first_col_px"])) == [0, 16, 32]
        of_pictures = pd.read_csv(out / "words" / run.name / "pictures.csv")
        assert of_pictures.filter(regex=r"^word_\d+$").sum(axis=1).to_numpy() == pytest.approx(1)
    own = pd.read_csv(out / "words" / "in-sample" / "windows.csv")
    assert own["of_training"].all()
    assert own["classifier_scored"].sum() == round(0.2 * 9 * N)


def test_words_and_trees_are_those_of_the_runs(found, out):
    for run in result_files.runs_of(found):
        centres = pd.read_csv(out / "words" / run.name / "centres.csv")
        assert centres.filter(like="channel_").to_numpy() == pytest.approx(run.centres, rel=1e-6)
        assert centres["training_cells"].tolist() == run.cells.tolist()
        tree = pd.read_csv(out / "words" / run.name / "tree.csv")
        leaves = [f"leaf {node}" for node in tree["node"][tree["left"] == -1]]
        rules = (out / "words" / run.name / "rules.txt").read_text().splitlines()
        assert [line.partition(":")[0] for line in rules] == leaves
    steps = pd.read_csv(out / "steps.csv")
    k = found.samples.parameters.values.shape[1]
    nodes = {run.name: len(run.steps) for run in result_files.runs_of(found)}
    assert steps.groupby("run").size().to_dict() == {name: n * k for name, n in nodes.items() if n}


def test_precision_and_recall_of_every_epoch_as_csv(found, out):
    table = pd.read_csv(out / "epochs.csv")
    assert list(table["run"].unique()) == list(RUNS)
    assert set(table["split"]) == {"train", "left out"}
    assert set(table["class"]) == {"low", "high"}
    assert len(table) == len(RUNS) * 2 * 2  # splits, classes; one epoch


@pytest.mark.skipif(find_spec("tensorboard") is not None, reason="TensorBoard is installed")
def test_without_tensorboard_nothing_is_written_for_it(out):
    assert not (out / "tensorboard").exists()


def test_with_tensorboard_its_files_can_be_read(out):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(out / "tensorboard" / "fold-0" / "left_out"))
    events.Reload()
    assert {"precision/low", "recall/high", "accuracy"} & set(events.Tags()["scalars"])
    table = pd.read_csv(out / "epochs.csv")
    accuracy = table[(table["run"] == "fold-0") & (table["split"] == "left out")]["accuracy"].iloc[0]
    assert events.Scalars("accuracy")[0].value == pytest.approx(accuracy)


def test_predictions_are_the_likeliest_classes(found, out):
    table = pd.read_csv(out / "predictions.csv", dtype={"micrograph_id": str})
    assert table["fold"].tolist() == found.samples.fold.tolist()
    for stage in ("classifier", "tree", "steps"):
        for short in ("grouped", "in_sample"):
            both = table[[f"{stage}_{short}_probability_{name}" for name in ("low", "high")]].to_numpy()
            assert both.sum(axis=1) == pytest.approx(1)
            said = np.array(["low", "high"])[both.argmax(axis=1)]
            assert (table[f"{stage}_{short}"] == said).all()
    right = (table["tree_grouped"] == table["measured_class"]).mean()
    assert right == pytest.approx(found.scores[GROUPED]["tree"]["accuracy"][1])


def test_the_page_says_what_the_terminal_says_and_runs_nothing(found, out):
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "http://" not in page
    assert "https://" not in page
    for line in wording.notes(found):
        assert line.split(":")[0] in page
    assert "Association within these pictures" in page or "not meaningful" in page


def test_the_marked_cell_lies_where_stride_and_origin_put_it(found):
    run = dataclasses.replace(found.first.runs[0], stride=4.0, cell_origin=-2.0, cells_abreast=4)
    first = dataclasses.replace(found.first, runs=[run])
    cut = result_figures._Cut(dataclasses.replace(found, answers={GROUPED: first}))
    assert cut.cell(0) == (0, 2, 0, 2)  # what lies beyond the window is not marked
    assert cut.cell(1) == (0, 2, 2, 6)
    assert cut.cell(4) == (2, 6, 0, 2)
    assert cut.cell(15) == (10, 14, 10, 14)


def test_surroundings_of_a_cell_stay_in_the_window():
    window = np.arange(32, dtype=np.uint8)[:, None] + np.zeros((1, 32), np.uint8)
    shown = result_figures._thumb(window, (16, 32, 0, 16))  # three of these cells are more than a window
    assert shown.shape == (64, 64)
    assert (shown[0].mean(), shown[-1].mean()) == pytest.approx((0, 31), abs=1)
    part = result_figures._thumb(window, (0, 8, 8, 16))
    assert (part[0].mean(), part[-1].mean()) == pytest.approx((0, 23), abs=1)


def test_words_are_of_the_classes_of_training_windows(found):
    run = found.first.runs[0]
    classes = found.samples.dataset.classes
    shares = result_figures._class_shares(run, classes, 2)
    assert shares.sum(axis=1) == pytest.approx(np.ones(len(run.centres)))
    held = [run.histograms[run.of_training & (classes[run.owner] == code)].mean(axis=0) for code in (0, 1)]
    assert shares[:, 0] == pytest.approx(held[0] / (held[0] + held[1]))
    other = run.histograms.copy()
    other[~run.of_training] = np.roll(other[~run.of_training], 1, axis=1)
    again = result_figures._class_shares(dataclasses.replace(run, histograms=other), classes, 2)
    assert np.array_equal(again, shares)


def test_chance_in_figures_is_that_of_exchanged_classes(found):
    for metric in scoring.METRICS:
        told = found.scores[GROUPED]["tree"]["chance"][metric]
        assert result_figures._chance(found, metric) == told
    own = {IN_SAMPLE: found.answers[IN_SAMPLE]}
    alone = dataclasses.replace(found, answers=own, scores={IN_SAMPLE: found.scores[IN_SAMPLE]})
    assert result_figures._chance(alone, "accuracy") == 0.5
