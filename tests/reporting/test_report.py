import itertools
import json
import re
import shutil

import pandas as pd
import pytest

from micro_features.cli import main
from micro_features.errors import ArtefactError, FeatureTableError, OutputError
from micro_features.reporting.report import report

EVIL = "<script>alert(1)<"
QUOTED = 'it\'s "quoted" ⟨U+202E⟩gnp'
"""As they are shown."""


@pytest.fixture(scope="module")
def made(read_page):
    """Makes a report and reads it."""

    def make(folder, target, **named):
        report(folder, named=named, output=target, command_line=["report", str(folder)])
        return read_page(target.read_text(encoding="utf-8"))

    return make


@pytest.fixture(scope="module")
def whole(made, extracted, fit_results, tmp_path_factory):
    return made(extracted, tmp_path_factory.mktemp("page") / "r.html", fit=fit_results)


def test_a_report_needs_nothing_beside_itself(whole):
    for forbidden in ("script", "link", "iframe", "object", "form"):
        assert whole.named(forbidden) == []
    assert all(each["src"].startswith("data:image/") for each in whole.named("img"))
    assert all(each["href"].startswith("#") for each in whole.named("a"))
    assert not re.search(r"https?://|url\(|@import", whole.text)
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in whole.named("meta")


def test_who_does_not_see_finds_the_way(whole):
    assert whole.named("html") == [{"lang": "en"}]
    levels = [int(tag[1]) for tag, _ in whole.tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert len(whole.named("main")) == 1
    assert whole.named("a")[0]["href"] == f"#{whole.named('main')[0]['id']}"
    ids = [attrs["id"] for _, attrs in whole.tags if "id" in attrs]
    assert len(set(ids)) == len(ids)
    assert {each["href"][1:] for each in whole.named("a")} <= set(ids)
    assert len(whole.named("caption")) == len(whole.named("table"))
    assert all(each["scope"] in ("row", "col") for each in whole.named("th"))
    assert all(len(each["alt"]) > 20 for each in whole.named("img"))


def test_a_reader_is_told_in_the_order_of_questions(whole):
    assert whole.words("h2") == [
        "What was measured, and how far to trust it",
        "Pictures",
        "Calibration",
        "Distributions",
        "Grain size and porosity beside the standards",
        "How well the features predict the property",
        "What the predictions rest on (SHAP)",
        "Settings",
        "Where the numbers come from",
    ]


def test_names_are_words(whole):
    assert "<script" not in whole.text
    assert "\u202e" not in whole.text
    assert {EVIL, QUOTED, "3.67e-4", "3.70e-4"} <= set(whole.words("th"))
    assert any(each["alt"].startswith(f"Overlay of {EVIL}") for each in whole.named("img"))


def test_the_summary_tells_what_went_wrong(whole):
    said = " ".join(whole.words("p"))
    assert "4 micrographs of 2 samples were measured. 1 picture could not be measured" in said
    assert "Grains are resolved in 2 of 4 pictures" in said
    assert "polished 2, fracture 1, unknown 1" in said
    assert "not an image that is known" in " ".join(whole.words("td"))
    assert "Conductivity from the features: R² 0.71" in said
    assert "acquisition_date alone, without looking at a picture, reaches R² 0.92" in said


def test_honest_scores_stand_before_the_random_split(whole):
    heads = whole.words("th")
    assert heads.index("R², groups left out") < heads.index("R², random split") < heads.index("Optimism gap")
    assert "+0.21" in whole.words("td")
    assert heads.count("Condition") == 1


def test_settings_off_their_default_come_first(whole):
    captions = whole.words("caption")
    assert captions.index("Off the default.") < captions.index("All settings that extract knows.")
    assert "1 setting of 25 is off the default." in whole.words("p")
    assert "measure.min_whole_grains" in whole.words("th")


def test_fields_of_one_surface_are_told_apart(whole):
    heads = whole.words("th")
    assert {"s (polished)", "s (fracture)"} <= set(heads)
    kept = " ".join(whole.words("li"))
    assert "2 fields; at least 5 are asked for" in kept
    assert "grains not resolved" in kept


def test_folders_with_their_usual_names_are_taken(read_page, extracted, fitted, tmp_path):
    shutil.copytree(extracted, tmp_path / "all" / "extract")
    shutil.copytree(fitted, tmp_path / "all" / "fit")
    assert main(["report", str(tmp_path / "all")]) == 0
    page = read_page((tmp_path / "all" / "report.html").read_text(encoding="utf-8"))
    assert "How well the features predict the property" in page.words("h2")
    assert page.words("h1") == ["Micrographs of all"]


def test_other_commands_have_their_sections(made, write_figures, results, tmp_path):
    (results / "explained").mkdir()
    told = {"said": ["Head:", "  one 1", "  two   2"], "caption": "", "primary": {"verdict": "not meaningful"}}
    (results / "explained" / "comparison.json").write_text(json.dumps(told))
    write_figures(results / "explained", "sanity", *(f"pictures/{n:03}_a" for n in range(9)))
    (results / "cnn").mkdir()
    scores = {"said": [], "predictors": {"network": {"meaning": "mean", "r2": [0, 0.59, 1], "mae": [1, 2, 3]}}}
    (results / "cnn" / "scores.json").write_text(json.dumps(scores))
    (results / "published").mkdir()
    stage = {"accuracy": [0.1, 0.53, 0.9], "balanced_accuracy": [0.1, 0.5, 0.9]}
    published = {"said": ["Withheld."], "grouped": {"tree": stage}, "in_sample": None, "against_the_answer": ["chance"]}
    (results / "published" / "scores.json").write_text(json.dumps(published))
    pd.DataFrame({"parameter": ["secret"]}).to_csv(results / "published" / "answer.csv", index=False)
    (results / "sensitivity").mkdir()
    moved = {"low": 0.01, "base": 0.1, "high": 0.2, "setting": "pores.threshold", "share": 0.8}
    numbers = ["porosity", "pore_diameter_mean_px", "predicted_log10_s", "pore_number"]
    rows = [{"micrograph_id": each, "number": number, **moved} for each in "ab" for number in numbers]
    table = pd.DataFrame(rows)
    table.to_csv(results / "sensitivity" / "ranges.csv", index=False)
    write_figures(results / "sensitivity", "tornado_porosity")
    page = made(results, tmp_path / "r.html")
    assert page.words("h2")[5:9] == [
        "The network beside the features",
        "Where the network looks, beside what the features say (Grad-CAM and SHAP)",
        "The published method (visual words) side by side",
        "How much the thresholds matter",
    ]
    assert {"one 1", "two: 2"} <= set(page.words("li"))
    assert sum("Grad-CAM of the network" in each for each in page.words("figcaption")) == 6
    # Of each picture, and over both; what few ask for is not on the page.
    assert page.words("td").count("pores.threshold") == 6 + 3
    assert any("Over all pictures" in each for each in page.words("caption"))
    assert {"porosity", "pore_diameter_mean_px", "predicted_log10_s"} <= set(page.words("td"))
    assert "0.53 [0.10,\N{NO-BREAK SPACE}0.90]" in page.words("td")
    # An answer that is worth nothing is not printed as if it were one.
    assert "secret" not in page.text
    said = " ".join(page.words("p"))
    assert "lean on the same phases of the pictures: not meaningful." in said
    assert "its answer is withheld, chance." in said


def test_only_failures_make_a_report_all_the_same(made, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(b"nothing")
    assert main(["extract", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "-j", "1"]) == 1
    page = made(tmp_path / "out", tmp_path / "r.html")
    assert "No micrograph was measured. 1 picture could not be measured" in " ".join(page.words("p"))
    assert page.words("h2") == ["What was measured, and how far to trust it", "Settings", "Where the numbers come from"]


def test_pictures_without_a_scale_have_sizes_in_pixels(made, extracted, tmp_path):
    picture = extracted.parent / "one.png"
    shutil.copy(extracted.parent / "pictures" / "3.67e-4.png", picture)
    command = ["extract", str(picture), "--uncalibrated", "--method", "fast", "-j", "1"]
    assert main([*command, "-o", str(tmp_path / "out")]) == 0
    page = made(tmp_path / "out", tmp_path / "r.html")
    assert "1 picture has no scale: lengths there are in pixels" in " ".join(page.words("p"))
    assert "Pore size in pictures without a scale" in page.words("h3")
    assert "Grain size" in page.words("h3")


def test_an_own_report_is_renewed_and_nothing_else_is_lost(results):
    assert main(["report", str(results)]) == 0
    before = (results / "report.html").read_bytes()
    assert main(["report", str(results), "--title", EVIL]) == 0
    assert (results / "report.html").read_bytes() != before
    (results / "report.html").write_text("mine")
    with pytest.raises(OutputError, match="not written by `report`"):
        report(results, named={})
    assert (results / "report.html").read_text() == "mine"
    for name, match in (("report.html", "exists; name another file"), ("r.pdf", "a browser prints them to PDF")):
        with pytest.raises(OutputError, match=match):
            report(results, named={}, output=results / name)


def cut(path, share=0.5):
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])


