import math

import numpy as np
import pytest

from micro_features.errors import OutputError
from micro_features.files.journal import Entry, Journal, commands_run


def entry(path="a.tif", value=1.0, **more):
    return Entry(**{"path": path, "file_id": "a", "sha256": "s", "digest": "d", "rows": ({"x": value},), **more})


def test_entries_come_back_and_the_newest_wins(tmp_path):
    with Journal(tmp_path, "extract") as journal:
        journal.append(entry("a.tif", 1.0))
        journal.part_path("p.parquet").write_text("")
        journal.append(entry("b\n'\",.tif", 2.0, parts=("p.parquet",)))
        journal.append(entry("a.tif", 3.0))
    with Journal(tmp_path, "extract") as journal:
        assert {path: e.rows[0]["x"] for path, e in journal.entries.items()} == {"a.tif": 3.0, "b\n'\",.tif": 2.0}
        assert journal.entries["b\n'\",.tif"].parts == ("p.parquet",)


def test_a_line_cut_by_an_interrupt_costs_only_itself(tmp_path):
    with Journal(tmp_path, "extract") as journal:
        journal.append(entry("a.tif"))
        journal.append(entry("b.tif"))
        path = journal.path
    whole = path.read_bytes()
    for cut in (1, 10, 30):
        path.write_bytes(whole[:-cut])
        with Journal(tmp_path, "extract") as journal:
            assert list(journal.entries) == ["a.tif"]
            journal.append(entry("c.tif"))
        with Journal(tmp_path, "extract") as journal:
            assert list(journal.entries) == ["a.tif", "c.tif"]


def test_numbers_that_json_has_not_become_missing(tmp_path):
    row = {"nan": math.nan, "numpy": np.float32(0.5), "flag": np.bool_(True), "count": np.int64(3), "text": "µ"}
    with Journal(tmp_path, "extract") as journal:
        journal.append(entry(rows=(row,)))
    with Journal(tmp_path, "extract") as journal:
        assert journal.entries["a.tif"].rows == ({"nan": None, "numpy": 0.5, "flag": True, "count": 3, "text": "µ"},)


def test_an_entry_without_rows_takes_its_path_out(tmp_path):
    with Journal(tmp_path, "extract") as journal:
        journal.append(entry())
        journal.append(entry(rows=()))
        assert not journal.entries
    with Journal(tmp_path, "extract") as journal:
        assert not journal.entries


def test_region_tables_that_nothing_names_are_dropped(tmp_path):
    with Journal(tmp_path, "extract") as journal:
        journal.part_path("old").write_text("")
        journal.part_path("new").write_text("")
        journal.append(entry(parts=("old",)))
        journal.append(entry(parts=("new",)))
        journal.drop_stale_parts()
        assert [path.name for path in journal.parts.iterdir()] == ["new"]


def test_commands_do_not_mix_and_results_are_recognised(tmp_path):
    assert commands_run(tmp_path) == []
    with Journal(tmp_path, "extract") as journal:
        journal.append(entry())
    with Journal(tmp_path, "segment") as journal:
        assert not journal.entries
    assert commands_run(tmp_path) == ["extract", "segment"]


def test_a_place_that_can_not_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="can not be written"):
        Journal(tmp_path / "file", "extract")


def test_a_full_disk_leaves_whole_lines(tmp_path, monkeypatch):
    with Journal(tmp_path, "extract") as journal:
        journal.append(entry("a.tif"))
        real = journal._file

        class Full:
            def write(self, line):
                return real.write(line[:7])

            def fileno(self):
                return real.fileno()

            def close(self):
                real.close()

        journal._file = Full()
        with pytest.raises(OutputError, match="the disk is full"):
            journal.append(entry("b.tif"))
        assert journal.path.read_bytes().endswith(b"\n")


def test_an_entry_whose_region_table_is_gone_is_not_finished(tmp_path):
    with Journal(tmp_path, "extract") as journal:
        journal.append(entry(parts=("p.parquet",)))
    with Journal(tmp_path, "extract") as journal:
        assert not journal.entries


def test_two_runs_do_not_work_in_one_folder(tmp_path):
    with Journal(tmp_path, "extract"), pytest.raises(OutputError, match="another run is at work there"):
        Journal(tmp_path, "extract")
    with Journal(tmp_path, "extract"):
        pass
