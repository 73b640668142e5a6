# Draws the picker as lines of styled text, each as wide as the screen. Pure, and small enough to be shown before anything else
# is loaded: the same lines are written by `opening` and by `app`.

from __future__ import annotations

from unicodedata import combining, east_asian_width

from lingate._providers.offered import Offer, modalities
from lingate.cli.picker.state import State

Span = tuple[str, str]
Line = list[Span]

MARKS = {
    "present": ("✓", "green"),
    "missing": ("✗", "red"),
    "unneeded": ("○", "green"),
    "unknown": ("?", "yellow"),
}
"""Sign and style of each mark."""

HEAD, FOOT = 3, 3
"""Lines above and below the columns."""
_LEAST = (40, HEAD + FOOT + 2)
_WIDE = 100
_ENTER = {"print": "use", "save": "save", "chat": "chat"}
_WORDS = {"image": "img", "audio": "aud", "video": "vid", "embedding": "emb", "ranking": "rank"}


def frame(state: State, width: int, height: int) -> list[Line]:
    if width < _LEAST[0] or height < _LEAST[1]:
        return [_line([("this terminal is too small", "")], width)] + [_line([], width)] * (height - 1)
    rows = state.height = height - HEAD - FOOT
    left = left_width(width)
    right = width - left - 3
    shown, other = ("curated", "all") if state.scope == "curated" else ("all", "curated")
    title = [(" lingate models ", "reverse"), (f"  {shown} models", "bold"), (f"  (c: {other})", "dim")]
    lines = [_line(title, width), _filter(state, width), _heading(left, right)]
    above = first(state.place, len(state.backings), rows), first(state.row, len(state.models), rows)
    for at in range(rows):
        lines.append([*_backing(state, above[0] + at, left), (" │ ", "dim"), *_model(state, above[1] + at, right)])
    return [*lines, _line([("─" * width, "dim")], width), _about(state, width), _keys(state, width)]


def left_width(width: int) -> int:
    return 38 if width >= _WIDE else 32 if width >= 72 else 22


