"""The folder of results, what is said of them, and the command on what can not be explained."""

import dataclasses
import json
import shutil

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from micro_features.cli import main
from micro_features.comparison import examine, explain, result_figures, result_files, wording
from micro_features.errors import ImageError
from micro_features.explain import compare, directions
from micro_features.explain.compare import CAPTION
from micro_features.explain.enrichment import MEASURES
from micro_features.fitting.scores_file import finite

from .conftest import N_PICTURES, TARGET, made_up_fit, request_for

FORMATS = (".pdf", ".png", ".svg")


@pytest.fixture(scope="module")
def folder(explained, tmp_path_factory):
    """Results, with a figure of one picture only."""
    folder = tmp_path_factory.mktemp("results") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(result_figures, "MOST_PICTURES", 1)
        patch.setattr(result_figures, "_SHEET", 2)
        result_files.write(explained, folder)
    return folder


def read(path):
    """JSON without the NaN that only Python knows."""

    def no_constant(name):
        raise ValueError(f"{path} holds {name}")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=no_constant)


def test_everything_is_written(folder):
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    figures = ["leans", "enrichment", "sanity", "perturbation", "maps", "pictures/0"]
    tables = {"comparison.json", "sanity.json", "enrichment.csv", "pictures.csv", "rows.csv"}
    drawn = sorted(files - tables)
    assert tables <= files
    assert len(drawn) == 3 * len(figures)
    for figure in figures:
        own = [name for name in drawn if name.startswith(f"figures/{figure}")]
        assert sorted(name[-4:] for name in own) == list(FORMATS), figure
        assert all((folder / name).stat().st_size > 1000 for name in own)


def test_json_has_null_for_what_is_not_known(folder, explained):
    told = read(folder / "comparison.json")
    assert told["caption"] == CAPTION
    assert told["said"] == list(wording.lines(explained))
    assert (told["n_rows"], told["n_pictures"], told["altered_pictures"]) == (8, N_PICTURES, ["p0"])
    assert told["layers"]["grain_px"] is None  # not resolved in the corners of pictures
    assert told["primary"]["verdict"] == "not meaningful"
    # Whoever takes a number out of the file meets first what it is worth.
    assert list(told["primary"])[:2] == ["verdict", "reasons"]
    for each in told["primary"]["by_phase"].values():
        assert list(each)[:3] == ["verdict_over_phases", "reasons", "value"]
        assert each["verdict_over_phases"] == "not meaningful"
        assert each["reasons"] == told["primary"]["reasons"]
    assert told["primary"]["reasons"][0] == explained.at_chance[0]
    for each in (told["signs_of_pores"], told["windows"], *told["interventions"].values()):
        assert next(iter(each)) == "at_chance"
    assert told["signs_of_pores"]["at_chance"] == list(explained.at_chance)
    assert told["windows"]["at_chance"] == list(explained.whole_at_chance) != []
    assert told["models"]["at_chance"]
    assert told["interventions"]["pores filled"]["change"][0][0] is None  # one group has no interval
    sane = read(folder / "sanity.json")
    assert {check["name"] for check in sane["checks"]} >= {"seeds", "weights", "border", "flat area"}
    assert [row["step"] for row in sane["randomised_layers"]] == ["head", "stage3", "stage2", "stage1", "stem"]
    assert list(sane["deletion_insertion"]) == ["p0"]
    assert list(sane["border"]) == [f"p{number}" for number in range(N_PICTURES)]


def test_figures_say_what_is_at_chance_and_speak_of_decades(explained, monkeypatch):
    monkeypatch.setattr(result_figures, "MOST_PICTURES", 1)
    drawn = dict(result_figures.figures(explained, result_files.enrichment_table(explained)))
    for name, figure in drawn.items():
        said = " ".join(" ".join(text.get_text() for text in figure.findobj(Text)).split())
        assert "log10" not in said, name
        assert explained.at_chance[0] in said, name
    assert [line.get_label() for line in drawn["sanity"].axes[2].lines[:2]] == [
        "taken away: what raises first",
        "put back: what raises first",
    ]


def test_plain_numbers_for_json():
    odd = {"a": np.float32(np.nan), 1: (np.inf, np.int64(2)), "b": np.array([[1.0, np.nan]]), "c": np.bool_(True)}
    assert finite(odd) == {"a": None, "1": [None, 2], "b": [[1.0, None]], "c": True}


