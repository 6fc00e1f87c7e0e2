"""`train-segmenter`, as a user meets it: what it reads, prints, writes, and what it refuses."""

import json
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image

from micro_features.annotated import Case
from micro_features.cli import main
from micro_features.data import Micrograph
from micro_features.errors import ArtefactError
from micro_features.files.search import file_sha256
from micro_features.images.boundary_truth import BOUNDARY, INSIDE
from micro_features.settings import METHODS, Settings
from micro_features.synthetic.training import KINDS
from micro_features.training import lessons, teaching
from micro_features.training.boundaries import train_boundaries
from micro_features.training.lessons import drawn_pictures, own_pictures

FAST = ("--set", "grains.method=watershed", "--set", "pores.method=local", "-j", "1")


@pytest.fixture(autouse=True)
def small(monkeypatch, grooved, few_rounds):
    """Drawing and training in little time; returns the list of what was drawn."""
    drawn = []

    def training_picture(index, *, seed):
        drawn.append(index)
        image, grains, _ = grooved(1000 * seed + index)
        return SimpleNamespace(image=image, grains=grains, kind=KINDS[index % len(KINDS)])

    monkeypatch.setattr(lessons, "training_picture", training_picture)
    return drawn


@pytest.fixture
def own(tmp_path, grooved):
    """Function that saves own pictures, and others with holes, with labels and strokes; returns the folder."""

    def saved(n):
        for number in range(n):
            image, grains, scratches = grooved(100 + number)
            line = cv2.morphologyEx(grains.astype(np.float32), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
            strokes = np.where(line, BOUNDARY, INSIDE * (scratches | (np.arange(200) % 9 == 0)))
            holes = np.zeros(grains.shape, np.uint8)
            for centre in np.random.default_rng(number).integers(12, 148, (8, 2)):
                cv2.circle(holes, tuple(map(int, centre)), 8, 255, -1)
            for folder, pixels in (
                ("images", np.round(255 * image)),
                ("with_holes", np.round(255 * cv2.GaussianBlur(np.where(holes > 0, 0.02, image), (0, 0), 0.7))),
                ("holes", holes),
                ("labels", grains),
                ("strokes", strokes),
            ):
                (tmp_path / folder).mkdir(exist_ok=True)
                Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / folder / f"{'abc'[number]}.png")
        return tmp_path

    return saved


def trained(*words, capsys):
    """Exit code, what was printed, and what was told as an error."""
    code = main(["train-segmenter", *map(str, words), *FAST])
    told = capsys.readouterr()
    return code, told.out, told.err


def provenance(folder):
    return json.loads((folder / "provenance.json").read_text())


def test_own_labels_are_learned_and_the_gain_is_told(own, tmp_path, capsys):
    data, model = own(2), tmp_path / "model"
    code, out, _ = trained(data / "images", data / "labels", "--drawn", 3, "-o", model, capsys=capsys)
    assert code == 0
    assert {path.name for path in model.iterdir()} == {"contacts.ubj", "pairs.ubj", "card.md", "provenance.json"}
    known = provenance(model)
    assert known["drawn_pictures"] == dict.fromkeys(sorted(KINDS[:3]), 1)
    assert [picture["name"] for picture in known["own_pictures"]] == ["a", "b"]
    for picture in known["own_pictures"]:
        assert picture["picture_sha256"] == file_sha256(data / "images" / f"{picture['name']}.png")
        assert picture["labels_sha256"] == file_sha256(data / "labels" / f"{picture['name']}.png")
    card = (model / "card.md").read_text()
    assert "fill in" in card
    for score in known["scores"]:
        before, after = score["before"], score["trained"]
        assert after["F1"] > 0.9
        assert after["AP"] > before["AP"]
        told = f"F1 {before['F1']:.2f}, AP {before['AP']:.2f} by method watershed; F1 {after['F1']:.2f}"
        assert f"{score['name']}: {told}" in out
        assert f"| {score['name']} | {before['F1']:.2f} | {before['AP']:.2f} | {after['F1']:.2f} |" in card
    for name in ("contacts", "pairs"):
        assert known["skill"][name]["area_under_curve"] > 0.9
        assert f"{name}, in pictures left out of training: log loss {known['skill'][name]['log_loss']:.3f}" in out
    assert f"--set grains.model={model}" in out
    # It is of use: the command that it names runs, and finds the grains.
    result = tmp_path / "result"
    words = [
        data / "images/a.png",
        "-o",
        result,
        "--set",
        f"grains.model={model}",
        "--set",
        "pores.method=local",
        "-j",
        1,
    ]
    assert main(["segment", *map(str, words)]) == 0
    assert 30 < np.asarray(Image.open(result / "grains/a.tif")).max() < 50


