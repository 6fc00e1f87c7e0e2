"""What is found by training again is kept with the model, shown later, and refused where it was damaged."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from micro_features.comparison import explain, retrained
from micro_features.comparison.asked import dataset_of
from micro_features.errors import ArtefactError, ImageError
from micro_features.explain import sanity
from micro_features.network import cnn_model
from micro_features.network.pictures import read_pictures

from .conftest import request_for

LAYER = "stage1"
OF_NO_WEIGHTS = f'"weights": "{retrained.weights_digest({})}"'
DAMAGED = ('"seeds": 1, "labels": 2', '"layer": 1', '"seeds": {}', '"seeds": {"by_group": 1}, "labels": {}')


def run_again(request, *, exchange=(), tell=lambda line: None):
    model = cnn_model.load(request.cnn)
    dataset = dataset_of(request, model)
    pictures = read_pictures(dataset, request.table, None, model.geometry)
    pictures |= dict(zip(exchange, [pictures[name] for name in exchange[::-1]], strict=True))
    found = retrained.run(model, dataset, pictures, LAYER, seed=0, n_workers=1, tell=tell)
    return found, model, dataset


@pytest.fixture(scope="module")
def copied(made, tmp_path_factory):
    """A copy of the model's folder, and what retraining found for it."""
    folder = tmp_path_factory.mktemp("copied") / "model"
    shutil.copytree(made / "cnn" / "model", folder)
    assert retrained.known(str(folder), LAYER) is None
    trained, lines, compared = [], [], []
    with pytest.MonkeyPatch.context() as patch:
        fit, labels_check = retrained.fit, sanity.labels_check
        patch.setattr(sanity, "labels_check", lambda *maps: compared.append(maps) or labels_check(*maps))
        patch.setattr(retrained, "fit", lambda *data, **how: trained.append((data, how)) or fit(*data, **how))
        found, model, dataset = run_again(request_for(made, cnn=str(folder)), tell=lines.append)
    return folder, found, trained, model, dataset, lines, compared


def test_what_is_missing_of_five_seeds_is_trained_and_two_on_exchanged_targets(copied):
    _, found, trained, model, dataset, *_ = copied
    assert [kept.seed for kept in model.networks if kept.fold == retrained.most_groups(model)] == [0, 1]
    # No two of one seed: they would begin with the same weights, and their maps be alike for that alone.
    assert [how["plan"].seed for _, how in trained] == [2, 3, 4, 5, 6]
    assert {how["plan"].epochs for _, how in trained} == {1}  # as the model itself was trained
    left_out = np.flatnonzero(model.known.fold == retrained.most_groups(model))
    assert found.n_pictures == sum(len(dataset.members[dataset.ids[row]]) for row in left_out)
    own = [dataset.y[row] for row, fold in enumerate(model.known.fold) if fold != retrained.most_groups(model)]
    for number, ((_x, _boxes, y, classes), _how) in enumerate(trained):
        assert len(y) == 4
        assert (y.tolist() == own) == (number < 3)
        assert classes is not None
        assert set(y.tolist()) <= set(dataset.y.tolist())
        np.testing.assert_array_equal(classes, np.digitize(10**y, dataset.cuts))
    assert "5 seeds" in found.seeds.words
    assert "Fewer than 5 seeds" not in found.seeds.words
    for check in (found.seeds, found.labels):
        assert check.words.endswith(f" {LAYER}, {found.n_pictures} pictures of 2 groups, fold 0.")
        assert np.isnan([check.low, check.high]).all()  # pictures of two groups are no independent ones
        assert len(check.by_group) == 2
    assert (found.seeds.name, found.labels.name) == ("seeds", "labels")


def test_every_seed_is_compared_with_every_network_of_exchanged_targets(copied):
    *_, ((by_seed, exchanged, groups),) = copied
    assert (len(by_seed), len(exchanged)) == (5, 2)
    maps = [[each.tobytes() for each in one] for one in (*by_seed, *exchanged)]
    assert len({tuple(one) for one in maps}) == 7
    assert {len(one) for one in maps} == {len(groups)}


def test_the_fold_is_that_of_most_groups():
    def of(fold, groups):
        return SimpleNamespace(known=SimpleNamespace(fold=np.array(fold), groups=np.array(groups)))

    assert retrained.most_groups(of([0, 0, 0, 1, 1], [0, 0, 0, 1, 2])) == 1  # not of most rows
    assert retrained.most_groups(of([2, 2, 1, 1, 0], [0, 1, 2, 3, 4])) == 1  # the first of several


def test_each_training_tells_how_far_it_is_and_what_time_is_left(copied):
    *_, lines, _ = copied
    named = ["seed 2", "seed 3", "seed 4", "exchanged targets 1", "exchanged targets 2"]
    assert [line.partition(": epoch 1 of 1, loss")[0] for line in lines] == named
    assert lines[-1].endswith("; 0 s left in all")