def test_tables_hold_a_line_for_each_thing(folder, explained):
    rows = pd.read_csv(folder / "rows.csv")
    assert rows["id"].tolist() == list(explained.dataset.ids)
    assert list(rows) == [
        "id", "group", f"measured_{TARGET}", "predicted_by_network", "predicted_by_features", "predicted_by_structure",
        "porosity", "lean_pore", "shap_pore", "lean_boundary", "shap_grain_structure",
    ]  # fmt: skip
    # The first sample is the mean over its two pictures.
    first = [each.porosity for each in explained.pictures[:2]]
    assert rows["porosity"][0] == pytest.approx(np.mean(first))
    assert rows["porosity"][1] == pytest.approx(explained.pictures[2].porosity)
    told = explained.model.schema["training"]["predicted"]
    np.testing.assert_allclose(rows["predicted_by_network"], 10 ** np.array(told), rtol=1e-6)

    pictures = pd.read_csv(folder / "pictures.csv")
    assert len(pictures) == N_PICTURES * len(explained.pictures[0].heats) * 3
    assert pictures[["micrograph_id", "row", "group"]].drop_duplicates().values.tolist()[:3] == [
        ["p0", "s0", "g0"],
        ["p1", "s0", "g0"],
        ["p2", "s1", "g0"],
    ]
    one = pictures.query("micrograph_id == 'p2' and layer == 'stage1' and method == 'gradcam' and phase == 'pore'")
    assert one["cell_px"].item() == 8
    assert one["cell_um"].item() == pytest.approx(8 * 0.125)
    assert one["lean"].item() == pytest.approx(rows.set_index("id")["lean_pore"]["s1"])
    assert (pictures.groupby(["micrograph_id", "layer", "method"])["area"].sum() - 1).abs().max() < 1e-6

    enriched = pd.read_csv(folder / "enrichment.csv")
    assert enriched.query("judged")["layer"].unique().tolist() == [explained.layers.judged]
    # Of 4 layers, 2 methods, 3 phases and 5 measures; grains are not resolved here.
    assert len(enriched) == 120
    fixed = enriched.query("primary")[["layer", "method", "phase", "measure"]]
    assert fixed.to_numpy().tolist() == [[explained.layers.judged, "gradcam", "pore", "lean"]]
    for shows in (("pore", "boundary"), ("boundary",), ()):
        table = result_files.enrichment_table(showing(explained, *shows))
        assert tuple(table.query("primary")["phase"]) == shows
    lean = enriched.query("layer == 'stage1' and method == 'gradcam' and phase == 'pore' and measure == 'lean'")
    of_pictures = pictures.query("layer == 'stage1' and method == 'gradcam' and phase == 'pore'")["lean"]
    assert lean["value"].item() == pytest.approx(of_pictures.mean())
    assert lean["n_pictures"].item() == N_PICTURES
    assert lean["moved_maps_low"].item() <= lean["moved_maps_high"].item()


def test_no_rank_agreement_is_drawn_or_printed_at_chance(explained):
    """A correlation over a figure is read as a result, whatever its caption says."""
    assert explained.agreement.verdict == "not meaningful"
    for place, mask in enumerate(("pore", "boundary")):
        assert isinstance(result_figures._lean(explained, place, mask), str)
    said = "\n".join(wording.lines(explained))
    assert "Do both models lean on the same phases? NOT MEANINGFUL" in said
    assert "rank agreement over" not in said
    assert "Windows: not compared" in said
    assert "of no weight" in said
    assert said.endswith(CAPTION)
    one = dataclasses.replace(explained.agreement, verdict="agree", reasons=("words",))
    sure = dataclasses.replace(explained, agreement=one, of_pores=None, at_chance=())
    assert "rank agreement over 8 rows of 4 groups" in "\n".join(wording.lines(sure))


def showing(explained, *shows):
    """As if the judged layer resolved just these phases, and both models were better than chance."""
    layers = dataclasses.replace(
        explained.layers,
        grains=explained.layers.judged if "boundary" in shows else None,
        pores=explained.layers.judged if "pore" in shows else None,
    )
    one = dataclasses.replace(explained.agreement, verdict="undecided", reasons=("words",))
    return dataclasses.replace(explained, layers=layers, agreement=one, of_pores=None, at_chance=())


def words_of(figure):
    return " ".join(" ".join(text.get_text() for text in figure.findobj(Text)).split())


