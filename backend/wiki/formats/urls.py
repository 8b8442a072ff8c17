"""Links to the outside world, and how they differ from links between documents."""

from __future__ import annotations

from urllib.parse import urlsplit

from backend.wiki.model import CrossReference, Inline, Inlines, Link

STANDARDS = {
    "pep": ("PEP {}", "https://peps.python.org/pep-{:0>4}/"),
    "rfc": ("RFC {}", "https://datatracker.ietf.org/doc/html/rfc{}"),
}


def link_to(url: str, children: Inlines) -> Inline:
    """A `Link` for an absolute URL, a `CrossReference` by path for everything else ("guide.md", "/a/b", "#part")."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return CrossReference(children, url, "path")
    return Link(children, url) if parts.scheme or parts.netloc else CrossReference(children, url, "path")