@pytest.mark.parametrize(
    ("damage", "kind", "match"),
    [
        (
            lambda r, f: cut(r / "features.csv"),
            FeatureTableError,
            "features.csv: ends within a line, so it was cut off",
        ),
        (lambda r, f: cut(r / "regions.csv"), FeatureTableError, "regions.csv: ends within a line"),
        (lambda r, f: (r / "features.csv").write_text("micrograph_id\na\n"), FeatureTableError, "'path' is missing"),
        (lambda r, f: (r / "features.csv").write_text(""), FeatureTableError, "features.csv"),
        (lambda r, f: cut(r / "provenance.json"), ArtefactError, "provenance.json: is damaged"),
        (lambda r, f: (r / "provenance.json").unlink(), ArtefactError, "provenance.json: can not be read"),
        (lambda r, f: (r / "provenance.json").write_text("[]"), ArtefactError, "'settings' is missing"),
        (lambda r, f: cut(r / "overlays" / "3.67e-4.png", 0.01), ArtefactError, "is no picture, or damaged"),
        (lambda r, f: cut(f / "scores.json"), ArtefactError, "scores.json: is damaged"),
        (lambda r, f: (f / "scores.json").write_text("{}"), ArtefactError, "'said' is missing"),
        (lambda r, f: (f / "scores.json").unlink(), ArtefactError, "holds no scores.json; name a folder that `fit -o`"),
        (lambda r, f: (f / "figures" / "optimism.png").write_bytes(b""), ArtefactError, "optimism.png: is no picture"),
    ],
)
def test_what_is_damaged_is_said_in_one_line_and_nothing_is_written(damage, kind, match, results, fitted, capsys):
    damage(results, fitted)
    with pytest.raises(kind, match=match):
        report(results, named={"fit": fitted})
    assert main(["report", str(results), "--fit", str(fitted)]) == 2
    told = [line for line in capsys.readouterr().err.splitlines() if not line.endswith("…")]
    assert len(told) == 1
    assert not (results / "report.html").exists()


