"""Which responses are picked, and the page as a parser reads it."""

from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from opd.batch import from_pairs
from opd.diagnostics.step import repeated_trigrams as reference
from studies.signal import failures, page
from studies.signal.spec import FailureSpec
from studies.signal.stored import load
from tests.studies.signal.scores import made_up

SPEC = FailureSpec(scale_description="a test <b>", cases=2)


class Spans(HTMLParser):
    """The (class, title, text) of every span, and all text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.spans, self.inside, self.tags = [], False, set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.inside = tag == "span"
        if self.inside:
            given = dict(attrs)
            self.spans.append([given["class"], given["title"], ""])

    def handle_data(self, data):
        if self.inside:
            self.spans[-1][2] += data

    def handle_endtag(self, tag):
        self.inside = False


@pytest.mark.parametrize("ids", [[1, 2, 3], [1, 2, 3, 1, 2, 3], [5] * 9, [1, 2], [1, 2, 1, 2, 1, 2, 3]])
def test_repeated_trigrams_are_the_training_loops(ids):
    assert failures.repeated_trigrams(ids) == reference(from_pairs([([0], ids)], 0))


def test_picks_are_the_extremes():
    scores = made_up()
    table = failures.pick(scores, 2, "A")
    picked = {rule: part.response.tolist() for rule, part in table.groupby("rule")}
    assert picked["longest"] == [19, 18]
    gaps = [(-np.mean(np.abs(part.gap)), number) for number, part in scores.tokens.groupby("response")]
    assert picked["largest gap"] == [number for _, number in sorted(gaps)[:2]]
    shares = [
        (-failures.repeated_trigrams(part.token.tolist()), number)
        for number, part in scores.tokens.groupby("response")
    ]
    assert picked["most repetitive"] == [number for _, number in sorted(shares)[:2]]
    assert table["rank"].tolist() == [1, 2] * 3


def test_ties_go_to_the_smaller_number():
    scores = made_up()
    scores = scores._replace(responses=scores.responses.assign(tokens=7))
    longest = failures.pick(scores, 3, "A").query("rule == 'longest'")
    assert longest.response.tolist() == [0, 1, 2]


def test_fewer_responses_than_cases():
    table = failures.pick(made_up(responses=2), 5, "A")
    assert len(table) == 2 * 3


def test_the_program(stored, tmp_path):
    folders = {"one": stored["teacher"], "two": stored["respelled"]}
    failures.main(SPEC, folders, tmp_path)
    written = (tmp_path / "failures.html").read_bytes()
    failures.main(SPEC, folders, tmp_path)
    assert (tmp_path / "failures.html").read_bytes() == written
    picked = pd.read_csv(tmp_path / "failures.csv")
    assert len(picked) == 2 * 2 * 3
    cases = picked.drop_duplicates(["student", "response"])
    spans = Spans(written.decode()).spans
    assert len(spans) == cases.tokens.sum()
    # A model that is its own teacher has no gap: white, whatever it wrote.
    own = cases[cases.student == "two"].tokens.sum()
    assert {kind for kind, *_ in spans[-own:]} == {"g4"}
    first = load(stored["teacher"]).tokens
    first = first[first.response == cases.response.iloc[0]].iloc[0]
    assert spans[0][2] == first.text
    assert spans[0][1].startswith(f"p {np.exp(first.log_p):.3g}, q {np.exp(first.log_q):.3g}, ")


def test_all_text_is_escaped():
    scores = made_up(responses=3)
    hostile = '<script>alert("1")</script>&amp;'
    tokens = scores.tokens.assign(text=hostile, favourite=hostile)
    scores = scores._replace(tokens=tokens, responses=scores.responses.assign(question=hostile))
    html = page.render(SPEC, {hostile: scores}, failures.pick(scores, 1, hostile))
    assert "<script" not in html
    parsed = Spans(html)
    assert "script" not in parsed.tags
    assert "b" not in parsed.tags
    assert {text for *_, text in parsed.spans} == {hostile}
    assert all(hostile in title for _, title, _ in parsed.spans)


@pytest.mark.parametrize(("gap", "kind"), [(-9, "g0"), (-0.3, "g3"), (0, "g4"), (0.25, "g5"), (5, "g8")])
def test_colours_go_by_the_gap(gap, kind):
    row = made_up(2).tokens.assign(gap=float(gap)).iloc[0]
    assert f'<span class="{kind}"' in page.span(row)


def test_line_breaks_are_seen_and_nothing_is_something():
    row = made_up(2).tokens.iloc[0]
    assert Spans(page.span(row.replace(row.text, "\n\n"))).spans[0][2] == "↵\n↵\n"
    assert Spans(page.span(row.replace(row.text, ""))).spans[0][2] == "∅"


def test_a_very_long_response_shows_its_ends():
    tokens = pd.concat([made_up(2).tokens] * 100, ignore_index=True)
    tokens["text"] = [str(place) for place in range(len(tokens))]
    html = page.spans(tokens)
    shown = [text for *_, text in Spans(html).spans]
    assert shown == [*tokens.text[:600], *tokens.text[-600:]]
    assert f"{len(tokens) - 1200:,} tokens left out" in html


def contrast(colour: str) -> float:
    """Contrast of black text on a colour by the definition of WCAG 2."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return (np.dot(linear, [0.2126, 0.7152, 0.0722]) + 0.05) / 0.05


def test_text_can_be_read_on_every_colour():
    assert len(page.COLOURS) == len(page.EDGES) - 1
    assert min(contrast(colour) for colour in page.COLOURS) > 4.5
