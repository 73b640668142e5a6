"""Views of rerank answers."""

from __future__ import annotations

from typing import cast

from lingate._model import JsonDict
from lingate._views import Response, View


class RerankResult(View):
    """One document's place in the ranking."""

    __slots__ = ()

    @property
    def index(self) -> int:
        """Which of the documents that were given."""
        return cast(int, self._data.get("index") or 0)

    @property
    def relevance_score(self) -> float:
        """How relevant it is. Only scores of one answer compare."""
        return cast(float, self._data.get("relevance_score") or 0.0)

    @property
    def document(self) -> JsonDict | None:
        """The document itself, mostly `{"text": ...}`, where `return_documents` asked for it."""
        return self._data.get("document")


class RerankResponse(Response):
    """Documents in the order of their relevance to a query, the most relevant first."""

    __slots__ = ()

    @property
    def results(self) -> list[RerankResult]:
        """One item a document, or as many as `top_n` asked for."""
        return self._views("results", RerankResult)

    @property
    def order(self) -> list[int]:
        """The documents' places in the list that was given, the most relevant first."""
        return [result.index for result in self.results]