@pytest.mark.parametrize("entry", ["models", "confounders", "target"])
@pytest.mark.parametrize("wrong", [7, "words", ["words"]])
def test_scores_of_another_shape_are_said(entry, wrong, results, fitted):
    scores = json.loads((fitted / "scores.json").read_text())
    (fitted / "scores.json").write_text(json.dumps({**scores, entry: wrong}))
    with pytest.raises(ArtefactError, match=r"scores\.json"):
        report(results, named={"fit": fitted})


def test_an_empty_folder_is_told_from_none(tmp_path):
    with pytest.raises(ArtefactError, match=r"holds no features\.csv"):
        report(tmp_path, named={})
    with pytest.raises(ArtefactError, match="is no folder"):
        report(tmp_path / "none", named={})


def test_rows_that_somebody_took_away_are_missed(made, results, tmp_path):
    table = pd.read_csv(results / "features.csv", dtype=str)
    table.iloc[1:].to_csv(results / "features.csv", index=False)
    page = made(results, tmp_path / "r.html")
    assert "the table has no row of 1 picture that provenance.json lists" in " ".join(page.words("p"))


@pytest.mark.parametrize(("same", "warned"), [(True, False), (False, True)])
def test_a_model_of_other_settings_is_told(same, warned, made, extracted, fitted, tmp_path):
    digest = json.loads((extracted / "provenance.json").read_text())["settings_digest"]
    scores = json.loads((fitted / "scores.json").read_text())
    scores["settings_digests"] = [digest if same else "0123456789ab"]
    (fitted / "scores.json").write_text(json.dumps(scores))
    page = made(extracted, tmp_path / "r.html", fit=fitted)
    assert (
        any("fitted to features that were measured with other settings" in each for each in page.words("p")) == warned
    )


def test_corrections_by_hand_are_counted(made, results, tmp_path):
    assert "by hand" not in " ".join(made(results, tmp_path / "none.html").words("p"))
    table = pd.read_csv(results / "features.csv", dtype=str)
    table["corrections_applied"], table["corrections_missed"] = ["3", "0", "1", "0"], ["0", "2", "0", "0"]
    table.to_csv(results / "features.csv", index=False)
    page = made(results, tmp_path / "r.html")
    said = "4 corrections by hand changed 2 pictures; the table names them. 2 others found nothing to act on"
    assert said in " ".join(page.words("p"))
    assert "By hand" in page.words("th")


def test_pictures_of_other_settings_are_told_with_what_differs(made, results, tmp_path):
    assert not any("measured with other settings" in each for each in made(results, tmp_path / "a.html").words("p"))
    table = pd.read_csv(results / "features.csv", dtype=str)
    table.loc[1:2, "settings_digest"] = "0123456789ab"
    table.to_csv(results / "features.csv", index=False)
    told = json.loads((results / "provenance.json").read_text())
    other = json.loads(json.dumps(told["settings"]))
    other["pores"]["threshold"] = 0.35
    told["settings_of_earlier_rows"] = {"0123456789ab": other}
    (results / "provenance.json").write_text(json.dumps(told))
    page = made(results, tmp_path / "b.html")
    assert any(each.startswith("Careful: 2 pictures measured with other settings") for each in page.words("p"))
    assert "pores.threshold: 0.35" in page.words("li")