@pytest.mark.parametrize("shows", [("pore", "boundary"), ("boundary",), ("pore",), ()])
def test_figures_draw_no_lean_on_what_the_judged_layer_does_not_resolve(explained, shows, monkeypatch):
    monkeypatch.setattr(result_figures, "MOST_PICTURES", 1)
    found = showing(explained, *shows)
    drawn = dict(result_figures.figures(found, result_files.enrichment_table(found)))
    (sample,) = (figure for name, figure in drawn.items() if name.startswith("pictures/"))
    bars = {phase for phase in ("pores", "boundaries") if phase in words_of(drawn["enrichment"].axes[0])}
    assert ("Not resolvable." in words_of(drawn["enrichment"])) == (not shows)
    assert bars == {{"pore": "pores", "boundary": "boundaries"}[phase] for phase in shows}
    for phase, words in (("pore", "resolves the pores"), ("boundary", "resolves the grains")):
        assert isinstance(result_figures._lean(found, ("pore", "boundary").index(phase), phase), str) == (
            phase not in shows
        )
        for name in ("leans", "enrichment"):
            assert (f"no layer of the network {words}" in words_of(drawn[name])) == (phase not in shows), name
    assert ("no layer of the network resolves the pores" in words_of(sample)) == ("pore" not in shows)
    # Grains are not resolved in this picture.
    assert words_of(sample).count("no place here") == (1 if "pore" in shows else 2)


def without_lean(heat):
    null = heat.null.copy()
    null[..., MEASURES.index("lean")] = np.nan
    return dataclasses.replace(heat, table=heat.table.assign(lean=np.nan), null=null)


def test_a_picture_without_interior_is_drawn_and_written_without_its_lean(explained):
    """The first is one of two of its sample, the third the only one of the next."""
    pictures = list(explained.pictures)
    for place in (0, 2):
        heats = {key: without_lean(heat) for key, heat in pictures[place].heats.items()}
        pictures[place] = dataclasses.replace(pictures[place], heats=heats)
    undecided = dataclasses.replace(explained.agreement, verdict="undecided", reasons=("words",), n=7)
    found = dataclasses.replace(explained, pictures=pictures, agreement=undecided, of_pores=None, at_chance=())
    rows, before = result_files.rows_table(found), result_files.rows_table(explained)
    of_second = explained.pictures[1].heats[explained.layers.judged, "gradcam"].table.loc["pore", "lean"]
    assert rows["lean_pore"][0] == pytest.approx(of_second)
    assert np.isnan(rows["lean_pore"][1])
    np.testing.assert_array_equal(rows["lean_pore"][2:], before["lean_pore"][2:])
    drawn = result_figures._lean(found, 0, "pore")
    np.testing.assert_array_equal(drawn.network, rows["lean_pore"])
    assert -1 <= drawn.chance[0] <= drawn.chance[1] <= 1
    name, figure = next(result_figures.figures(found, result_files.enrichment_table(found)))
    assert name == "leans"
    assert sum(len(line.get_xdata()) for line in figure.axes[0].lines) >= 8
    nothing = dataclasses.replace(found, agreement=dataclasses.replace(undecided, n=0))
    assert result_figures._lean(nothing, 0, "pore") == "words"


def test_cells_of_several_sizes_are_told_as_such(explained):
    size = wording.map_size(explained)
    assert size == "stage1, 14 x 15 cells of 8 px = 1 µm"
    first = explained.pictures[0]
    key = explained.layers.judged, "gradcam"
    coarser = dataclasses.replace(
        first.heats[key],
        values=np.zeros((7, 8), np.float32),
        cells=dataclasses.replace(first.heats[key].cells, edge=16.0),
    )
    other = dataclasses.replace(first, heats={**first.heats, key: coarser}, pixel_um=0.2)
    mixed = dataclasses.replace(explained, pictures=[other, *explained.pictures[1:]])
    assert wording.map_size(mixed) == "stage1, 7 x 8 to 14 x 15 cells of 8 to 16 px = 1 to 3.2 µm"
    table = result_files.enrichment_table(mixed).query("judged and method == 'gradcam'")
    assert set(zip(table["cell_px"], table["cell_um"], strict=True)) == {("8 to 16", "1 to 3.2")}
    bare = [dataclasses.replace(each, pixel_um=None) for each in explained.pictures]
    assert wording.map_size(dataclasses.replace(explained, pictures=bare)) == "stage1, 14 x 15 cells of 8 px"