def test_strokes_are_learned_too(own, tmp_path, capsys):
    data, model = own(2), tmp_path / "model"
    words = (data / "images", data / "strokes", "--strokes", "--drawn", 0, "-o", model)
    assert trained(*words, capsys=capsys)[0] == 0
    known = provenance(model)
    assert [picture["holds"] for picture in known["own_pictures"]] == ["strokes", "strokes"]
    assert known["scores"] == []
    assert known["skill"]["contacts"]["area_under_curve"] > 0.9


def test_pores_are_learned(own, tmp_path, capsys):
    data, model = own(2), tmp_path / "model"
    words = (data / "with_holes", data / "holes", "--kind", "pores", "--drawn", 0, "-o", model)
    code, out, _ = trained(*words, capsys=capsys)
    assert code == 0
    assert {path.name for path in model.iterdir()} == {"pores.ubj", "card.md", "provenance.json"}
    assert f"--set pores.model={model}" in out
    for score in provenance(model)["scores"]:
        assert score["trained"]["IoU"] > 0.8
        assert f"{score['name']}: IoU {score['before']['IoU']:.2f}, area error" in out


def test_strokes_in_pores_are_learned(own, tmp_path, capsys):
    data, model = own(2), tmp_path / "model"
    for name in "ab":  # a few columns painted: 1 solid, 2 pore
        pores = np.asarray(Image.open(data / f"holes/{name}.png")) > 0
        painted = np.where(np.arange(200) % 5 == 0, 1 + pores, 0)
        Image.fromarray(painted.astype(np.uint8)).save(data / f"strokes/{name}.png")
    words = (data / "with_holes", data / "strokes", "--kind", "pores", "--strokes", "--drawn", 0, "-o", model)
    assert trained(*words, capsys=capsys)[0] == 0
    assert provenance(model)["skill"]["pores"]["area_under_curve"] > 0.95
    assert provenance(model)["scores"] == []


def test_an_own_picture_is_judged_by_classifiers_that_have_not_seen_it(own, tmp_path, capsys, monkeypatch):
    result, judges = [], []

    def kept(*arguments, **more):
        result.append(train_boundaries(*arguments, **more))
        return result[0]

    def watched(image, valid, pores, *, judge_contacts, judge_pairs, **_):
        judges.append((judge_contacts.args[0], judge_pairs.args[0]))
        return SimpleNamespace(labels=valid.astype(np.int32))

    monkeypatch.setattr(teaching, "train_boundaries", kept)
    monkeypatch.setattr(teaching, "learned", watched)
    data = own(2)
    words = (data / "images", data / "labels", "--drawn", 2, "-o", tmp_path / "model")
    assert trained(*words, capsys=capsys)[0] == 0
    both = result[0].contacts.blind, result[0].pairs.blind
    # Drawn pictures come first; those of one's own have the numbers 2 and 3.
    for number, of_picture in zip((2, 3), judges, strict=True):
        assert all(judge is blind[number] for judge, blind in zip(of_picture, both, strict=True))
    assert len({*map(id, both[0])}) > 1


