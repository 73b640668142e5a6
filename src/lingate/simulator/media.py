"""Answers about images and sound, and moderations: small, valid, and the same for the same request."""

from __future__ import annotations

import math
import struct
import sys
import zlib
from array import array
from base64 import b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from lingate._model import Call, JsonDict
from lingate._wire import json
from lingate._wire.multipart import Upload
from lingate.errors import BadRequestError
from lingate.simulator.answers import digest
from lingate.simulator.prompt import count, pixels

_CREATED = 1_750_000_000
_SIDE = 8
_RATE = 8000  # samples of sound a second
_SECONDS_PER_WORD = 0.05
_MOST_SECONDS = 30.0
_MOST_IMAGES = 10
_IMAGE_TOKENS = 272  # what gpt-image-1 counts for a small square of low quality

_CATEGORIES = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)
"""OpenAI's categories. One applies where all words of its name are in the text."""


def answer_images(call: Call) -> JsonDict:
    """The canonical response: tiny PNG images whose colour comes of the request."""
    body = call.body
    wanted = body.get("n") or 1
    if not isinstance(wanted, int) or not 1 <= wanted <= _MOST_IMAGES:
        raise BadRequestError(f"n must be a number from 1 to {_MOST_IMAGES}")
    files = body.get("image") or []
    sources = [item for item in (files if isinstance(files, list) else [files]) if isinstance(item, Upload)]
    prompt = str(body.get("prompt") or "")
    seed = digest(call.model, prompt, *(sha256(source.data).hexdigest() for source in sources))
    images = []
    for number in range(wanted):
        data = b64encode(png(digest(seed, str(number)))).decode()
        # A URL that needs no network: nothing here is kept to be fetched later.
        image: JsonDict = (
            {"url": f"data:image/png;base64,{data}"} if body.get("response_format") == "url" else {"b64_json": data}
        )
        images.append({**image, "revised_prompt": _revised(prompt, sources)})
    text, shown = count(prompt), _IMAGE_TOKENS * len(sources)
    made = _IMAGE_TOKENS * wanted
    return {
        "created": _CREATED,
        "data": images,
        "output_format": "png",
        "size": f"{_SIDE}x{_SIDE}",
        "usage": {
            "prompt_tokens": text + shown,
            "completion_tokens": made,
            "total_tokens": text + shown + made,
            "prompt_tokens_details": {"text_tokens": text, "image_tokens": shown},
            "completion_tokens_details": {"text_tokens": 0, "image_tokens": made},
        },
    }


def _revised(prompt: str, sources: list[Upload]) -> str:
    seen = []
    for source in sources:
        size = pixels(source.data)
        about = f", {size[0]}x{size[1]} pixels" if size else ""
        seen.append(f"{source.name} ({source.content_type}, {len(source.data)} bytes{about})")
    return " ".join([prompt or "A variation", *(["of", "; ".join(seen)] if seen else [])])


def png(seed: str) -> bytes:
    colour = bytes.fromhex(seed[:6])
    rows = b"".join(b"\0" + colour * _SIDE for _ in range(_SIDE))
    header = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def answer_speech(call: Call) -> JsonDict:
    """The canonical response: a tone, the longer the more words there are to say. WAV, or bare samples for `pcm`."""
    body = call.body
    if not body.get("voice"):
        raise BadRequestError("voice is missing")
    words = len(str(body.get("input")).split())
    speed = body.get("speed") if isinstance(body.get("speed"), int | float) else 1
    seconds = min(words * _SECONDS_PER_WORD / max(float(speed or 1), 0.1), _MOST_SECONDS)
    samples = array("h", (int(8000 * math.sin(at * 0.35)) for at in range(int(seconds * _RATE) or 1)))
    if sys.byteorder == "big":
        samples.byteswap()
    data = samples.tobytes()
    if body.get("response_format") == "pcm":
        return {"audio": data, "content_type": "audio/pcm", "model": call.model}
    return {"audio": wav(data), "content_type": "audio/wav", "model": call.model}


def wav(samples: bytes) -> bytes:
    """Samples of 16 bits as a WAV file."""
    layout = struct.pack("<HHIIHH", 1, 1, _RATE, _RATE * 2, 2, 16)
    body = b"WAVE" + b"fmt " + struct.pack("<I", len(layout)) + layout + b"data" + struct.pack("<I", len(samples))
    return b"RIFF" + struct.pack("<I", len(body) + len(samples)) + body + samples


