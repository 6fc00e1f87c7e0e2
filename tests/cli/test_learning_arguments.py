"""What a model is trained on, as the command line says it: alike for `fit` and `cnn train`."""

from pathlib import Path

import pytest

from micro_features.cli.arguments import parser
from micro_features.cli.learning_arguments import dataset_request
from micro_features.fitting.dataset_request import DatasetRequest

COMMANDS = [["fit", "t.csv", "-o", "out"], ["cnn", "train", "t.csv", "--fit", "fit", "-o", "out"]]
NEEDED = ["--target", "sigma", "--group", "batch"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_handed_on(command):
    assert dataset_request(parser().parse_args([*command, *NEEDED])) == DatasetRequest("sigma", "batch")
    more = [
        *("--manifest", "m.csv", "--features", "a", "b", "--no-log", "--target-from-name", "--classes", "c"),
        *("--cuts", "1", "2", "--per-micrograph", "--where", "x=1", "--where", "y=2", "--id", "name"),
    ]
    assert dataset_request(parser().parse_args([*command, *NEEDED, *more])) == DatasetRequest(
        target="sigma",
        group="batch",
        manifest=Path("m.csv"),
        features=("a", "b"),
        log10=False,
        target_from_name=True,
        classes="c",
        cuts=(1.0, 2.0),
        per_micrograph=True,
        where=("x=1", "y=2"),
        id_column="name",
    )
