"""Citations: which words of the answer rest on which source <-> OpenAI annotations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lingate._dialects._counts import integer
from lingate._model import JsonDict

_ADDRESSES = ("url", "link", "href")
_TITLES = ("title", "name", "filename")


def annotations_of(citations: Iterable[Any], offsets: Mapping[int, int]) -> list[JsonDict]:
    """OpenAI annotations for the documents that are cited: by their address if they have one, else as files.

    Results of tools are no sources that a reader could open, so they make none; they stay in the citations themselves.

    Args:
        citations: Cohere's citations.
        offsets: Where in the whole text the text of each content block begins.
    """
    made = []
    for citation in citations:
        if not isinstance(citation, dict):
            continue
        shift = offsets.get(integer(citation.get("content_index")) or 0, 0)
        start, end = integer(citation.get("start")), integer(citation.get("end"))
        place = {"start_index": (start or 0) + shift, "end_index": (end or 0) + shift}
        sources = citation.get("sources")
        for source in sources if isinstance(sources, list) else ():
            if isinstance(source, dict) and source.get("type") == "document":
                made.append(_annotation(source, place))
    return made


def citations_of(annotations: Any, text: str) -> list[JsonDict]:
    """Annotations of another provider as citations."""
    made: list[JsonDict] = []
    for item in annotations if isinstance(annotations, list) else ():
        kind = item.get("type") if isinstance(item, dict) else None
        cited = item.get(kind) if kind in ("url_citation", "file_citation") else None
        if not isinstance(cited, dict):
            continue
        start, end = integer(cited.get("start_index")) or 0, integer(cited.get("end_index")) or 0
        name = cited.get("url") or cited.get("file_id")
        document = {key: cited[key] for key in ("url", "title", "filename") if isinstance(cited.get(key), str)}
        source = {"type": "document", "id": name, "document": document}
        citation = {"start": start, "end": end, "text": text[start:end], "sources": [source], "type": "TEXT_CONTENT"}
        made.append(citation)
    return made


def _annotation(source: JsonDict, place: JsonDict) -> JsonDict:
    document = source.get("document")
    document = document if isinstance(document, dict) else {}
    title = next((document[key] for key in _TITLES if isinstance(document.get(key), str)), None)
    url = next((document[key] for key in _ADDRESSES if isinstance(document.get(key), str)), None)
    if url is not None:
        return {"type": "url_citation", "url_citation": {**place, "url": url, "title": title or ""}}
    name = source.get("id") if isinstance(source.get("id"), str) else ""
    return {"type": "file_citation", "file_citation": {**place, "file_id": name, "filename": title or name}}
