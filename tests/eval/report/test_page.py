"""Pages: text stays text."""

from html.parser import HTMLParser

from eval.report.page import page, paragraphs


class Shown(HTMLParser):
    """(tag, text) of what a browser would show."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found, self._tag = [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self._tag = tag

    def handle_data(self, data):
        if data.strip():
            self.found.append((self._tag, data))


def test_titles_and_paragraphs_show_what_they_say():
    html = page("K < 8 & <think>", "<b>bold</b>", paragraphs(["a <think> token", "p < 0.05"]))
    shown = [each for each in Shown(html).found if each[0] != "style"]
    assert shown == [
        ("title", "K < 8 & <think>"),
        ("h2", "K < 8 & <think>"),
        ("b", "bold"),
        ("p", "a <think> token"),
        ("p", "p < 0.05"),
    ]


def test_a_page_s_own_style_is_laid_over_the_common_one():
    style = page("A table", style="td{color:red}").partition("</style>")[0]
    assert style.index("td{padding") < style.index("td{color:red}")
    assert style.endswith("td{color:red}")
