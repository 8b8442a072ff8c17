"""Formats of documents: each module reads one into the document model."""

from backend.wiki.formats import markdown, rst, text
from backend.wiki.formats.registry import Format, Unreadable, by_name, by_suffix, names, register, suffixes

__all__ = ["Format", "Unreadable", "by_name", "by_suffix", "markdown", "names", "register", "rst", "suffixes", "text"]