def test_altered_pictures_that_are_not_judged_are_counted(explained):
    def with_shares(*shares):
        (done,) = (each.alterations["pores filled"] for each in explained.pictures if each.alterations)
        pictures = [
            dataclasses.replace(
                each,
                alterations={"pores filled": dataclasses.replace(done, control_share=share)},
                superpixel_agreement=0.5,
            )
            for each, share in zip(explained.pictures, shares, strict=False)
        ]
        owner = explained.owner[: len(pictures)]
        return dataclasses.replace(explained, pictures=pictures, owner=owner, superpixels=np.array([0.4, 0.5, 0.6]))

    found = with_shares(1, 1, 0.5, 0.0, 0.8, np.nan)
    said = "\n".join(wording.lines(found))
    left_out = (
        "Filling pores is not judged in 3 of 6 altered pictures: there was no room for a control of as much area. "
        "Filling pores is not judged in 1 of 6 altered pictures: there was nothing to take away."
    )
    assert f"{explained.interventions['pores filled'].words} {left_out}" in said
    assert "median over 6 pictures" in said
    told = result_files.comparison(found)
    assert told["interventions"]["pores filled"]["words"] in said
    assert {fate: len(names) for fate, names in told["alterations"]["pores filled"].items()} == {
        "judged": 2,
        "no room": 3,
        "nothing": 1,
    }
    nothing = dataclasses.replace(with_shares(0.5, 0.5), interventions={}, moved={})
    assert "Filling pores is not judged in 2 of 2 altered pictures" in "\n".join(wording.lines(nothing))
    assert "not judged" not in "\n".join(wording.lines(with_shares(1)))


def stand_in(explained, monkeypatch, broken):
    """What was seen before is seen again, but for some pictures, that are looked at."""
    known = {each.name: each for each in explained.pictures}
    monkeypatch.setattr(explain, "examine", lambda job: examine.examine(job) if job.name in broken else known[job.name])
    monkeypatch.setattr(explain, "feature_side", lambda *data, **how: explained.features)


def with_broken(made, folder, names):
    """The pictures, some of which can not be read."""
    shutil.copytree(made / "pictures", folder / "pictures")
    for name in names:
        (folder / "pictures" / f"{name}.png").write_bytes(b"no picture")
    table = pd.read_csv(made / "features.csv", dtype=str)
    table["path"] = [f"pictures/{name}.png" for name in table["micrograph_id"]]
    table.to_csv(folder / "features.csv", index=False)
    return folder / "features.csv"


def test_no_weight_is_said_once_and_only_before_what_has_none(explained):
    def blocks(*, signs, answers):
        told = dataclasses.replace(explained, at_chance=signs * ("a",), whole_at_chance=answers * ("b",))
        (block,) = [each for each in "\n".join(wording.lines(told)).split("\n\n") if "Pores: " in each]
        first, found, after = block.partition(f"{wording.NO_WEIGHT}\n")
        assert wording.NO_WEIGHT not in after
        starts = ("Pores: ", "Filling pores", "Windows: not compared")
        return bool(found), *([start for start in starts if f"\n{start}" in f"\n{part}"] for part in (first, after))

    pores, filling, windows = "Pores: ", "Filling pores", "Windows: not compared"
    assert blocks(signs=True, answers=True) == (True, [windows], [pores, filling])
    assert blocks(signs=True, answers=False) == (True, [filling], [pores])
    assert blocks(signs=False, answers=True) == (True, [pores, windows], [filling])
    assert blocks(signs=False, answers=False) == (False, [pores, filling], [])


def test_scores_of_the_network_say_how_it_was_asked(explained):
    said = list(wording.lines(explained))
    scores = explained.model.scores["predictors"]
    (windows,) = [line for line in said if line.startswith("  network, mean over windows ")]
    (whole,) = [line for line in said if line.startswith("  network, whole picture in one pass ")]
    assert windows.endswith(f" {one_score(scores['network']['r2'])}")
    assert whole.endswith(f" {one_score(scores['network, whole picture in one pass']['r2'])}")
    assert explained.at_chance[0].startswith("The network, whole picture in one pass as in its maps, does no better")


def one_score(score):
    return wording.interval(*(np.nan if end is None else end for end in score))


