"""What is said of what was found."""

import dataclasses

import numpy as np
import pytest
from matplotlib.text import Text

from micro_features.published import result_figures, wording
from micro_features.published.published import Found
from micro_features.published.samples import GROUPED, IN_SAMPLE


def with_only(found: Found, protocol: str) -> Found:
    return dataclasses.replace(
        found, answers={protocol: found.answers[protocol]}, scores={protocol: found.scores[protocol]}
    )


def with_chance(found: Found, p: float) -> Found:
    """As if trees and steps had this p."""
    scores = {
        protocol: told | {stage: told[stage] | {"exchange_p": p} for stage in ("tree", "steps")}
        for protocol, told in found.scores.items()
    }
    return dataclasses.replace(found, scores=scores)


def test_scores_with_their_intervals():
    assert wording.said([0.25, 0.5, 0.75]) == "0.50 [0.25, 0.75]"
    assert wording.said([np.nan, 0.5, np.nan]) == "0.50"
    assert wording.said([np.nan] * 3) == "not defined"


def test_both_protocols_stand_side_by_side_and_the_gap_is_named(found):
    table = wording.score_table(found)
    assert list(table.columns[1:4]) == ["accuracy, grouped", "accuracy, in-sample", "accuracy, gap"]
    row = table[table["stage"] == "tree of words, pictures"].iloc[0]
    grouped, own = (float(row[f"accuracy, {name}"].split()[0]) for name in (GROUPED, IN_SAMPLE))
    assert float(row["accuracy, gap"]) == pytest.approx(own - grouped, abs=0.011)
    assert "commonest class" in set(table["stage"])
    assert any("The gap" in line for line in wording.sentences(found))


def test_one_protocol_alone_has_no_gap(found):
    for protocol in (GROUPED, IN_SAMPLE):
        alone = with_only(found, protocol)
        assert not any("gap" in name for name in wording.score_table(alone))
        said = wording.sentences(alone)
        assert not any("The gap" in line for line in said)
        assert any("nothing follows for other pictures" in line for line in said) == (protocol == IN_SAMPLE)


def test_at_chance_no_direction_is_named(found):
    (line,) = wording.answer_sentences(with_chance(found, 0.5))
    assert "not meaningful" in line
    assert wording.sentences(with_chance(found, 0.5))[0].startswith("No better than chance with groups left out")
    told = wording.answer_sentences(with_chance(found, 0.01))
    assert told[-1] == "Association within these pictures; not shown to be a cause."
    assert not any("No better than chance" in line for line in wording.sentences(with_chance(found, 0.01)))


def test_the_protocol_of_the_answer_is_named(found):
    for protocol, here, elsewhere in (
        (GROUPED, "out of fold", "own protocol"),
        (IN_SAMPLE, "in the study's own protocol", "out of fold"),
    ):
        sure = dataclasses.replace(found.answer, table=found.answer.table.assign(sure=True))
        alone = dataclasses.replace(with_only(found, protocol), answer=sure)
        for p in (0.01, 0.5):
            told = " ".join(wording.answer_sentences(with_chance(alone, p)))
            assert (here in told) == (p == 0.01)
            assert elsewhere not in told
            assert ("groups left out" in told) == (protocol == GROUPED and p == 0.5)
            drawn = dict(result_figures.figures(with_chance(alone, p)))["answer"]
            caption = " ".join(" ".join(text.get_text() for text in drawn.findobj(Text)).split())
            assert here in caption
            assert ("NOT MEANINGFUL" in caption) == (p == 0.5)


def test_parameters_are_named_with_their_direction(found):
    table = found.answer.table.assign(effect=[0.5, -0.25, 0.0, 0.0], sure=[True, True, False, False])
    told = with_chance(dataclasses.replace(found, answer=dataclasses.replace(found.answer, table=table)), 0.01)
    _, more, less, _ = wording.answer_sentences(told)
    assert more.strip().startswith(f"more {table['parameter'][0]}: +0.5 decades")
    assert less.strip().startswith(f"less {table['parameter'][1]}: -0.25 decades")
    unsure = dataclasses.replace(found.answer, table=table.assign(sure=False))
    first = wording.answer_sentences(with_chance(dataclasses.replace(found, answer=unsure), 0.01))[0]
    assert first.startswith("No parameter is sure to go with high")


def test_what_runs_note_is_said_once_with_the_runs(found):
    note = "6 words were reduced to 4, as there are only 4 windows."
    runs = [dataclasses.replace(run, notes=(note,)) for run in found.answers[GROUPED].runs]
    answers = found.answers | {GROUPED: dataclasses.replace(found.answers[GROUPED], runs=runs)}
    told = list(wording.lines(dataclasses.replace(found, answers=answers)))
    assert told.count(f"fold-0, fold-1, fold-2: {note}") == 1


def test_dates_are_judged_where_they_are_known(found):
    assert any("The date of acquisition alone gets" in line for line in wording.sentences(found))
    references = {name: told for name, told in found.references.items() if not name.startswith("date")}
    without = dataclasses.replace(found, references=references)
    assert any(line.startswith("No dates are known") for line in wording.sentences(without))
