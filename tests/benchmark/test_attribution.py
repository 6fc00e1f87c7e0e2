"""Planted sets without pictures: features that are the causes themselves, and what is said of the attributions."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from micro_features.benchmark import attribution as benchmark
from micro_features.benchmark import attribution_summary as said
from micro_features.cli import main
from micro_features.errors import FeatureTableError
from micro_features.features.catalogue import FEATURES
from micro_features.learn import tabular
from micro_features.learn.tabular import MODELS
from micro_features.synth import response_surface
from micro_features.synthetic.law.causes import CAUSE_RANGES, CAUSES
from micro_features.synthetic.planted import PRESETS, law_of

POROSITY, GRAIN_SIZE, RESISTANCE = CAUSES
PLANTS = {"porosity": POROSITY, "grain-size": GRAIN_SIZE, "boundary": RESISTANCE}


@pytest.fixture(scope="module")
def surface():
    return response_surface()


@pytest.fixture
def quick(monkeypatch):
    """Little is chosen, so that a set is asked in a second."""
    monkeypatch.setattr(benchmark, "_EXPLAINED", replace(MODELS["xgboost"], variants=({"max_depth": 2},)))
    monkeypatch.setattr(tabular, "MOST_ROUNDS", 60)


def pool_of(*, n=130, noise=0.2, per_cause=2, seed=0):
    """Features that are the causes, in standard deviations, with noise; texture that is noise alone."""
    rng = np.random.default_rng(seed)
    shares = rng.random((n, len(CAUSES)))
    causes = pd.DataFrame({cause: CAUSE_RANGES[cause].at(shares[:, i]) for i, cause in enumerate(CAUSES)})
    X, columns = {}, {}
    for i, cause in enumerate(CAUSES):
        columns[cause] = list(range(len(X), len(X) + per_cause))
        for k in range(per_cause):
            X[f"{cause} {k}"] = (shares[:, i] - 0.5) * 12**0.5 + noise * rng.standard_normal(n)
    columns[benchmark.TEXTURE] = [len(X)]
    X["texture"] = rng.standard_normal(n)
    return benchmark.Pool(pd.DataFrame(X), causes, columns)


def answers(planted, **more):
    rows = benchmark.ask(planted, seed=0, **{"permutations": 19, "bootstraps": 8, **more})
    return pd.DataFrame(rows).set_index("cause")


@pytest.mark.parametrize(("preset", "cause"), PLANTS.items())
@pytest.mark.usefixtures("quick")
def test_the_planted_cause_is_found_and_no_other(surface, preset, cause):
    found = answers(benchmark.planted_set(pool_of(), preset, surface, seed=0))
    assert found["share"].idxmax() == cause
    assert found.index[found["clears_null"]].tolist() == [cause]
    assert found.index[found["seen"]].tolist() == [cause]
    assert found.loc[cause, "true_effect"] > 0.01
    assert found["true_effect"].drop(cause).max() < 1e-9
    assert found["r2"].iloc[0] > 0.7
    assert set(found["largest_with_texture"]) == {cause}
    assert found["texture_share"].iloc[0] < 0.1


@pytest.mark.usefixtures("quick")
def test_a_shuffled_conductivity_points_at_nothing(surface):
    planted = benchmark.planted_set(pool_of(), "porosity", surface, seed=0)
    shuffled = benchmark.unlinked(planted, seed=1)
    assert np.array_equal(np.sort(shuffled.y), np.sort(planted.y))
    found = answers(shuffled)
    assert not found["seen"].any()
    assert not found["clears_null"].any()
    assert found["r2"].iloc[0] < 0.2


@pytest.mark.usefixtures("quick")
def test_texture_that_knows_the_answer_takes_its_share(surface):
    pool = pool_of(noise=1.5)
    told = benchmark.Pool(pool.X.assign(texture=-pool.causes[POROSITY]), pool.causes, pool.columns)
    found = answers(benchmark.planted_set(told, "porosity", surface, seed=0), permutations=2, bootstraps=2)
    assert found["texture_share"].iloc[0] > 0.45


def test_conductivity_follows_from_the_law_and_the_causes_in_the_manifest(surface):
    pool = pool_of()
    causes = {cause: pool.causes[cause].to_numpy() for cause in CAUSES}
    for preset in (*PLANTS, "example"):
        y = benchmark.plant(pool, preset, surface, seed=0).y
        assert np.array_equal(y, law_of(PRESETS[preset], surface)(**causes))
    assert benchmark.plant(pool, "example", surface, seed=0).unseen == ()
    # about 5e-4 S/cm: a garnet with boundaries and pores
    assert -4 < benchmark.plant(pool, "example", surface, seed=0).y.mean() < -3


def test_a_hidden_resistance_drives_but_is_dealt_out_to_other_specimens(surface):
    pool = pool_of()
    hidden, shown = (benchmark.plant(pool, preset, surface, seed=0) for preset in ("hidden", "example"))
    assert hidden.unseen == (RESISTANCE,)
    assert hidden.effects == pytest.approx(shown.effects, rel=0.1)
    dealt_back = hidden.y - shown.y
    assert np.corrcoef(dealt_back, np.log(pool.causes[RESISTANCE]))[0, 1] > 0.4  # its own resistance was taken away
    assert abs(np.corrcoef(hidden.y, np.log(pool.causes[RESISTANCE]))[0, 1]) < 0.2
    assert not np.array_equal(hidden.y, benchmark.plant(pool, "hidden", surface, seed=1).y)
    assert pool.causes.equals(pool_of().causes)


def test_a_set_takes_different_specimens_by_each_seed_and_the_same_for_each_preset(surface):
    pool = pool_of()
    one, same, other = (
        benchmark.planted_set(pool, preset, surface, seed=seed).pool.X.index
        for preset, seed in (("porosity", 1), ("boundary", 1), ("porosity", 2))
    )
    assert len(set(one)) == benchmark.SPECIMENS
    assert one.equals(same)
    assert not one.equals(other)


def test_cases_are_one_for_each_preset_and_seed_and_answers_say_which(surface, monkeypatch):
    monkeypatch.setattr(benchmark, "ask", lambda planted, seed: [{"cause": "a"}, {"cause": "b"}])
    todo = benchmark.cases(pool_of(), surface, seeds=2)
    assert len({case.path for case in todo}) == 2 * (len(benchmark.ASKED) + 1)
    assert [case.preset for case in todo[-2:]] == [benchmark.NO_LINK] * 2
    rows = benchmark.answer(todo[1]).rows
    assert rows == [{"preset": "porosity", "seed": 1, "cause": "a"}, {"preset": "porosity", "seed": 1, "cause": "b"}]


@pytest.mark.usefixtures("quick")
def test_prediction_is_held_against_what_can_be_had(surface):
    few = pool_of(noise=0.5, per_cause=1, n=70)
    found = benchmark.predict(few, surface, threads=1).set_index(["preset", "told"])
    assert found.loc[("example", "features"), "reducible"] == 1
    assert found.loc[("hidden", "features"), "reducible"] == pytest.approx(0.46, abs=0.01)
    assert 0.4 < found.loc[("example", "features"), "r2"] < found.loc[("example", "true causes"), "r2"] - 0.05
    assert found.loc[("example", "true causes"), "r2"] > 0.75
    hidden = found.loc[("hidden", "features")]
    assert hidden["r2"] < 0.6
    assert hidden["share"] == pytest.approx(hidden["r2"] / hidden["reducible"])
    assert hidden["r2_low"] < hidden["r2"] < hidden["r2_high"]


# ---- which feature measures what -------------------------------------------------------------------------------------


def test_every_feature_measures_one_cause_or_texture_but_for_pores_on_boundaries():
    names = [*FEATURES, "boundary_groove_width_px", "of my own"]
    columns = benchmark.columns_by_cause(
        names,
        {name: f.phase for name, f in FEATURES.items()} | {"of my own": ""} | {"boundary_groove_width_px": "boundary"},
    )
    place = {names[i]: what for what, members in columns.items() for i in members}
    assert place["porosity"] == place["pore_diameter_mean_um"] == POROSITY
    assert place["grain_diameter_mean_um"] == place["surface_per_volume_per_um"] == GRAIN_SIZE
    assert place["boundary_darkness_mean"] == place["boundary_groove_width_px"] == RESISTANCE
    assert place["texture_anisotropy"] == benchmark.TEXTURE
    assert set(names) - set(place) == {"pore_on_boundary_number_share", "pore_on_boundary_area_share", "of my own"}


# ---- what is said of it ----------------------------------------------------------------------------------------------


def row_of(preset, seed, cause, effect, share, *, seen=True, clears=False, largest="a", r2=0.9):
    return {
        "preset": preset, "seed": seed, "cause": cause, "true_effect": effect, "seen": seen, "share": share,
        "null_p95": 0.4, "clears_null": clears, "r2": r2, "texture_share": 0.1, "largest_with_texture": largest,
    }  # fmt: skip


def test_found_is_the_largest_share_that_clears_the_null():
    rows = []
    for seed, (share, clears) in enumerate([(0.9, True), (0.9, False), (0.4, True)]):
        rows += [
            row_of("one", seed, "a", 1.0, share, clears=clears, largest="ab"[seed == 1]),
            row_of(
                "one", seed, "b", 0.0, 0.7 * (seed == 2) + 0.05, seen=False, clears=seed == 2, largest="ab"[seed == 1]
            ),
            row_of("one", seed, "c", 0.0, 0.01, seen=False),
        ]
    (found,) = said.summary(pd.DataFrame(rows)).to_dict("records")
    assert (found["sets"], found["r2"]) == (3, pytest.approx(0.9))
    assert (found["found_k"], found["found_n"]) == (1, 3)
    assert (found["found_with_texture_k"], found["found_with_texture_n"]) == (2, 3)
    assert (found["false_alarms_k"], found["false_alarms_n"]) == (1, 6)
    assert found["order_wrong_n"] == 0


def test_where_nothing_drives_every_clearance_is_a_false_alarm():
    rows = [row_of("no link", 0, cause, 0.0, 0.3, seen=False, clears=cause == CAUSES[0], r2=-0.1) for cause in CAUSES]
    (found,) = said.summary(pd.DataFrame(rows)).to_dict("records")
    assert (found["false_alarms_k"], found["false_alarms_n"]) == (1, 3)
    assert found["found_n"] == found["order_wrong_n"] == 0
    predicted = {"preset": "hidden", "told": "features", "n": 300, "reducible": 0.5, "share": 0.8} | dict.fromkeys(
        ("r2_low", "r2", "r2_high"), 0.4
    )
    text = list(said.lines(pd.DataFrame(rows), pd.DataFrame([predicted])))
    assert not any("nan" in line for line in text)


def test_order_is_asked_only_of_seen_causes_that_differ_enough():
    effects, shares = {"a": 1.0, "b": 1.4, "c": 1.6}, {"a": 0.5, "b": 0.4, "c": 0.1}
    rows = [row_of("all", 0, cause, effects[cause], shares[cause]) for cause in "abc"]
    (found,) = said.summary(pd.DataFrame(rows)).to_dict("records")
    assert (found["order_wrong_k"], found["order_wrong_n"]) == (1, 1)  # c against a
    assert found["found_n"] == found["false_alarms_n"] == 0
    rows[2]["seen"] = False
    (found,) = said.summary(pd.DataFrame(rows)).to_dict("records")
    assert found["order_wrong_n"] == 0


def test_proportions_have_exact_binomial_intervals():
    # Clopper and Pearson: all of n have the lower end (0.025)^(1/n)
    assert said.proportion(20, 20) == f"20 of 20 ({0.025 ** (1 / 20):.2f} to 1.00)"
    assert said.proportion(0, 40) == f"0 of 40 (0.00 to {1 - 0.025 ** (1 / 40):.2f})"
    assert said.proportion(0, 0) == "-"


def test_lines_name_every_preset_cause_and_limit():
    rows = []
    for seed in range(2):
        rows += [row_of("one", seed, cause, 0.1, 0.8 if cause == POROSITY else 0.1, seen=cause == POROSITY,
                        clears=cause == POROSITY, largest=POROSITY) for cause in CAUSES]  # fmt: skip
    predicted = pd.DataFrame(
        [{"preset": "hidden", "told": "features", "n": 300, "r2_low": 0.3, "r2": 0.4, "r2_high": 0.5,
          "reducible": 0.5, "share": 0.8}]
    )  # fmt: skip
    text = list(said.lines(pd.DataFrame(rows), predicted))
    assert "60 of 300 specimens. Two sets share 12" in text[0]
    assert any("one" in line and "2 of 2 (0.16 to 1.00)" in line and "0 of 4 (0.00 to 0.60)" in line for line in text)
    (of_driver,) = [
        line
        for line in text
        if POROSITY in line
        and "2 of 2" in line
        and line.startswith("one   ")
        and "null" not in line
        and "porosity " in line
    ]
    assert of_driver.split()[:4] == ["one", POROSITY, "1.00", "0.80"]
    assert text[-1] == "hidden      from features    R2 0.40 (0.30 to 0.50), 0.80 of the 0.50 that can be had"


# ---- reading a drawn set ---------------------------------------------------------------------------------------------


def write_set(folder, n, *, drop=(), features=("porosity", "grain_diameter_mean_um", "boundary_darkness_mean")):
    """A manifest as `synth` writes it, in short, and a table of its pictures: two sections of each, one is broken."""
    rng = np.random.default_rng(0)
    names = [(f"s{i:03}", letter) for i in range(n) for letter in "ab"] + [("s000", "f")]
    manifest = pd.DataFrame(
        {
            "file": [f"micrographs/{sample}{letter}.png" for sample, letter in names],
            "sample_id": [sample for sample, _ in names],
            "surface": ["fracture" if letter == "f" else "polished" for _, letter in names],
            "conductivity_S_per_cm": [1e-4 + int(sample[1:]) * 1e-7 for sample, _ in names],
        }
    )
    number = {sample: i for i, sample in enumerate(dict.fromkeys(manifest["sample_id"]))}
    for i, cause in enumerate(CAUSES):
        manifest[f"cause_{cause}"] = [
            CAUSE_RANGES[cause].at(np.modf(0.5 + number[sample] * (0.7548 + i / 9))[0])
            for sample in manifest["sample_id"]
        ]
    table = pd.DataFrame({"micrograph_id": manifest["file"], "sample_id": manifest["sample_id"]})
    table["surface"] = manifest["surface"]
    for feature in features:
        table[feature] = rng.random(len(table))
    folder.mkdir(exist_ok=True)
    manifest.drop(columns=list(drop)).to_csv(folder / "manifest.csv", index=False)
    table.to_csv(folder / "features.csv", index=False)
    return manifest, table


def test_a_drawn_set_is_read_with_a_row_for_each_specimen(tmp_path):
    manifest, table = write_set(tmp_path, 120)
    pool = benchmark.read_pool(tmp_path, tmp_path / "features.csv")
    assert len(pool.X) == len(pool.causes) == 120
    sections = table[manifest["sample_id"] == "s000"].iloc[:2]  # not the broken one
    assert pool.X.loc["s000", "porosity"] == pytest.approx(sections["porosity"].mean())
    expected = manifest.drop_duplicates("sample_id").set_index("sample_id")
    for cause in CAUSES:
        assert pool.causes[cause].to_numpy() == pytest.approx(expected[f"cause_{cause}"][pool.X.index].to_numpy())
    assert sorted(pool.structure) == [0, 1, 2]


def test_too_few_specimens_are_refused(tmp_path):
    write_set(tmp_path, 100)
    with pytest.raises(FeatureTableError, match=r"has 100 polished specimens .* taken from 120 at least"):
        benchmark.read_pool(tmp_path, tmp_path / "features.csv")


def test_a_set_without_causes_is_refused(tmp_path):
    write_set(tmp_path, 120, drop=["cause_porosity"])
    with pytest.raises(FeatureTableError, match=r"manifest\.csv: column 'cause_porosity' .* `micro-features synth`"):
        benchmark.read_pool(tmp_path, tmp_path / "features.csv")


def test_a_table_that_does_not_measure_a_cause_is_refused(tmp_path):
    write_set(tmp_path, 120, features=("porosity", "grain_diameter_mean_um"))
    with pytest.raises(FeatureTableError, match="no column measures the cause 'boundary_resistance_ohm_cm2'"):
        benchmark.read_pool(tmp_path, tmp_path / "features.csv")


def test_a_folder_that_is_no_drawn_set_is_refused(tmp_path):
    write_set(tmp_path, 120)
    with pytest.raises(FeatureTableError, match="no such file"):
        benchmark.read_pool(tmp_path / "nowhere", tmp_path / "features.csv")


def test_the_command_prints_the_answers_and_writes_them(tmp_path, monkeypatch, capsys):
    write_set(tmp_path, 120)

    def ask(planted, *, seed):
        rows = [row_of("", seed, cause, 0.1, 0.2, seen=cause not in planted.unseen) for cause in CAUSES]
        return [{name: row[name] for name in row if name not in ("preset", "seed")} for row in rows]

    predicted = {"preset": "hidden", "told": "features", "n": 120, "r2_low": 0.3, "r2": 0.4, "r2_high": 0.5}
    monkeypatch.setattr(benchmark, "ask", ask)
    monkeypatch.setattr(
        benchmark,
        "predict",
        lambda pool, surface, threads: pd.DataFrame([predicted | {"reducible": 0.5, "share": 0.8}]),
    )
    written = tmp_path / "answers.csv"
    told = [str(tmp_path), str(tmp_path / "features.csv"), "--seeds", "2", "--jobs", "1", "-o", str(written)]
    assert main(["benchmark", "attribution", *told]) == 0
    assert "60 of 120 specimens" in capsys.readouterr().out
    answers_of_all = pd.read_csv(written)
    assert answers_of_all.groupby("preset").size().to_dict() == dict.fromkeys((*benchmark.ASKED, benchmark.NO_LINK), 6)
    assert main(["benchmark", "attribution", *told]) == 2
    assert "exists; name another file" in capsys.readouterr().err
