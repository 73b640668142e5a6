# Sources of an answer: grounding and citation metadata <-> OpenAI's url citations.

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lingate._model import JsonDict
from lingate._wire.shapes import as_dict, as_dicts, as_list, as_str


def url_citations(candidate: JsonDict, text: str) -> list[JsonDict]:
    # OpenAI annotations for what a candidate says about its sources.
    # Those without an address make none.
    made = _grounded(candidate.get("groundingMetadata"), text)
    citations = candidate.get("citationMetadata")
    if isinstance(citations, dict):
        for item in as_dicts(citations.get("citations") or citations.get("citationSources")):
            start, end = _span(item, text)
            made += _citation(item, start, end)
    return made


def grounding_metadata(items: Any, text: str) -> JsonDict | None:
    # OpenAI's url citations as grounding metadata; None if there are none.
    chunks: list[JsonDict] = []
    supports: list[JsonDict] = []
    seen: dict[str, int] = {}
    for item in as_dicts(items):
        cited = item.get("url_citation")
        if not isinstance(cited, dict) or not isinstance(cited.get("url"), str):
            continue
        url = cited["url"]
        if url not in seen:
            seen[url] = len(chunks)
            chunks.append({"web": {"uri": url, "title": cited.get("title") or ""}})
        start, end = cited.get("start_index"), cited.get("end_index")
        if isinstance(start, int) and isinstance(end, int) and 0 <= start <= end <= len(text):
            supports.append({"segment": _segment(text, start, end), "groundingChunkIndices": [seen[url]]})
    if not chunks:
        return None
    return {"groundingChunks": chunks, "groundingSupports": supports} if supports else {"groundingChunks": chunks}


def _grounded(metadata: Any, text: str) -> list[JsonDict]:
    if not isinstance(metadata, dict):
        return []
    chunks = metadata.get("groundingChunks")
    sources = list(map(_source, as_list(chunks)))
    supports = as_dicts(metadata.get("groundingSupports"))
    if not supports:
        # Nothing says which words a source stands behind, so it stands behind all of them.
        return [note for source in sources for note in _citation(source, 0, len(text))]
    made: list[JsonDict] = []
    for support in supports:
        segment = support.get("segment")
        start, end = _span(as_dict(segment), text)
        indices = support.get("groundingChunkIndices")
        for index in as_list(indices):
            if isinstance(index, int) and 0 <= index < len(sources):
                made += _citation(sources[index], start, end)
    return made


def _source(chunk: Any) -> JsonDict:
    # The object with the address: the one member of a chunk, whatever it is called (`web`, `maps`, ...).
    holders: Iterable[Any] = chunk.values() if isinstance(chunk, dict) else ()
    return next((holder for holder in holders if isinstance(holder, dict)), {})


def _citation(source: JsonDict, start: int, end: int) -> list[JsonDict]:
    url = source.get("uri") or source.get("sourceUri")
    if not isinstance(url, str) or not url:
        return []
    title = source.get("title")
    cited = {"start_index": start, "end_index": end, "url": url, "title": as_str(title)}
    return [{"type": "url_citation", "url_citation": cited}]


def _span(segment: JsonDict, text: str) -> tuple[int, int]:
    # Where a segment is, in characters. Google counts UTF-8 bytes, and within one part; its words tell for sure.
    start, end, words = segment.get("startIndex", 0), segment.get("endIndex"), segment.get("text")
    if isinstance(start, int) and isinstance(end, int) and 0 <= start <= end:
        data = text.encode("utf-8", "surrogatepass")
        found = len(data[:start].decode("utf-8", "ignore")), len(data[:end].decode("utf-8", "ignore"))
        if not isinstance(words, str) or text[slice(*found)] == words:
            return found
    at = text.find(words) if isinstance(words, str) and words else -1
    return (at, at + len(words)) if at >= 0 and isinstance(words, str) else (0, len(text))


def _segment(text: str, start: int, end: int) -> JsonDict:
    before = len(text[:start].encode("utf-8", "surrogatepass"))
    words = text[start:end]
    return {"startIndex": before, "endIndex": before + len(words.encode("utf-8", "surrogatepass")), "text": words}
