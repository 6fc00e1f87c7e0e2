import re
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from micro_features.errors import SettingsError
from micro_features.settings import QUICK, Settings, annotated_toml, controls, merged_toml


def fields(model: type[BaseModel], prefix: str = ""):
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from fields(field.annotation, f"{prefix}{name}.")
        else:
            yield prefix + name, field


def test_every_setting_says_what_it_does_and_is_bounded():
    for name, field in fields(Settings):
        assert field.description, name
        if field.annotation in (int, float):
            assert any(hasattr(bound, "ge") or hasattr(bound, "gt") for bound in field.metadata), f"{name} has no bound"


def test_annotated_file_reads_back_as_itself():
    changed = Settings().updated({"pores.sensitivity": 0.4, "measure.surface": "polished", "seed": 7})
    assert Settings.from_toml(annotated_toml(changed)) == changed
    assert Settings.from_toml("") == Settings()


def test_annotated_file_explains_every_line():
    lines = annotated_toml(Settings()).splitlines()
    for number, line in enumerate(lines):
        if "=" in line and not line.startswith("#"):
            assert lines[number - 1].startswith("# "), line
    assert tomllib.loads("\n".join(lines))["version"] == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pores.sensitivity": 7}, r"pores.sensitivity = 7: .*less than or equal"),
        ({"pores.sensitivity": "dark"}, r"pores.sensitivity = 'dark': .*number"),
        ({"pores.sensitivity": "nan"}, r"pores.sensitivity = 'nan': .*finite"),
        ({"pores.shade": 1}, r"'pores.shade' is not known"),
        ({"pores": 1}, r"'pores' is not known"),
        ({"pores.sensitivity.x": 1}, r"is not known"),
        ({"": 1}, r"is not known"),
        ({"measure.surface": "rough"}, r"measure.surface = 'rough': .*'polished'"),
    ],
)
def test_refusals_name_the_setting_and_the_value(change, message):
    with pytest.raises(SettingsError, match=message):
        Settings().updated(change)


def test_a_file_that_is_refused_is_named():
    with pytest.raises(SettingsError, match=r"mine.toml: setting 'pore' is not known"):
        Settings.from_toml("[pore]\nx = 1", "mine.toml")
    with pytest.raises(SettingsError, match=r"mine.toml is not valid TOML"):
        Settings.from_toml("pores = [", "mine.toml")


def test_digest_follows_what_changes_numbers_and_nothing_else():
    default = Settings()
    assert default.updated({"pores.sensitivity": default.pores.sensitivity}).digest == default.digest
    assert default.updated({"reading.max_pixels": 5000}).digest == default.digest
    assert default.updated({"pores.sensitivity": 0.123}).digest != default.digest
    assert default.updated({"seed": 1}).digest != default.digest
    assert default.updated({"words.n_words": 12}).digest == default.digest, "no measured number depends on it"


def test_the_published_study_in_numbers():
    words = Settings.published().words
    assert (words.window_px, words.overlap_px, words.n_words, words.attempts) == (340, 170, 40, 20)
    assert (words.tree_depth, words.inverse_penalty) == (6, 0.9)
    assert Settings.published().updated(QUICK).words.epochs < words.epochs


def test_settings_do_not_change_in_place():
    with pytest.raises(ValueError, match="frozen"):
        Settings().seed = 3


@given(st.text())
def test_odd_text_is_refused_in_one_line_or_read(text):
    try:
        Settings.from_toml(text)
    except SettingsError as error:
        assert str(error)


def test_each_setting_has_a_control_whose_bounds_are_the_settings_own():
    by_name = {control.name: control for control in controls()}
    assert {*by_name, "version"} == set(Settings().dotted())
    threshold = by_name["pores.threshold"]
    assert (threshold.kind, threshold.minimum, threshold.maximum, threshold.default) == ("number", 0.05, 0.95, 0.5)
    assert by_name["pores.method"].choices[0] == "classified"
    assert by_name["grains.small_grain_px"].unit == "px"
    assert by_name["words.inverse_penalty"].low_excluded
    for control in by_name.values():
        assert control.description
        for bound in (control.minimum, control.maximum):
            if bound is not None and not control.low_excluded:
                Settings().updated({control.name: bound})
        if control.maximum is not None:
            with pytest.raises(SettingsError, match=re.escape(control.name)):
                Settings().updated({control.name: control.maximum * 1.01 + 1})


def test_plausible_ranges_hold_the_default_and_are_within_bounds():
    thresholds = [control for control in controls() if control.is_threshold]
    assert {"pores.threshold", "grains.merge_probability"} <= {control.name for control in thresholds}
    for control in thresholds:
        low, high = control.plausible
        assert control.minimum <= low < control.default < high <= control.maximum


def test_a_control_applies_only_to_its_method():
    by_name = {control.name: control for control in controls()}
    assert by_name["pores.threshold"].applies(Settings())
    assert not by_name["pores.sensitivity"].applies(Settings())
    assert by_name["pores.sensitivity"].applies(Settings().updated({"pores.method": "local"}))


def test_saving_keeps_comments_and_order_and_adds_only_what_is_off_its_default():
    text = "# mine\n\n[grains]\nmerge_level = 0.3   # why\nmethod = 'watershed'\n\n[pores]\n# keep\nlevel = 0.2\n"
    settings = Settings.from_toml(text).updated(
        {"grains.merge_level": 0.22, "pores.threshold": 0.4, "seed": 3, "phases.boundary_width_px": 4}
    )
    saved = merged_toml(text, settings)
    assert Settings.from_toml(saved) == settings
    assert saved.startswith("# mine\n")
    assert "merge_level = 0.22   # why\nmethod = 'watershed'\n" in saved
    assert "# keep\nlevel = 0.2\n" in saved
    assert saved.index("[grains]") < saved.index("[pores]") < saved.index("[phases]")
    assert "scale_tolerance" not in saved
    assert merged_toml(saved, settings) == saved


def test_saving_over_a_value_that_goes_back_to_its_default_writes_the_default():
    saved = merged_toml("[pores]\nthreshold = 0.4\n", Settings())
    assert Settings.from_toml(saved) == Settings()
    assert "threshold = 0.5" in saved


def test_an_empty_file_gets_every_line_explained():
    assert merged_toml("", Settings()) == annotated_toml(Settings())


def test_a_broken_file_is_not_saved_over():
    with pytest.raises(SettingsError, match="not valid TOML"):
        merged_toml("[pores\n", Settings())