class Stop(KeyboardInterrupt):
    pass


def test_an_interrupted_one_leaves_the_model_as_it_was(made, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(made / "cnn" / "model", folder)
    before = sorted(path.name for path in folder.iterdir())

    def tell(line):
        if "exchanged targets 1" in line:
            raise Stop

    with pytest.raises(Stop):
        run_again(request_for(made, cnn=str(folder)), tell=tell)
    assert sorted(path.name for path in folder.iterdir()) == before


def test_other_pictures_than_those_of_the_training_are_refused(made, tmp_path, monkeypatch):
    monkeypatch.setattr(retrained, "fit", lambda *data, **how: pytest.fail("trained"))
    folder = tmp_path / "model"
    shutil.copytree(made / "cnn" / "model", folder)
    with pytest.raises(ImageError, match=r"p1: is not the picture that the networks were trained on"):
        run_again(request_for(made, cnn=str(folder)), exchange=("p1", "p2"))


def test_it_is_kept_with_the_model_and_read_back_equal(copied):
    folder, found, *_ = copied
    lines = []
    assert retrained.known(str(folder), "stage2", tell=lines.append) is None  # of another layer nothing is known
    assert repr(retrained.known(str(folder), LAYER, tell=lines.append)) == repr(found)  # NaN is not equal to itself
    assert json.loads((folder / "sanity_full.json").read_text())["layer"] == LAYER
    assert lines == []


@pytest.mark.parametrize("change", ["trained anew", "renamed", "an earlier version"])
def test_what_was_found_of_other_weights_is_left_out_and_told(copied, tmp_path, change):
    folder = tmp_path / "model"
    shutil.copytree(copied[0], folder)
    first, second = (folder / f"fold-0-seed-{seed}.safetensors" for seed in (0, 1))
    if change == "trained anew":
        first.write_bytes(first.read_bytes() + b"\0")
    elif change == "renamed":
        second.rename(folder / "fold-0-seed-9.safetensors")
    else:
        told = json.loads((folder / "sanity_full.json").read_text())
        del told["weights"], told["seeds"]["by_group"], told["labels"]["by_group"]
        (folder / "sanity_full.json").write_text(json.dumps(told))
    lines = []
    assert retrained.known(str(folder), LAYER, tell=lines.append) is None
    (line,) = lines
    assert line.startswith(f"{folder / 'sanity_full.json'}: is of other weights, or of an earlier version")
    assert "`--sanity full`" in line


def test_the_model_still_loads_with_the_file_beside_it(copied, made):
    folder, *_ = copied
    assert cnn_model.load(str(folder)).schema == cnn_model.load(str(made / "cnn" / "model")).schema


def test_what_is_not_known_is_null_and_comes_back(copied, tmp_path):
    folder, found, *_ = copied
    told = json.loads((folder / "sanity_full.json").read_text())
    assert told["labels"]["low"] is told["labels"]["high"] is None
    told["seeds"] |= {"low": 0.1, "high": 0.2, "by_group": []}
    told["weights"] = retrained.weights_digest({})
    (tmp_path / "sanity_full.json").write_text(json.dumps(told))
    again = retrained.known(str(tmp_path), LAYER)
    assert again is not None
    assert np.isnan([again.labels.low, again.labels.high]).all()
    assert again.labels.by_group == found.labels.by_group
    assert (again.seeds.low, again.seeds.high, again.seeds.by_group) == (0.1, 0.2, ())
    assert again.labels.value == found.labels.value
    check = sanity.Check("labels", "not shown", float("nan"), 0.1, float("nan"), 0.3, "words")
    assert retrained.finite({"labels": vars(check)})["labels"]["low"] is None


@pytest.mark.parametrize(
    "content",
    ["", "[1]", "null", "\ufeff{", f"{{{OF_NO_WEIGHTS}}}", *(f"{{{OF_NO_WEIGHTS}, {more}}}" for more in DAMAGED)],
)
def test_a_damaged_file_is_refused(tmp_path, content):
    (tmp_path / "sanity_full.json").write_text(content, encoding="utf-8")
    with pytest.raises(ArtefactError, match="is not what `explain --sanity full` writes") as caught:
        retrained.known(str(tmp_path), LAYER)
    assert str(caught.value).startswith(str(tmp_path / "sanity_full.json"))
    assert "remove it" in str(caught.value)


def test_a_later_run_shows_it(copied, made, explained, monkeypatch):
    folder, found, *_ = copied
    known = {each.name: each for each in explained.pictures}
    monkeypatch.setattr(explain, "examine", lambda job: known[job.name])
    monkeypatch.setattr(explain, "feature_side", lambda *data, **how: explained.features)
    checks = explain.explain(request_for(made, cnn=str(folder))).checks
    assert [check.name for check in checks][:3] == ["seeds", "weights", "labels"]
    assert repr((checks[0], checks[2])) == repr((found.seeds, found.labels))
    assert "labels" not in {check.name for check in explained.checks}
