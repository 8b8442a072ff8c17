"""The words of raw HTML inside documents: tags, comments, scripts and styles are dropped."""

from __future__ import annotations

from html.parser import HTMLParser

_UNSEEN = {"script", "style", "template", "head"}


def visible_text(html: str) -> str:
    """What a reader would see of `html`, with blanks and newlines as in the source."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return "".join(reader.words)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unseen += tag in _UNSEEN

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in _UNSEEN and self._unseen > 0

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.words.append(data)
