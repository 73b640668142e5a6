# What the picker shows and what a key does to it. Pure: no terminal, no clock, no network.

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

from lingate._model import Fixed, Record
from lingate._providers.availability import Availability
from lingate._providers.offered import Offer

Action = Literal["print", "save", "chat"]

_ORDER = {"present": 0, "unneeded": 1, "unknown": 2, "missing": 3}


class Choice(NamedTuple):
    # How the picker was left.

    action: Action
    model: str


class Backing(Fixed, frozen=True):
    # A provider in the left column, and how many of its models are curated; the empty name stands for all of them.

    name: str
    availability: Availability | None
    curated: int


class State(Record):
    # The picker as it stands. Changed by its methods only.

    availability: Callable[[str], Availability]
    curated: list[Offer]
    enter: Action = "print"
    """What Enter does with the model that is chosen."""
    default: str | None = None
    """The default model, which has a star."""
    everything: list[Offer] | None = None
    """All models, None while they are not loaded."""
    scope: Literal["curated", "all"] = "curated"
    query: str = ""
    """What was typed."""
    typing: bool = False
    """Every letter is for the filter, `c` too."""
    pane: Literal["models", "providers"] = "models"
    """Which column the arrows move in."""
    provider: str = ""
    """The provider chosen on the left; empty for all."""
    row: int = 0
    """The model chosen on the right, by its place."""
    models: list[Offer] = []
    """What is shown on the right."""
    backings: list[Backing] = []
    """What is shown on the left."""
    status: str = ""
    """What the last key did."""
    height: int = 20
    """How many rows a column has on the screen."""
    _texts: dict[int, list[str]] = {}

    def __post_init__(self) -> None:
        self.curated = sorted(self.curated, key=lambda offer: _ORDER[self.availability(offer.provider).mark])
        self._show()

    @property
    def waiting(self) -> bool:
        # All models are wanted, and not there yet.
        return self.scope == "all" and self.everything is None

    @property
    def chosen(self) -> Offer | None:
        return self.models[self.row] if 0 <= self.row < len(self.models) else None

    @property
    def place(self) -> int:
        # Where the cursor is on the left.
        return next((at for at, backing in enumerate(self.backings) if backing.name == self.provider), 0)

    def load(self, offers: Iterable[Offer]) -> None:
        offers = list(offers)
        marks = {name: _ORDER[self.availability(name).mark] for name in {offer.provider for offer in offers}}
        offers.sort(key=lambda offer: (not offer.curated, marks[offer.provider], offer.provider))
        self.everything = offers
        self._texts.clear()
        self._show(self.chosen)

    def toggle(self) -> None:
        self.scope = "all" if self.scope == "curated" else "curated"
        self.status = ""
        self._show(self.chosen)

    def write(self, text: str) -> None:
        self._filter(self.query + "".join(filter(str.isprintable, text)))

    def erase(self, much: Literal["letter", "word", "all"] = "letter") -> None:
        kept = {"letter": self.query[:-1], "word": self.query.rstrip().rpartition(" ")[0], "all": ""}
        self.typing = self.typing and bool(self.query) and much != "all"
        self._filter(kept[much])

    def move(self, steps: int) -> None:
        # Move the cursor of the column that is used, up to its ends.
        self.status = ""
        if self.pane == "models":
            self.row = max(0, min(self.row + steps, len(self.models) - 1))
        elif self.backings:
            at = max(0, min(self.place + steps, len(self.backings) - 1))
            self.select(self.backings[at].name)

    def select(self, provider: str) -> None:
        # Show the models of a provider; the empty name shows those of all.
        self.provider = provider
        self._show()

    def written(self) -> str | None:
        # The model that Enter takes: the one under the cursor, or a whole `provider/model` that no list has.
        if self.chosen is not None:
            return self.chosen.model
        provider, slash, name = self.query.strip().partition("/")
        known = slash and name and " " not in name and self.availability(provider).label != "unknown"
        return f"{provider}/{name}" if known else None

    def _filter(self, query: str) -> None:
        self.query, self.status = query, ""
        self._show()

    def _show(self, keep: Offer | None = None) -> None:
        # Work out both columns. `keep` is the model that stays under the cursor, if it is still there.
        offers = self.curated if self.scope == "curated" or self.everything is None else self.everything
        found = self._matching(offers)
        counts = Counter(offer.provider for offer in offers if offer.curated)
        names = dict.fromkeys(offer.provider for offer in found)
        ranked = sorted(names, key=lambda name: (_ORDER[self.availability(name).mark], -counts[name], name))
        self.backings = [Backing("", None, counts.total())]
        self.backings += [Backing(name, self.availability(name), counts[name]) for name in ranked]
        if self.provider not in names:
            self.provider = ""
        self.models = [offer for offer in found if offer.provider == self.provider] if self.provider else found
        self.row = next((at for at, offer in enumerate(self.models) if keep and offer.model == keep.model), 0)

    def _matching(self, offers: list[Offer]) -> list[Offer]:
        words = self.query.lower().split()
        if not words:
            return offers
        texts = self._texts.get(id(offers))
        if texts is None:
            texts = self._texts[id(offers)] = [offer.model.lower() for offer in offers]
        found = [offer for offer, text in zip(offers, texts, strict=True) if all(word in text for word in words)]
        # Those first whose name, or whose provider's, begins with what was typed.
        first = words[0]
        found.sort(key=lambda offer: not (offer.name.lower().startswith(first) or offer.provider.startswith(first)))
        return found
