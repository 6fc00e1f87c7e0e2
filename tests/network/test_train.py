"""Trainings: the same weights however they came about, and nothing of others overwritten."""

import json
import re
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock
from PIL import Image

from micro_features.errors import ArtefactError, FeatureTableError, ImageError, OutputError, SettingsError
from micro_features.fitting.dataset_request import DatasetRequest
from micro_features.learn.network import from_bytes
from micro_features.network import progress, result_files
from micro_features.network import train as training_of_networks
from micro_features.network.cnn_model import load, save
from micro_features.network.pictures import Geometry
from micro_features.network.train import train
from micro_features.network.unfinished import Unfinished

from .conftest import TARGET, request_for


class Stop(KeyboardInterrupt):
    pass


def stop_after(line_with):
    def tell(line):
        if line_with in line:
            raise Stop

    return tell


def test_an_interrupted_training_gives_the_same_weights_as_a_straight_one(drawn, tmp_path):
    request = request_for(*drawn)
    straight = train(request, tmp_path / "straight")
    with pytest.raises(Stop):
        train(request, tmp_path / "again", tell=stop_after("fold 1 seed 0: epoch 1"))
    kept = sorted(path.name for path in (tmp_path / "again" / "checkpoints").glob("fold*"))
    assert kept == [
        "fold-0-seed-0.json",
        "fold-0-seed-0.safetensors",
        "fold-1-seed-0.checkpoint",
        "fold-1-seed-0.json",
    ]
    lines = []
    again = train(request, tmp_path / "again", tell=lines.append)
    assert "1 of 2 networks are trained already" in lines
    assert [line.split(",")[0] for line in lines if "epoch" in line] == ["fold 1 seed 0: epoch 2 of 2"]
    assert again.weights == straight.weights
    np.testing.assert_array_equal(again.windows, straight.windows)
    np.testing.assert_array_equal(again.whole, straight.whole)


def test_a_training_whose_model_could_not_be_written_goes_on_by_the_same_command(drawn, tmp_path, monkeypatch):
    request, out = request_for(*drawn, epochs=1), tmp_path / "out"
    training, write = train(request, out), Path.write_bytes

    def full(path, content):
        if path.name == "scores.json":
            raise OSError(28, "No space left on device")
        return write(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(OutputError, match="No space left on device"):
            result_files.write(training, out, [])
    (out / ".writing-ab").mkdir()  # what a process leaves that is ended from outside
    lines = []
    again = train(request, out, tell=lines.append)
    assert lines == ["reading pictures", "2 of 2 networks are trained already"]
    assert again.weights == training.weights
    result_files.write(again, out, [])
    assert len(load(str(out / "model")).networks) == 2
    assert not [path for path in out.rglob("*") if path.name.startswith((".writing-", "checkpoints"))]


def test_weights_do_not_depend_on_processes(drawn, tmp_path):
    lines = []
    one = train(request_for(*drawn, epochs=1), tmp_path / "one")
    two = train(request_for(*drawn, epochs=1, n_workers=2), tmp_path / "two", tell=lines.append)
    assert one.weights == two.weights
    np.testing.assert_array_equal(one.windows, two.windows)
    assert sorted(line.split(",")[0] for line in lines if "epoch" in line) == [
        "fold 0 seed 0: epoch 1 of 1",
        "fold 1 seed 0: epoch 1 of 1",
    ]


def test_each_network_leaves_its_fold_out_and_seeds_differ(drawn, tmp_path):
    training = train(request_for(*drawn, epochs=1, seeds=2, seed=3), tmp_path / "out")
    assert list(training.weights) == [(0, 3), (0, 4), (1, 3), (1, 4)]
    assert len(set(training.weights.values())) == 4
    y = training.dataset.y
    for (fold, _), weights in training.weights.items():
        network = from_bytes(weights, training.architecture)
        assert float(network.mean) == pytest.approx(y[training.fold != fold].mean(), abs=1e-6)
    assert np.isfinite(training.windows).all()
    np.testing.assert_allclose(training.windows[..., 1:].sum(axis=-1), 1)
    rows = training.rows(training.windows)
    np.testing.assert_allclose(rows, training.windows)


def test_pictures_of_a_sample_are_averaged(drawn, tmp_path):
    table, fit = drawn
    rows = pd.read_csv(table)
    # Pairs of one group and one value make one sample.
    samples = [f"s{row // 2:02}" for row in range(24)]
    doubled = rows.loc[rows.index.repeat(2)].reset_index(drop=True)
    ids = [f"m{row:02}" for row in range(24)]
    for name in doubled["path"][1::2]:
        picture = np.asarray(Image.open(table.parent / name))
        Image.fromarray(np.ascontiguousarray(picture[::-1, ::2])).resize((103, 96)).save(table.parent / f"{name}.png")
    doubled.loc[1::2, "path"] += ".png"
    doubled.assign(micrograph_id=ids, sample_id=samples).to_csv(table, index=False)
    fold = [int(group[1:]) % 2 for group in doubled["batch"]]
    pd.DataFrame({"micrograph_id": ids, "group": doubled["batch"], "fold": fold}).to_csv(fit / "folds.csv", index=False)
    told = pd.read_csv(fit / "predictions.csv").rename(columns={"micrograph_id": "sample_id"})
    told.assign(sample_id=sorted(set(samples))).to_csv(fit / "predictions.csv", index=False)
    training = train(request_for(table, fit, epochs=1, batch=16), tmp_path / "out")
    assert training.windows.shape == (1, 24, 4)
    found = training.predictor(training.windows, "")
    assert found.predicted.shape == (12,)
    np.testing.assert_allclose(found.predicted, training.windows[0, :, 0].reshape(12, 2).mean(axis=1))


def test_what_is_not_ours_is_left_alone(drawn, tmp_path):
    request, out = request_for(*drawn, epochs=1), tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        train(request, out)
    assert [path.name for path in out.iterdir()] == ["mine.txt"]
    (out / "mine.txt").rename(out / "checkpoints")
    with pytest.raises(OutputError, match="exists already"):
        train(request, out)
    for other, name in (("a", "my.pt"), ("b", "fold-0-seed-0.json/my.pt"), ("c", "fold-0-seed-0.json.old")):
        mine = tmp_path / other / "checkpoints" / name
        mine.parent.mkdir(parents=True)
        mine.write_text("mine")
        with pytest.raises(OutputError, match="exists already"):
            train(request, tmp_path / other)
        assert mine.read_text() == "mine"
    (tmp_path / "done" / "model").mkdir(parents=True)
    with pytest.raises(OutputError, match="holds a finished model"):
        train(request, tmp_path / "done")


def test_a_file_that_is_put_among_checkpoints_outlives_them(tmp_path):
    with Unfinished(tmp_path) as unfinished:
        unfinished.begin({})
        unfinished.keep_weights(0, 0, b"weights")
        unfinished.note(0, 0, "cpu", None)
        (unfinished.folder / "my.pt").write_text("mine")
    unfinished.remove()
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["my.pt"]


def test_where_nothing_was_begun_nothing_is_left(drawn, tmp_path):
    with pytest.raises(ImageError, match="choose at most 96"):
        train(request_for(*drawn, geometry=Geometry(400, 0, 2)), tmp_path / "new" / "out")
    assert not (tmp_path / "new").exists()
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError):
        train(request_for(*drawn, geometry=Geometry(400, 0, 2)), tmp_path / "empty")
    assert not any((tmp_path / "empty").iterdir())
    with pytest.raises(SettingsError, match="--window 30: the network takes at least 32"):
        train(request_for(*drawn, geometry=Geometry(30, 0, 2)), tmp_path / "new")