def test_one_or_two_pictures_tell_nothing(explained):
    def said(number):
        pictures = [
            dataclasses.replace(each, superpixel_agreement=0.5 if place < number else np.nan)
            for place, each in enumerate(explained.pictures)
        ]
        windows = compare.WindowCorrelation((0.1, 0.2, 0.3), (0.1, 0.2, 0.3), 20, number)
        changed = {"pictures": pictures, "superpixels": np.array([0.4, 0.5, 0.6]), "windows": windows}
        return "\n".join(wording.lines(dataclasses.replace(explained, whole_at_chance=(), **changed)))

    assert "Heat over superpixels and their SHAP values: too few pictures to tell (2)." in said(2)
    assert "Windows: too few pictures to tell (2)." in said(2)
    assert "0.50" not in said(2)
    assert "too few groups to tell (2)" in said(4)  # of g0 and g1
    assert "median over 8 pictures" in said(8)
    assert "20 windows" in said(3)


def test_pores_that_raise_a_conductivity_are_said_to_be_against_physics(explained):
    def said(network, features, *, lean="unclear"):
        beyond = (directions.Estimate(*network), directions.Estimate(*features))
        filled = dataclasses.replace(explained.interventions["pores filled"], beyond=beyond)
        signs = dataclasses.replace(explained.signs, network=lean)
        with_them = {**explained.interventions, "pores filled": filled}
        return "\n".join(wording.lines(dataclasses.replace(explained, interventions=with_them, signs=signs)))

    falls, rises, unclear = (-0.4, -0.3, -0.1), (0.1, 0.3, 0.4), (-0.1, 0.1, 0.3)
    assert "So pores RAISE what the network predicts, against physics" in said(falls, rises)
    assert "So pores RAISE what the network and the feature model predict, against" in said(falls, falls)
    assert "RAISE what" not in said(rises, unclear)
    assert "can not be trusted here" in said(falls, rises, lean="lower")
    assert "can not be trusted here" not in said(rises, falls, lean="lower")
    target = dataclasses.replace(explained.dataset.target, unit="ohm cm")
    other = dataclasses.replace(explained, dataset=dataclasses.replace(explained.dataset, target=target))
    assert list(wording._reversal(other)) == []


def test_a_broken_picture_is_named_and_the_rest_goes_on(made, explained, tmp_path, monkeypatch):
    stand_in(explained, monkeypatch, {"p1"})
    told: list[str] = []
    found = explain.explain(request_for(made, table=with_broken(made, tmp_path, ["p1"])), tell=told.append)
    assert told[0].startswith("left out: p1: ")  # at once, and at the end
    assert "fitting" in told[1]
    assert [each.name for each in found.pictures] == ["p0", *(f"p{number}" for number in range(2, N_PICTURES))]
    assert found.owner.tolist() == list(range(8))
    assert [failure.split(":")[0] for failure in found.failures] == ["p1"]
    assert any(line.startswith("left out: p1: ") for line in wording.lines(found))
    # Its sample is now the other picture alone.
    assert result_files.rows_table(found)["porosity"][0] == pytest.approx(explained.pictures[0].porosity)


def test_a_row_without_any_picture_is_an_error_before_anything_is_fitted(made, explained, tmp_path, monkeypatch):
    stand_in(explained, monkeypatch, {"p1", "p4"})
    monkeypatch.setattr(explain, "feature_side", None)
    with pytest.raises(ImageError, match="p4: ") as caught:
        explain.explain(request_for(made, table=with_broken(made, tmp_path, ["p1", "p4"])))
    assert "\n" not in str(caught.value)


# ---- the command -----------------------------------------------------------------------------------------------------


def command(made, out, **replaced):
    told = {"--fit": made / "fit", "--cnn": made / "cnn" / "model", "-o": out, "-j": 1, "--altered": 1} | replaced
    return main(["explain", str(made / "features.csv"), *(str(word) for pair in told.items() for word in pair)])


