"""`explain` as a user meets it, before there is anything to explain."""

import pytest

from micro_features.cli import main, network_commands


def asked(folder, *more):
    return main(
        ["explain", str(folder / "features.csv"), "--fit", str(folder / "fit"), "--cnn", str(folder / "model"), *more]
    )


def last_line(capsys):
    *_, line = capsys.readouterr().err.splitlines()
    return line


def test_without_torch_it_is_said_what_to_install(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(network_commands, "find_spec", lambda name: None if name == "torch" else object())
    assert asked(tmp_path, "-o", str(tmp_path / "out")) == 2
    line = last_line(capsys)
    assert line.startswith("micro-features: ")
    assert "pip install 'micro-features[cnn]'" in line
    assert not (tmp_path / "out").exists()


def test_results_are_not_written_over(tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    assert asked(tmp_path, "-o", str(tmp_path / "out")) == 2
    assert str(tmp_path / "out") in last_line(capsys)
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"


def test_a_model_that_is_not_there_is_one_line(tmp_path, capsys):
    assert asked(tmp_path, "-o", str(tmp_path / "out")) == 2
    line = last_line(capsys)
    assert line.startswith(f"micro-features: {tmp_path / 'model'}")


@pytest.mark.parametrize(
    "wrong", [["--altered", "-1"], ["--altered", "some"], ["--sanity", "none"], ["--seed", "-1"], ["-j", "0"], []]
)
def test_options_that_mean_nothing_are_refused(tmp_path, capsys, wrong):
    output = ["-o", str(tmp_path / "out")] if wrong else []
    with pytest.raises(SystemExit) as ended:
        asked(tmp_path, *output, *wrong)
    assert ended.value.code == 2
    assert (wrong[0] if wrong else "--output") in capsys.readouterr().err