def seconds_of(data: bytes) -> float:
    """How long a sound is: exactly for WAV, as 16 kB a second for anything else."""
    at, rate = 12, 16_000
    while data[:4] == b"RIFF" and at + 8 <= len(data):
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if kind == b"fmt " and at + 20 <= len(data):
            rate = int.from_bytes(data[at + 16 : at + 20], "little") or rate
        if kind == b"data":
            return round(min(size, len(data) - at - 8) / rate, 3)
        at += 8 + size + size % 2
    return round(len(data) / rate, 3)


def answer_transcription(call: Call) -> JsonDict:
    """The canonical response: a transcript that names the file and its size."""
    body = call.body
    file = body.get("file")
    if not isinstance(file, Upload):
        raise BadRequestError("file is missing")
    said = "In English, this" if body.get("translate") else "This"
    text = f"{said} is {file.name}, {len(file.data)} bytes of {file.content_type}."
    seconds = seconds_of(file.data)
    form = body.get("response_format") or "json"
    if form in _PLAIN:
        return {"text": _PLAIN[form](text, seconds), "content_type": "text/plain; charset=utf-8"}
    if form != "verbose_json":
        spoken, written = max(1, round(seconds * 10)), count(text)
        usage = {"type": "tokens", "input_tokens": spoken, "output_tokens": written, "total_tokens": spoken + written}
        return {"text": text, "usage": {**usage, "input_token_details": {"audio_tokens": spoken, "text_tokens": 0}}}
    made: JsonDict = {
        "task": "translate" if body.get("translate") else "transcribe",
        "language": "english",
        "duration": seconds,
        "text": text,
        "segments": [_segment(text, seconds)],
        "usage": {"type": "duration", "seconds": math.ceil(seconds)},
    }
    if "word" in (body.get("timestamp_granularities") or ()):
        words = text.split()
        step = seconds / len(words)
        made["words"] = [
            {"word": word, "start": round(at * step, 3), "end": round((at + 1) * step, 3)}
            for at, word in enumerate(words)
        ]
    return made


def _segment(text: str, seconds: float) -> JsonDict:
    return {
        "id": 0,
        "seek": 0,
        "start": 0.0,
        "end": seconds,
        "text": text,
        "tokens": list(range(count(text))),
        "temperature": 0.0,
        "avg_logprob": -0.1,
        "compression_ratio": 1.0,
        "no_speech_prob": 0.0,
    }


def _time(seconds: float, point: str) -> str:
    whole = int(seconds)
    milliseconds = round((seconds - whole) * 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{point}{milliseconds:03}"


_PLAIN: dict[str, Callable[[str, float], str]] = {
    "text": lambda text, seconds: text + "\n",
    "srt": lambda text, seconds: f"1\n{_time(0, ',')} --> {_time(seconds, ',')}\n{text}\n\n",
    "vtt": lambda text, seconds: f"WEBVTT\n\n{_time(0, '.')} --> {_time(seconds, '.')}\n{text}\n\n",
}


def answer_moderation(call: Call) -> JsonDict:
    """The canonical response: a category applies where its name is in the text."""
    given = call.body.get("input")
    items = [given] if isinstance(given, str) else given if isinstance(given, list) else []
    if items and isinstance(items[0], Mapping):
        items = [items]  # parts of one message are judged together
    return {
        "id": "modr-" + digest(call.model, json.encode_str(given))[:24],
        "model": call.model,
        "results": [_verdict(item) for item in items],
    }


def _verdict(item: Any) -> JsonDict:
    parts = item if isinstance(item, list) else [{"type": "text", "text": item}]
    text = " ".join(str(part.get("text") or "") for part in parts if isinstance(part, Mapping)).lower()
    kinds = sorted({"image" if part.get("type") == "image_url" else "text" for part in parts})
    categories = {name: all(word in text for word in name.split("/")) for name in _CATEGORIES}
    scores = {name: 0.9 if found else _doubt(text, name) for name, found in categories.items()}
    return {
        "flagged": any(categories.values()),
        "categories": categories,
        "category_scores": scores,
        "category_applied_input_types": dict.fromkeys(_CATEGORIES, kinds),
    }


def _doubt(text: str, name: str) -> float:
    return round(int(digest(text, name)[:4], 16) / 0xFFFF / 100, 6)
