"""Annotated truth: scores, their means and intervals, what is refused, and the contact sheet."""

from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from micro_features.annotated import cases
from micro_features.benchmark import segmentation
from micro_features.cli import main
from micro_features.settings import Settings
from micro_features.synthetic import quick_micrograph, with_databar


@pytest.fixture(scope="module")
def drawn():
    return quick_micrograph(
        shape=(200, 576), pixel_um=0.25, grain_diameter_mean_um=9.0, porosity=0.05, pore_diameter_mean_um=4.0, seed=2
    )


@pytest.fixture
def folders(tmp_path, drawn):
    """Two annotated pictures; one below a folder of its own, with a data bar that its label image lacks."""
    plain = np.rint(drawn.image * 255).astype(np.uint8)
    bar = {"layout": "jeol", "magnification": 1500, "kV": 5.0, "WD_mm": 10.0, "taken": datetime(2024, 5, 2, 10, 12, 5)}
    with_bar, _ = with_databar(plain, pixel_um=0.25, **bar)
    for folder in ("images/sub", "grains/sub", "pores/sub"):
        (tmp_path / folder).mkdir(parents=True)
    for name, picture in (("a", plain), ("sub/b", with_bar)):
        Image.fromarray(picture).save(tmp_path / f"images/{name}.png")
        Image.fromarray(drawn.grains.astype(np.uint16)).save(tmp_path / f"grains/{name}.tif")
        Image.fromarray((drawn.pores > 0).astype(np.uint8) * 255).save(tmp_path / f"pores/{name}.png")
    return tmp_path


def evaluated(folders, kind="grains"):
    todo, failures = cases(folders / "images", folders / kind, kind, Settings())
    assert not failures
    table, failures = segmentation.evaluate_all(todo, n_workers=1)
    assert not failures
    return todo, table


def of(table, method):
    return table[table["method"] == method].set_index("name")


def test_the_truth_itself_scores_best_and_one_grain_for_all_errs_as_it_must(folders, drawn, monkeypatch):
    twice = np.kron(drawn.grains, np.ones((2, 2), np.int32))[:200, :576]
    known = {
        "truth": lambda image: drawn.grains,
        "one grain": lambda image: np.ones(image.shape, np.int32),
        "twice as large": lambda image: twice,
    }
    monkeypatch.setitem(segmentation.BASELINES, "grains", known)
    _, table = evaluated(folders)
    assert set(table["name"]) == {"a", "sub/b"}
    assert (table["n_true"] == drawn.grains.max()).all()
    assert table["diameter_true_px"].between(15, 45).all()  # about 9 um of 0.25 um, less in a section
    perfect, single = of(table, "truth"), of(table, "one grain")
    assert (perfect[["f1_50", "ap", "boundary_f1_2px"]] == 1).all(axis=None)
    assert (perfect[["intercept_error", "G_planimetric_error", "G_intercept_error"]] == 0).all(axis=None)
    assert (single["n_found"] == 1).all()
    assert single["intercept_error"].isna().all()  # no boundary, no intercept
    assert single["boundary_recall_2px"].max() < 0.2
    large = of(table, "twice as large")
    assert large["intercept_error"].between(0.5, 1.2).all()
    assert large["G_intercept_error"].to_numpy() == pytest.approx(-2 * np.log2(1 + large["intercept_error"]), abs=1e-4)
    assert large["G_planimetric_error"].between(-2.5, -1).all()


def test_ours_stand_beside_textbook_methods_with_times_and_qualities(folders):
    _, table = evaluated(folders)
    assert list(table["method"].iloc[:5]) == [*segmentation.OURS["grains"], *segmentation.BASELINES["grains"]]
    ours = table["method"].isin(list(segmentation.OURS["grains"]))
    assert table.loc[ours, "f1_50"].min() > 0.5
    assert table.loc[ours, "intercept_error"].abs().max() < 0.25
    assert table.loc[ours, "quality_grains_resolved"].notna().all()
    assert table.loc[~ours, "quality_grains_resolved"].isna().all()
    assert (table["seconds"] > 0).all()


def test_pores_are_scored_as_masks(folders, drawn):
    _, table = evaluated(folders, "pores")
    ours = of(table, next(iter(segmentation.OURS["pores"])))
    assert ours["iou"].min() > 0.6
    assert ours.loc["a", "share_true"] == pytest.approx(np.mean(drawn.pores > 0))
    assert ours["area_error"].to_numpy() == pytest.approx(ours["share_found"] / ours["share_true"] - 1)
    assert ours["area_error"].abs().max() < 0.3