def test_a_single_picture_can_not_judge_itself(own, tmp_path, capsys):
    data, model = own(1), tmp_path / "model"
    words = (data / "images", data / "labels", "--drawn", 2, "-o", model)
    code, out, _ = trained(*words, capsys=capsys)
    assert code == 0
    assert "annotate a second one" in out
    assert "with the new model" not in out
    assert provenance(model)["scores"][0]["trained"] == {}
    assert "| a | " in (model / "card.md").read_text()
    assert "not known" in (model / "card.md").read_text()


def test_drawn_pictures_alone_make_the_same_model_each_time(tmp_path, capsys, monkeypatch):
    content = {}
    for name, seed in (("one", 3), ("same", 3), ("other", 4)):
        folder = tmp_path / name
        folder.mkdir()
        monkeypatch.chdir(folder)
        code, *_ = trained("--drawn", 3, "--seed", seed, "-o", "model", capsys=capsys)
        assert code == 0
        content[name] = {path.name: path.read_bytes() for path in (folder / "model").iterdir()}
    assert content["one"] == content["same"]
    assert content["one"]["contacts.ubj"] != content["other"]["contacts.ubj"]
    assert "nothing that others made" in content["one"]["card.md"].decode()


def test_own_pictures_together_count_as_much_as_drawn_ones(own, tmp_path, capsys, monkeypatch):
    seen = []

    def not_trained(some, *_, **__):
        seen.extend(some)
        raise ArtefactError("looked at only")

    monkeypatch.setattr(teaching, "train_boundaries", not_trained)
    data = own(3)
    words = (data / "images", data / "labels", "--drawn", len(KINDS), "-o", tmp_path / "model")
    assert trained(*words, capsys=capsys)[0] == 2
    drawn, own_ones = seen[: len(KINDS)], seen[len(KINDS) :]
    weights = dict(zip(KINDS, (lesson.weight for lesson in drawn), strict=True))
    assert weights == {kind: 2 if kind in ("polished", "fracture", "bimodal") else 1 for kind in KINDS}
    assert len(own_ones) == 3
    assert len({lesson.weight for lesson in own_ones}) == 1
    assert sum(lesson.weight for lesson in own_ones) == pytest.approx(sum(weights.values()))


def test_drawn_pictures_have_pores_as_they_are_found(monkeypatch, grooved):
    def with_hole(index, *, seed):
        image, grains, _ = grooved(index)
        image = image.copy()
        cv2.circle(image, (60, 70), 9, 0.02, -1)
        # A drawn pore that does not show, and one that the drawing does not know of.
        return SimpleNamespace(image=image, grains=grains, kind="polished", pores=np.full(image.shape, 7, np.int32))

    monkeypatch.setattr(lessons, "training_picture", with_hole)
    settings = Settings().updated(METHODS["fast"])
    (picture,), failures = drawn_pictures(1, settings, seed=0, n_workers=1)
    assert not failures
    hole = picture.lesson.pores > 0
    assert hole[70, 60]
    assert hole.mean() < 0.05
    none = settings.updated({"pores.method": "fixed", "pores.level": 0.0})
    (picture,), _ = drawn_pictures(1, none, seed=0, n_workers=1)
    assert not picture.lesson.pores.any()


def test_rows_without_labels_teach_nothing(monkeypatch, grooved):
    image, grains, _ = grooved(0)
    micrograph = Micrograph(image, np.ones(image.shape, bool), 1.0, calibrated=False)
    monkeypatch.setattr(lessons, "read_case", lambda _: (micrograph, grains[:150]))
    case = Case(Path("a.png"), Path("labels/a.png"), "a", "grains", Settings().updated(METHODS["fast"]))
    (picture,), _ = own_pictures([case], "grains", n_workers=1)
    lesson = picture.lesson
    assert {part.shape for part in (lesson.image, lesson.valid, lesson.pores, lesson.marks)} == {(150, 200)}
    assert picture.before["F1"] > 0.5


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((), "--drawn 40"),
        (("--drawn", "0"), "--drawn 40"),
        (("--strokes", "--drawn", "3"), "--drawn 40"),
        (("images",), "label images"),
        (("images", "nowhere"), "no such file"),
        (("images/a.png", "empty"), "no picture below"),
        (("images", "labels", "--set", "pores.sensitivity=7"), "pores.sensitivity"),
    ],
)
def test_what_is_missing_is_told_in_one_line(own, tmp_path, capsys, monkeypatch, words, reason):
    monkeypatch.chdir(own(1))
    (tmp_path / "empty").mkdir()
    code, out, err = trained(*words, "-o", "model", capsys=capsys)
    assert code == 2
    assert out == ""
    (line,) = err.splitlines()
    assert reason in line
    assert not (tmp_path / "model").exists()