def test_the_command_says_what_was_left_out_and_ends_with_1(made, explained, tmp_path, monkeypatch, capsys):
    asked, written = [], []

    def answer(request, tell):
        tell("looking")
        asked.append(request)
        return explained if request.altered else dataclasses.replace(explained, failures=["p9: is gone"])

    monkeypatch.setattr(explain, "explain", answer)
    monkeypatch.setattr(result_files, "write", lambda found, folder: written.append(folder))
    assert command(made, tmp_path / "out") == 0
    said = capsys.readouterr()
    assert said.err == "looking …\n"
    assert said.out.splitlines()[:-2] == list(wording.lines(explained))
    assert said.out.splitlines()[-1] == f"results: {tmp_path / 'out'} (look at {tmp_path / 'out' / 'figures'} first)"
    assert asked[0] == request_for(made, cnn=str(made / "cnn" / "model"))
    told = {"--altered": 0, "--sanity": "full", "--seed": 3, "--pictures": made, "--manifest": made / "m.csv"}
    assert command(made, tmp_path / "other", **told) == 1
    assert "left out: p9: is gone" in capsys.readouterr().out
    more = {"altered": 0, "sanity": "full", "seed": 3, "pictures": made, "manifest": made / "m.csv"}
    assert asked[1] == request_for(made, **more)
    assert written == [tmp_path / "out", tmp_path / "other"]


def test_what_does_not_belong_together_is_one_line(made, tmp_path, capsys):
    folds = {"same": [0, 0, 0, 1, 1, 0, 0, 1, 1], "other": [1, 1, 1, 0, 0, 0, 0, 1, 1]}
    made_up_fit(tmp_path / "hardness", fold=folds["same"], target="hardness_GPa")
    made_up_fit(tmp_path / "other", fold=folds["other"])
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    for number, (replaced, words) in enumerate(
        [
            ({"-o": tmp_path / "full"}, "full"),
            ({"--fit": tmp_path / "hardness"}, "predicts hardness_GPa, asked for is sigma_S_per_cm"),
            ({"--fit": tmp_path / "other"}, "was trained in other folds"),
            ({"--fit": tmp_path / "nothing"}, "name the folder that `fit -o` wrote"),
            ({"--cnn": made / "fit" / "model"}, "is not of a model of networks"),
            ({"--cnn": tmp_path / "nothing"}, "nothing"),
        ]
    ):
        assert command(made, tmp_path / f"out{number}", **replaced) == 2, replaced
        *_, line = capsys.readouterr().err.splitlines()
        assert line.startswith("micro-features: ")
        assert words in line
        assert not (tmp_path / f"out{number}").exists()  # nothing was written
    assert (tmp_path / "full" / "notes.txt").read_text() == "mine"


def test_what_is_wrong_with_files_is_said_before_anything_is_computed(made, tmp_path, capsys):
    shutil.copytree(made / "cnn" / "model", tmp_path / "model")
    (tmp_path / "model" / "sanity_full.json").write_text("{")
    assert command(made, tmp_path / "out", **{"--cnn": tmp_path / "model"}) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "sanity_full.json: is not what `explain --sanity full` writes" in line
    table = with_broken(made, tmp_path / "set", [])
    shutil.rmtree(tmp_path / "set" / "pictures")
    told = ["--fit", str(made / "fit"), "--cnn", str(made / "cnn" / "model"), "-o", str(tmp_path / "out"), "-j", "1"]
    assert main(["explain", str(table), *told]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "9 of 9 pictures are not there: pictures/p0.png" in line


def test_an_exchanged_picture_is_told_before_anything_is_fitted(made, tmp_path, monkeypatch):
    monkeypatch.setattr(explain, "feature_side", None)
    table = with_broken(made, tmp_path, [])
    shutil.copy(tmp_path / "pictures" / "p5.png", tmp_path / "pictures" / "p4.png")
    with pytest.raises(ImageError, match=r"p4: .*p4\.png: is not the picture that the networks were trained on"):
        explain.explain(request_for(made, table=table))


def test_training_again_needs_all_pictures_and_says_so_first(made, explained, tmp_path, monkeypatch):
    stand_in(explained, monkeypatch, {"p1"})
    looked = []
    monkeypatch.setattr(explain, "examine", lambda job: looked.append(job.name) or "never")
    with pytest.raises(ImageError, match=r"1 of 9 pictures can not be used, and training needs all: pictures/p1.png"):
        explain.explain(request_for(made, table=with_broken(made, tmp_path, ["p1"]), sanity="full"))
    assert looked == []


def test_the_figure_says_that_seeds_are_few_unless_a_full_run_trained_the_others(explained):
    seeds = next(check for check in explained.checks if check.name == "seeds")
    labels = dataclasses.replace(seeds, name="labels")
    full = dataclasses.replace(
        explained, checks=[dataclasses.replace(each, verdict="not shown") for each in [*explained.checks, labels]]
    )
    assert "not shown: 2 of 5" in words_of(result_figures._sanity(explained, "decades"))
    assert "of 5" not in words_of(result_figures._sanity(full, "decades"))
