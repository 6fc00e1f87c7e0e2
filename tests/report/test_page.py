import base64
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from micro_features.report.page import Picture, Section, Table, page
from micro_features.report.page_style import STYLE

EVIL = "<script>alert('1')</script>\"&"
PNG = b"\x89PNG\r\n\x1a\nnot really"
VOID = {"meta", "img", "br", "hr", "link", "input", "wbr"}


class Reader(HTMLParser):
    """Holds that tags balance, and keeps what the page says."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.said, self.cells, self.ids = [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id"]
        if tag in ("td", "th"):
            self.cells.append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.said.append(data)
        if self.open and self.open[-1] in ("td", "th"):
            self.cells[-1] += data

    def named(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def test_a_whole_page_is_balanced_and_complete_in_itself():
    table = pd.DataFrame({"method": ["one", "two"], "accuracy": [0.43512, np.nan]})
    sections = [Section(f"Part {n}", ["Words."], [("Scores", table)], [("A figure", PNG)]) for n in range(4)]
    text = page("The published method", sections)
    read = Reader(text)
    assert text.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert read.named("script") == read.named("link") == []
    assert all(each["src"].startswith("data:image/png;base64,") for each in read.named("img"))
    assert all(each["href"].startswith("#") for each in read.named("a"))
    assert "http://" not in text
    assert "https://" not in text
    assert "url(" not in text
    assert base64.b64decode(read.named("img")[0]["src"].split(",")[1]) == PNG
    assert [each["alt"] for each in read.named("img")] == ["A figure"] * 4
    assert read.cells[:6] == ["method", "accuracy", "one", "0.435", "two", "–"]
    assert len(set(read.ids)) == len(read.ids)


@pytest.mark.parametrize(("n", "listed"), [(0, False), (3, False), (4, True)])
def test_contents_only_where_there_is_much(n, listed):
    read = Reader(page("T", [Section(f"Part {place}") for place in range(n)]))
    assert bool(read.named("nav")) == listed
    if listed:
        assert {each["href"][1:] for each in read.named("a")} == set(read.ids)


def test_names_are_names_and_never_markup():
    table = pd.DataFrame({EVIL: [EVIL]})
    text = page(EVIL, [Section(EVIL, [EVIL], [(EVIL, table)], [(EVIL, PNG)])] * 4)
    read = Reader(text)
    assert "<script" not in text
    assert read.cells[:2] == [EVIL, EVIL]
    assert read.named("img")[0]["alt"] == EVIL
    assert read.named("div")[0]["aria-label"] == EVIL
    assert set(read.named("img")[0]) == {"src", "alt"}


@example(name="\udcff\x00.tif")  # as the name of a file may be that is no text
@given(name=st.text(st.characters(codec=None, exclude_categories=())))
def test_any_name_makes_a_page_that_can_be_written(name):
    # As objects: columns of strings hold no surrogates.
    table = pd.DataFrame([[name]], columns=pd.Index([name], dtype=object), dtype=object)
    text = page(name, [Section(name, [name], [(name, table)])])
    text.encode("utf-8")
    assert not any(ord(letter) < 32 and letter not in "\n\t" for letter in text)
    assert Reader(text).named("script") == []


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.123456, "0.123"),
        (-0.5, "−0.5"),
        (3.67e-4, "0.000367"),
        (6.33e-7, "6.33e−07"),
        (1234.5, "1230"),
        (-98765.0, "−98800"),
        (1e9, "1e+09"),
        (12, "12"),
        (123456, "123456"),
        (np.int64(-3), "−3"),
        (True, "yes"),
        (np.False_, "no"),
        (None, "–"),
        (np.nan, "–"),
        (np.float32("nan"), "–"),
        (pd.NA, "–"),
        (pd.NaT, "–"),
        ("a", "a"),
        ("", ""),
    ],
)
def test_cells_say_what_they_hold(value, said):
    table = pd.DataFrame({"x": pd.Series([value], dtype=object)})
    assert Reader(page("T", [Section("S", tables=[("C", table)])])).cells == ["x", said]


def test_only_columns_of_numbers_stand_to_the_right():
    table = pd.DataFrame({"a": [1.0, np.nan], "b": ["x", 1.0], "c": [True, False], "d": [np.nan, np.nan], "e": [1, 2]})
    read = Reader(page("T", [Section("S", tables=[("C", table)])]))
    assert ["class" in each for each in read.named("th")] == [True, False, False, False, True]


def test_tables_may_be_empty_or_name_a_column_twice():
    twice = pd.DataFrame([[1, 2]], columns=["x", "x"])
    read = Reader(page("T", [Section("S", tables=[("C", twice), ("D", pd.DataFrame()), ("E", twice.iloc[:0])])]))
    assert read.cells == ["x", "x", "1", "2", "x", "x"]


def test_figures_say_what_they_show_and_keep_their_kind():
    jpeg = b"\xff\xd8\xff\xe0 not really"
    section = Section("S", figures=[Picture("Seen", PNG, "Told")], gallery=[("Small", jpeg)])
    shown = Reader(page("T", [section])).named("img")
    assert [each["alt"] for each in shown] == ["Told", "Small"]
    assert [each["src"].split(";")[0] for each in shown] == ["data:image/png", "data:image/jpeg"]


def test_rows_are_named_where_the_first_column_names_them():
    table = pd.DataFrame({"sample": ["a"], "G": [9.5]})
    heads = Reader(page("T", [Section("S", tables=[Table("C", table, rows_named=True)])])).named("th")
    assert [each["scope"] for each in heads] == ["col", "col", "row"]


def test_names_of_rows_break_where_their_parts_meet():
    table = pd.DataFrame({"file": ["a_b/c.tif", "x" * 25, "<_&"]})
    text = page("T", [Section("S", tables=[Table("C", table, rows_named=True)])])
    assert '<th scope="row">a_<wbr>b/<wbr>c.<wbr>tif</th>' in text
    assert f'<th scope="row" class="long">{"x" * 25}</th>' in text
    assert '<th scope="row">&lt;_<wbr>&amp;</th>' in text


def test_parts_have_headings_one_level_below_and_ids_of_their_own():
    inner = Section("Inner", parts=[Section("Innermost")])
    read = Reader(page("T", [Section("Outer", parts=[inner, inner])]))
    assert [tag for tag, _ in read.tags if tag in ("h1", "h2", "h3", "h4")] == ["h1", "h2", "h3", "h4", "h3", "h4"]
    assert len(set(read.ids)) == len(read.ids)


def test_lists_in_words_and_in_cells():
    table = pd.DataFrame({"x": [("one", EVIL), ()]})
    read = Reader(page("T", [Section("S", ["Words.", ("first", "second")], [("C", table)])]))
    assert len(read.named("li")) == 4
    assert [each for each in read.said if each in ("Words.", "first", "second", "one", EVIL, "–")] == [
        "Words.", "first", "second", "one", EVIL, "–",
    ]  # fmt: skip


def test_what_wrote_a_page_stands_in_its_head():
    assert {"name": "generator", "content": EVIL} in Reader(page("T", [], generator=EVIL)).named("meta")
    assert "generator" not in page("T", [])


@pytest.mark.parametrize("turning", ["\u202e", "\u2066", "\u200f", "\u061c"])
def test_no_letter_turns_the_words_beside_it_round(turning):
    text = page(f"a{turning}gnp.exe", [])
    assert turning not in text
    assert f"a⟨U+{ord(turning):04X}⟩gnp.exe" in text


def test_codes_may_be_broken_anywhere():
    table = pd.DataFrame({"name": ["a"], "hash": ["0f" * 32]})
    read = Reader(page("T", [Section("S", tables=[Table("C", table, codes=("hash",))])]))
    assert read.named("td") == [{}, {"class": "code"}]


def _luminance(colour):
    """Relative luminance of ``#rgb`` or ``#rrggbb``, as WCAG 2 defines it."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    share = np.array(list(bytes.fromhex(digits))) / 255
    linear = np.where(share <= 0.03928, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("ground", ["--paper", "--head"])
@pytest.mark.parametrize("ink", ["--ink", "--soft", "--link"])
def test_words_stand_out_from_every_ground_on_screen_and_on_paper(ink, ground):
    themes = [dict(re.findall(r"(--\w+): (#[0-9a-f]+)", each)) for each in re.findall(r":root \{([^}]*)\}", STYLE)]
    assert len(themes) == 3
    for theme in themes:
        low, high = sorted(_luminance(theme[name]) for name in (ink, ground))
        assert (high + 0.05) / (low + 0.05) >= 4.5
