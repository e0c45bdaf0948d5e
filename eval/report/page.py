"""What the pages of all reports share: a style, and text that a browser shows as it was written."""

from collections.abc import Iterable
from html import escape

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2em}p{max-width:60em;color:#444}"
    "table{border-collapse:collapse}th,td{padding:.3em .8em;border-bottom:1px solid #ccc;text-align:right;"
    "white-space:nowrap}th:first-child,td:first-child{text-align:left}"
)


def page(title: str, *parts: str, style: str = "") -> str:
    """A page of HTML `parts` under its title, which is text; `style` is laid over the common one."""
    heading = escape(title)
    head = f"<!doctype html><meta charset='utf-8'><title>{heading}</title><style>{_STYLE}{style}</style>"
    return f"{head}<h2>{heading}</h2>{''.join(parts)}\n"


def paragraphs(texts: Iterable[str]) -> str:
    """The texts as HTML, a paragraph each."""
    return "".join(f"<p>{escape(text)}</p>" for text in texts)