def first(chosen: int, count: int, rows: int) -> int:
    # The row at the top of a column, so that the chosen one is to be seen.
    return max(0, min(chosen - rows // 2, count - rows))


def _filter(state: State, width: int) -> Line:
    total = len(state.everything) if state.scope == "all" and state.everything is not None else len(state.curated)
    end = "loading all models ... " if state.waiting else f"{len(state.models):,} of {total:,} "
    if state.query or state.typing:
        begin: Line = [(" filter: ", "bold"), (state.query, ""), ("▏", "bold")]
    else:
        begin = [(" type to filter", "dim")]
    return [*_line(begin, width - len(end)), (end, "dim")]


def _heading(left: int, right: int) -> Line:
    name, facts = _columns(right)
    heads = {"context": "size", "price": "$ in/out", "reads": " reads"}
    texts = "".join(fit(heads[fact], size) if fact == "reads" else heads[fact].rjust(size) for fact, size in facts)
    return [(fit("  provider", left), "underline"), (" │ ", "dim"), (fit("  model", name) + texts, "underline")]


def _columns(width: int) -> tuple[int, list[tuple[str, int]]]:
    # How wide the name is, and the facts beside it: on a narrow screen what a model reads is one letter a kind.
    sizes = (8, 13, 17) if width >= 68 else (6, 10, 6) if width >= 44 else (6,)
    return width - sum(sizes), list(zip(("context", "price", "reads"), sizes, strict=False))


def _backing(state: State, at: int, width: int) -> Line:
    if at >= len(state.backings):
        return _line([], width)
    backing = state.backings[at]
    availability = backing.availability
    if availability is None:
        spans: Line = [("• all providers", "")]
    else:
        sign, style = MARKS[availability.mark]
        spans = [(f"{sign} ", style), (backing.name, ""), (f" [{availability.label}]", style)]
    if backing.curated:
        spans.append((f" ({backing.curated} curated)", "dim"))
    return _row(spans, width, backing.name == state.provider, state.pane == "providers")


def _model(state: State, at: int, width: int) -> Line:
    if at >= len(state.models):
        return _line([(_nothing(state), "dim")] if at == 0 else [], width)
    offer = state.models[at]
    sign, style = MARKS[state.availability(offer.provider).mark]
    name, facts = _columns(width)
    star = " ★" if offer.model == state.default else ""
    shown = offer.name if state.provider else offer.model
    spans: Line = [(f"{sign} ", style), (_both_ends(shown, name - 2 - len(star)), ""), (star, "yellow")]
    spans += [(_fact(offer, fact, size), "dim") for fact, size in facts]
    return _row(spans, width, at == state.row, state.pane == "models")


def _fact(offer: Offer, fact: str, width: int) -> str:
    if fact == "reads":
        return " " + fit(_reads(offer, short=width < 10), width - 1)
    if fact == "price":
        text = _price(offer, width)
    elif (size := offer.context) is None:
        text = "-"
    else:
        text = f"{size / 1e6:.3g}M" if size >= 999_500 else f"{size / 1e3:.0f}k" if size >= 1000 else str(size)
    return " " + fit(text.rjust(width - 1), width - 1)


def _nothing(state: State) -> str:
    if state.waiting:
        return "  loading ..."
    taken = state.written()
    if taken is not None:
        return f"  no list has it; Enter takes {taken}"
    return "  nothing fits" + ("; Ctrl-A looks among all" if state.scope == "curated" else "")


def _row(spans: Line, width: int, here: bool, used: bool) -> Line:
    if not here:
        return _line(spans, width)
    return [("".join(text for text, _ in _line(spans, width)), "reverse" if used else "bold")]


def _price(offer: Offer, width: int) -> str:
    if offer.input is None and offer.output is None:
        return "-"
    for digits in (3, 2):
        text = "/".join("-" if price is None else _dollars(price, digits) for price in (offer.input, offer.output))
        if len(text) < width:
            break
    return text


def _dollars(price: float, digits: int) -> str:
    return f"{price:.{digits}g}" if price < 1000 else f"{price:.0f}"


def _reads(offer: Offer, *, short: bool) -> str:
    inputs, outputs = modalities(offer)
    writes = outputs != ("text",)
    if short:
        return f"→{outputs[0][:4]}" if writes else "".join(word[0] for word in inputs) or "-"
    words = ",".join(_WORDS.get(word, word) for word in (outputs if writes else inputs))
    return f"→{words}" if writes else words or "-"


def _about(state: State, width: int) -> Line:
    # What the last key did, or what there is to know about the model under the cursor.
    if state.status:
        return _line([(f" {state.status}", "bold")], width)
    offer = state.chosen
    if offer is None:
        return _line([], width)
    availability = state.availability(offer.provider)
    reads, writes = modalities(offer)
    parts = [
        offer.model,
        availability.label if not availability.source else f"{availability.label}: {availability.source}",
        f"{offer.context:,} tokens" if offer.context else "context size unknown",
        f"reads {', '.join(reads)}" if reads else "",
        f"writes {', '.join(writes)}" if writes != ("text",) else "",
        "the default" if offer.model == state.default else "",
    ]
    return _line([(" " + " | ".join(filter(None, parts)), "")], width)


def _keys(state: State, width: int) -> Line:
    filtering = state.typing or bool(state.query)
    keys = {
        "Enter": _ENTER[state.enter],
        "^S": "default",
        "^T": "chat",
        "^A" if filtering else "c": "all" if state.scope == "curated" else "curated",
        **({} if filtering else {"/": "filter"}),
        "Tab": "pane",
        "^R": "ask",
        "Esc": "clear" if filtering else "quit",
    }
    return _line([span for key, word in keys.items() for span in ((key, "reverse"), (f" {word}  ", ""))], width)


def _line(spans: Line, width: int) -> Line:
    out: Line = []
    left = width
    for text, style in spans:
        text = _safe(text)
        size = cells(text)
        if size > left:
            text, size = fit(text, left), left
        if text:
            out.append((text, style))
        left -= size
    if left:
        out.append((" " * left, ""))
    return out


def fit(text: str, width: int) -> str:
    # The text in exactly so many cells, cut with an ellipsis or filled.
    if width <= 0:
        return ""
    size = cells(text)
    if size > width:
        while cells(text) > width - 1:
            text = text[:-1]
        text += "…"
        size = cells(text)
    return text + " " * (width - size)


def _both_ends(text: str, width: int) -> str:
    # A model's name in so many cells, cut in the middle: its provider and its version are at the ends.
    if cells(text) <= width or not text.isascii():
        return fit(text, width)
    end = width * 3 // 5
    return f"{text[: width - end - 1]}…{text[-end:]}"


def cells(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(0 if combining(letter) else 2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def _safe(text: str) -> str:
    # The text without what would move the cursor or change the terminal: lists come from outside.
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in text)