def test_a_bad_picture_stops_no_other(folders, capsys):
    good = np.asarray(Image.open(folders / "grains/a.tif"))
    picture = Image.open(folders / "images/a.png")
    bad = {
        "colour": np.stack([good.astype(np.uint8)] * 2 + [255 - good.astype(np.uint8)], axis=2),
        "empty": np.zeros_like(good),
        "mask": (good > 0).astype(np.uint8) * 255,
        "small": good[:150],
        "wide": np.hstack([good, good]),
    }
    for name, labels in bad.items():
        picture.save(folders / f"images/{name}.png")
        Image.fromarray(labels).save(folders / f"grains/{name}.png")
    picture.save(folders / "images/lonely.png")
    Image.fromarray(np.full((200, 576), 99, np.uint8)).save(folders / "images/flat.png")
    Image.fromarray(good).save(folders / "grains/flat.png")
    output = folders / "table.csv"
    arguments = [str(folders / "images"), str(folders / "grains"), "-j", "1", "-o", str(output)]
    assert main(["benchmark", "segmentation", *arguments]) == 1
    told = capsys.readouterr()
    assert "means over 2 pictures" in told.out or "n = 2" in told.out
    reasons = {line.split("images/")[1].split(".png")[0]: line for line in told.err.splitlines() if "images/" in line}
    for name, words in {
        "colour": "is in colour",
        "empty": "is empty",
        "mask": "one label only, 255: every grain needs its own number",
        "small": "has 576 x 150 pixels, the picture 576 x 200",
        "wide": "has 1152 x 200 pixels, the picture 576 x 200",
        "lonely": "grains/lonely.png or .tif is needed",
        "flat": "of one colour",
    }.items():
        assert words in reasons[name]
    assert set(pd.read_csv(output)["name"]) == {"a", "sub/b"}


def test_nothing_to_look_at_is_refused(folders, capsys):
    assert main(["benchmark", "segmentation", str(folders / "gone"), str(folders / "grains")]) == 2
    assert "no such file" in capsys.readouterr().err


def test_a_method_without_its_model_is_told_before_pictures_are_opened(folders, capsys):
    Image.fromarray(np.zeros((64, 64, 4), np.uint8)).save(folders / "images/a.png")  # would fail by itself
    arguments = [str(folders / "images"), str(folders / "grains"), "-j", "1", "--set", "grains.model=nowhere"]
    assert main(["benchmark", "segmentation", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "nowhere/contacts.ubj: can not be read" in line


def test_one_picture_and_its_label_image(folders, capsys):
    sheet = folders / "sheet.png"
    arguments = [str(folders / "images/a.png"), str(folders / "pores/a.png"), "--kind", "pores", "--sheet", str(sheet)]
    assert main(["benchmark", "segmentation", *arguments, "-j", "1"]) == 0
    assert "pores: n = 1" in capsys.readouterr().out
    assert np.asarray(Image.open(sheet)).shape[1] > 3 * 500
    assert main(["benchmark", "segmentation", *arguments]) == 2  # the sheet is there
    assert "exists; name another file" in capsys.readouterr().err


def table_of(values, confidence=None, kind="pores"):
    n = len(values)
    rows = {"file": [f"{i}.png" for i in range(n)], "name": [str(i) for i in range(n)], "seconds": 0.1}
    scores = {score.column: values for score in segmentation.SCORES[kind]}
    table = pd.DataFrame({**rows, "method": "best", **scores})
    return table if confidence is None else table.assign(**{segmentation.CONFIDENCE: confidence})


def test_means_have_intervals_and_errors_count_whatever_their_sign():
    means = segmentation.summary(table_of([0.5, -0.5, 0.5, -0.5]), "pores").iloc[0]
    assert (means["iou"], means["area_error"]) == (0.0, 0.5)
    assert means["iou_ci95_low"] < -0.2 < 0.2 < means["iou_ci95_high"]
    assert means["area_error_ci95_low"] == means["area_error_ci95_high"] == 0.5
    assert np.isnan(segmentation.summary(table_of([0.5, 0.6]), "pores").iloc[0]["iou_ci95_low"])
    # A picture without a result is not passed over.
    missing = segmentation.summary(table_of([0.5, np.nan, 0.6, 0.7]), "pores").iloc[0]
    assert missing[["area_error", "area_error_ci95_low", "area_error_ci95_high"]].isna().all()


def test_confidence_is_held_against_the_score():
    def told(scores, confidence, kind="grains"):
        table = table_of(scores, confidence, kind)
        return list(segmentation.lines(table, segmentation.summary(table, kind), kind))[-1]

    scores = np.array([0.2, 0.9, 0.5, 0.6, 0.8, 0.4])
    assert "confidence against F1, best, n = 6: Spearman r = 1.00 (95 %: 1.00" in told(scores, scores**3)
    assert "Spearman r = -1.00" in told(scores, -scores)
    assert "too few pictures" in told(scores[:2], scores[:2])
    assert "confidence" not in told(scores, None)
    # What is known of grains says nothing about pores.
    assert "confidence" not in told(scores, scores, "pores")


def test_the_worst_pictures_come_first_in_the_sheet(folders, monkeypatch):
    todo, table = evaluated(folders, "pores")
    table.loc[table["name"] == "sub/b", "iou"] = 0.01
    sheet = segmentation.sheet_of_worst(todo, table, "pores", n=1)
    table.loc[table["name"] == "a", "iou"] = 0.001
    both = segmentation.sheet_of_worst(todo, table, "pores", n=2)
    assert sheet.shape[1] == both.shape[1]
    assert both.shape[0] > 1.8 * sheet.shape[0]
    assert not np.array_equal(both[: sheet.shape[0]], sheet)
    assert np.array_equal(both[-sheet.shape[0] :], sheet)
