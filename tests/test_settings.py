import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from micro_features.errors import SettingsError
from micro_features.settings import QUICK, Settings, annotated_toml


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
