# JSON Schema for hosts that check it by rules of their own, https://github.com/MoonshotAI/walle: references point into the root's
# `$defs` (Softeria/ms-365-mcp-server#458), no type stands beside one or beside `anyOf` (lidge-jun/opencodex#2673), and an
# enumeration is of its type (NousResearch/hermes-agent#18271). A single tool that is not so fails every request of an agent.

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from lingate._model import JsonDict
from lingate._wire.shapes import dig, pointed

Change = Callable[[JsonDict], JsonDict]


def regular(root: Any, told: Callable[[str], None], written: Callable[[Any, Change], Any]) -> Any:
    # `written` is a schema with a change to each of its parts, `told` is told of what was left out.
    names: dict[str, str] = {}
    defs: JsonDict = {}

    def mended(part: JsonDict) -> JsonDict:
        out = {key: value for key, value in part.items() if key not in ("$defs", "definitions")}
        if isinstance(reference := out.pop("$ref", None), str):
            for key in sorted(out.keys() - {"description", "title", "default"}):
                told(f"{key} (beside $ref)")
                del out[key]
            return {**out, "anyOf": [{"$ref": reference}]} if out else {"$ref": named(reference)}
        if "type" in out and isinstance(branches := out.get("anyOf"), list):
            if all(dig(branch, "type") or dig(branch, "$ref") for branch in branches):
                del out["type"]
            else:
                del out["anyOf"]
                told("anyOf (beside type)")
        if isinstance(values := out.get("enum"), list) and isinstance(out.get("type"), str):
            out["enum"] = [value for value in values if value is not None]
        return out

    def named(reference: str) -> str:
        if reference == "#":
            return reference
        if reference not in names:
            name = re.sub(r"[^\w.-]", "_", reference.rpartition("/")[2])
            while name in defs:
                name += "_"
            names[reference], defs[name] = name, {}
            defs[name] = written(pointed(root, reference), mended) or {"type": "object"}
        return f"#/$defs/{names[reference]}"

    made = written(root, mended)
    return {**made, "$defs": defs} if defs else made