def test_damaged_files_of_a_training_are_named(drawn, tmp_path):
    request, out = request_for(*drawn), tmp_path / "out"
    with pytest.raises(Stop):
        train(request, out, tell=stop_after("fold 1 seed 0: epoch 1"))
    for name, words in (
        ("fold-0-seed-0.safetensors", r"remove it, and it is trained again\.$"),
        ("fold-1-seed-0.checkpoint", r"remove it, and it is trained again\.$"),
        ("fold-1-seed-0.json", r"remove it\.$"),
        ("request.json", r"name a new folder\.$"),
    ):
        path = out / "checkpoints" / name
        whole = path.read_bytes()
        path.write_bytes(whole[:40])
        with pytest.raises(ArtefactError, match=re.escape(str(path)) + ": is damaged.*" + words):
            train(request, out)
        path.write_bytes(whole)


def test_another_request_or_another_run_in_the_same_folder_is_refused(drawn, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(Stop):
        train(request_for(*drawn, epochs=3), out, tell=stop_after("epoch 1"))
    with pytest.raises(OutputError, match="--epochs 3 then, 2 now; --seeds 1 then, 2 now"):
        train(request_for(*drawn, epochs=2, seeds=2), out)
    with pytest.raises(OutputError, match=r"begun here \(other classes\)"):
        train(request_for(*drawn, epochs=3, data=DatasetRequest(TARGET, "batch")), out)
    held = FileLock(out / "checkpoints" / ".lock")
    refused = []

    def hold():
        with held:
            try:
                with Unfinished(out):
                    pass
            except OutputError as error:
                refused.append(str(error))

    thread = threading.Thread(target=hold)
    thread.start()
    thread.join()
    assert "another training is at work" in refused[0]


def test_a_training_that_went_on_elsewhere_says_so(drawn, tmp_path):
    request, out = request_for(*drawn), tmp_path / "out"
    with pytest.raises(Stop):
        train(request, out, tell=stop_after("fold 1 seed 0: epoch 1"))
    for path in (out / "checkpoints").glob("fold-*.json"):  # as if it had begun on a graphics card
        path.write_text(path.read_text().replace("cpu", "cuda"))
    training = train(request, out)
    assert {name: each.devices for name, each in training.computed.items()} == {
        (0, 0): ["cuda"],
        (1, 0): ["cuda", "cpu"],
    }
    save(training, result_files.scores_of(training), out / "model")
    provenance = json.loads((out / "model" / "provenance.json").read_text())
    assert provenance["devices"]["fold-1-seed-0.safetensors"] == ["cuda", "cpu"]


@pytest.mark.parametrize("normalised", ["picture", "set"])
def test_where_memory_ran_short_it_is_said_and_kept(drawn, tmp_path, monkeypatch, normalised):
    fit = training_of_networks.fit_network

    def short(*data, tell, **more):  # from the second epoch on
        return fit(*data, tell=lambda each: tell(replace(each, part=3) if each.number > 1 else each), **more)

    request, out, lines = request_for(*drawn, epochs=3, normalised=normalised), tmp_path / "out", []
    with monkeypatch.context() as patch:
        patch.setattr(training_of_networks, "fit_network", short)
        with pytest.raises(Stop):
            train(request, out, tell=lambda line: (lines.append(line), stop_after("fold 1 seed 0: epoch 2")(line)))
    said = [line for line in lines if "memory" in line]
    assert len(said) == 2  # once a network
    assert said[0].startswith("fold 0 seed 0: memory ran short; batches of 8 are computed 3 at a time")
    assert said[0].endswith("normalised over those alone") == (normalised == "set")
    training = train(request, out, tell=lines.append)  # memory suffices again
    assert [each.part for each in training.computed.values()] == [3, 3]
    save(training, result_files.scores_of(training), out / "model")
    card = (out / "model" / "card.md").read_text(encoding="utf-8")
    assert "batches of 8, computed 3 at a time in 2 networks, where memory ran short" in card
    assert ("normalised over those alone" in card) == (normalised == "set")


def test_fewer_windows_than_a_batch_are_no_lack_of_memory(drawn, tmp_path):
    lines = []
    training = train(request_for(*drawn, epochs=1, batch=999), tmp_path / "out", tell=lines.append)
    assert not any("memory" in line for line in lines)
    assert [each.part for each in training.computed.values()] == [None, None]


def test_the_same_picture_in_two_folds_is_refused(drawn, tmp_path):
    table, _ = drawn
    pictures = table.parent / "pictures"
    with Image.open(pictures / "p00.png") as picture:
        picture.save(pictures / "p01.png", compress_level=0)  # another file
    assert (pictures / "p00.png").read_bytes() != (pictures / "p01.png").read_bytes()
    with pytest.raises(FeatureTableError, match="p00 and p01 are the same picture in different folds"):
        train(request_for(*drawn), tmp_path / "out")


def test_bad_requests(drawn, tmp_path):
    table, fit = drawn
    with pytest.raises(SettingsError, match="0 seeds"):
        train(request_for(table, fit, seeds=0), tmp_path / "out")
    with pytest.raises(SettingsError, match="'mps' was asked for"):
        train(request_for(table, fit, device="mps"), tmp_path / "out")
    folds = pd.read_csv(fit / "folds.csv")
    folds.assign(fold=0).to_csv(fit / "folds.csv", index=False)
    with pytest.raises(FeatureTableError, match="all rows are in one fold"):
        train(request_for(table, fit), tmp_path / "out")
    pd.read_csv(table).assign(batch="one").to_csv(table, index=False)
    with pytest.raises(FeatureTableError, match="all rows are in one group"):
        train(request_for(table, fit), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_time_left_is_that_of_the_whole_run(monkeypatch):
    clock = iter([0.0, 10.0, 20.0, 330.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    lines = []
    told = progress.Progress({"a": 2, "b": 2, "c": 0}, lines.append)
    for message in (("a", 1, 1.5), ("b", 1, 1.25), ("a", 2, 1.0)):
        told.put(message)
    assert lines == [
        "1 of 3 networks are trained already",
        "a: epoch 1 of 2, loss 1.500; 30 s left in all",
        "b: epoch 1 of 2, loss 1.250; 20 s left in all",
        "a: epoch 2 of 2, loss 1.000; 2 min left in all",
    ]


def test_what_was_begun_is_told_in_json(drawn, tmp_path):
    with pytest.raises(Stop):
        train(request_for(*drawn), tmp_path / "out", tell=stop_after("epoch 1"))
    begun = json.loads((tmp_path / "out" / "checkpoints" / "request.json").read_text())
    assert (begun["--seed"], begun["--seeds"], begun["--window"]) == (0, 1, 64)
    assert len(begun["pictures"]) == 12