def test_a_picture_without_labels_is_left_out_and_told(own, tmp_path, capsys):
    data = own(2)
    (data / "labels/b.png").unlink()
    words = (data / "images", data / "labels", "--drawn", 1, "-o", tmp_path / "model")
    code, out, _ = trained(*words, capsys=capsys)
    assert code == 0
    assert "pictures without a label image, not used: 1" in out
    (data / "labels/a.png").unlink()
    Image.fromarray(np.ones((9, 9), np.uint8)).save(data / "labels/other.png")
    code, _, err = trained(*words[:-1], tmp_path / "new", capsys=capsys)
    assert code == 2
    assert "no label image" in err


def test_bad_labels_stop_the_training_before_it_begins(own, tmp_path, capsys, small):
    data, model = own(2), tmp_path / "model"
    Image.fromarray(np.full((160, 200), 3, np.uint8)).save(data / "strokes/a.png")
    words = (data / "images", data / "strokes", "--strokes", "--drawn", 3, "-o", model)
    code, out, err = trained(*words, capsys=capsys)
    assert code == 1
    assert out == ""
    line, last = err.splitlines()
    assert "strokes/a.png' holds 3: strokes are 0 (not painted), 1" in line
    assert "nothing was trained" in last
    assert not small
    assert not model.exists()


def test_labels_of_a_part_are_told(own, tmp_path, capsys):
    data = own(2)
    labels = np.asarray(Image.open(data / "labels/a.png")).copy()
    labels[:, 100:] = 0
    Image.fromarray(labels).save(data / "labels/a.png")
    words = (data / "images", data / "labels", "--drawn", 0, "-o", tmp_path / "model")
    _, out, _ = trained(*words, capsys=capsys)
    assert "of it has no label" in out
    assert "\na: " in out
    assert "\nb: 5" not in out


def test_nothing_is_overwritten_and_that_is_told_first(own, capsys, small):
    code, _, err = trained("--drawn", 3, "-o", own(1), capsys=capsys)
    assert code == 2
    assert "exists already" in err
    assert not small


def test_without_a_model_it_is_compared_with_the_fast_method(own, tmp_path, capsys):
    data = own(2)
    words = [data / "images", data / "labels", "--drawn", 0, "-o", tmp_path / "model", *FAST[2:]]
    assert main(["train-segmenter", *map(str, words), "--set", "grains.model=nowhere"]) == 0
    assert "by method watershed" in capsys.readouterr().out
    # Pores are found as always: what is met later is no better, and no worse.
    assert provenance(tmp_path / "model")["settings"]["pores"]["method"] == "local"
    words[-5:] = [tmp_path / "other", "--set", "pores.method=classified", "-j", "1"]
    models = ("--set", "grains.model=nowhere", "--set", "pores.model=nowhere_else")
    assert main(["train-segmenter", *map(str, words), *models]) == 2
    assert "nowhere_else/pores.ubj" in capsys.readouterr().err


def test_a_trained_model_is_what_the_next_one_is_compared_with(own, tmp_path, capsys):
    data, first = own(2), tmp_path / "first"
    trained(data / "images", data / "labels", "--drawn", 0, "-o", first, capsys=capsys)
    words = [data / "images", data / "labels", "--drawn", 0, "-o", tmp_path / "second", *FAST[2:]]
    assert main(["train-segmenter", *map(str, words), "--set", f"grains.model={first}"]) == 0
    assert f"with {first}; F1" in capsys.readouterr().out
