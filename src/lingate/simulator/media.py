# Answers about images and sound, moderations, embeddings and rankings: small, valid, and the same for the same request.

# Embeddings are unit vectors made from the words of a text, so that texts that share words are close; rankings go by them.

from __future__ import annotations

import math
import operator
import re
import struct
import zlib
from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import blake2b, sha256
from typing import Any

from lingate._model import Call, JsonDict
from lingate._wire import json
from lingate._wire.multipart import Upload
from lingate._wire.shapes import as_list
from lingate.errors import BadRequestError
from lingate.simulator.answers import digest, number_wanted, usage_of
from lingate.simulator.prompt import about_bytes, count

_CREATED = 1_750_000_000
_SIDE = 8
_RATE = 8000  # samples of sound a second
_SECONDS_PER_WORD = 0.05
_MOST_SECONDS = 30.0
_MOST_IMAGES = 10
_IMAGE_TOKENS = 272  # what gpt-image-1 counts for a small square of low quality

_CATEGORY_NAMES = """
harassment harassment/threatening hate hate/threatening illicit illicit/violent
self-harm self-harm/instructions self-harm/intent sexual sexual/minors violence violence/graphic
"""
_CATEGORIES = _CATEGORY_NAMES.split()
"""OpenAI's categories. One applies where all words of its name are in the text."""


def answer_images(call: Call) -> JsonDict:
    # The canonical response: tiny PNG images whose colour comes of the request.
    body = call.body
    wanted = number_wanted(body, _MOST_IMAGES)
    files = body.get("image")
    sources = [item for item in (files if isinstance(files, list) else [files]) if isinstance(item, Upload)]
    prompt = str(body.get("prompt") or "")
    seed = digest(call.model, prompt, *(sha256(source.data).hexdigest() for source in sources))
    shown = "; ".join(f"{source.name} ({source.content_type}, {about_bytes(source.data)})" for source in sources)
    revised = (prompt or "A variation") + (f" of {shown}" if shown else "")
    # A URL that needs no network: nothing here is kept to be fetched later.
    key, before = ("url", "data:image/png;base64,") if body.get("response_format") == "url" else ("b64_json", "")
    images = [b64encode(png(digest(seed, str(number)))).decode() for number in range(wanted)]
    text, read, made = count(prompt), _IMAGE_TOKENS * len(sources), _IMAGE_TOKENS * wanted
    return {
        "created": _CREATED,
        "data": [{key: before + image, "revised_prompt": revised} for image in images],
        "output_format": "png",
        "size": f"{_SIDE}x{_SIDE}",
        "usage": {
            **usage_of(text + read, made),
            "prompt_tokens_details": {"text_tokens": text, "image_tokens": read},
            "completion_tokens_details": {"text_tokens": 0, "image_tokens": made},
        },
    }


def png(seed: str) -> bytes:
    colour = bytes.fromhex(seed[:6])
    rows = b"".join(b"\0" + colour * _SIDE for _ in range(_SIDE))
    header = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def answer_speech(call: Call) -> JsonDict:
    # The canonical response: a tone, the longer the more words there are to say.
    # WAV, or bare samples for `pcm`.
    body = call.body
    if not body.get("voice"):
        raise BadRequestError("voice is missing")
    words = len(str(body.get("input")).split())
    speed = body.get("speed") if isinstance(body.get("speed"), int | float) else 1
    seconds = min(words * _SECONDS_PER_WORD / max(float(speed or 1), 0.1), _MOST_SECONDS)
    samples = [int(8000 * math.sin(at * 0.35)) for at in range(int(seconds * _RATE) or 1)]
    data = struct.pack(f"<{len(samples)}h", *samples)
    if body.get("response_format") == "pcm":
        return {"audio": data, "content_type": "audio/pcm", "model": call.model}
    return {"audio": wav(data), "content_type": "audio/wav", "model": call.model}


def wav(samples: bytes) -> bytes:
    size, fmt = len(samples), (16, 1, 1, _RATE, _RATE * 2, 2, 16)
    return struct.pack("<4sI8sIHHIIHH4sI", b"RIFF", size + 36, b"WAVEfmt ", *fmt, b"data", size) + samples


def seconds_of(data: bytes) -> float:
    # How long a sound is: exactly for WAV, as 16 kB a second for anything else.
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
    # The canonical response: a transcript that names the file and its size.
    body = call.body
    file: Upload = body["file"]
    said = "In English, this" if body.get("translate") else "This"
    text = f"{said} is {file.name}, {len(file.data)} bytes of {file.content_type}."
    seconds = seconds_of(file.data)
    form = body.get("response_format") or "json"
    if form in _PLAIN:
        whole, milliseconds = divmod(round(seconds * 1000), 1000)
        end = f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}.{milliseconds:03}"
        written = _PLAIN[form].format(text=text, end=end, comma_end=end.replace(".", ","))
        return {"text": written, "content_type": "text/plain; charset=utf-8"}
    if form != "verbose_json":
        spoken, made_of = max(1, round(seconds * 10)), count(text)
        usage = {"type": "tokens", "input_tokens": spoken, "output_tokens": made_of, "total_tokens": spoken + made_of}
        return {"text": text, "usage": {**usage, "input_token_details": {"audio_tokens": spoken, "text_tokens": 0}}}
    made: JsonDict = {
        "task": "translate" if body.get("translate") else "transcribe",
        "language": "english",
        "duration": seconds,
        "text": text,
        "segments": [
            {
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
        ],
        "usage": {"type": "duration", "seconds": math.ceil(seconds)},
    }
    if "word" in (body.get("timestamp_granularities") or ()):
        words = text.split()
        times = [round(seconds * at / len(words), 3) for at in range(len(words) + 1)]
        made["words"] = [{"word": word, "start": times[at], "end": times[at + 1]} for at, word in enumerate(words)]
    return made


_PLAIN = {
    "text": "{text}\n",
    "srt": "1\n00:00:00,000 --> {comma_end}\n{text}\n\n",
    "vtt": "WEBVTT\n\n00:00:00.000 --> {end}\n{text}\n\n",
}


def answer_moderation(call: Call) -> JsonDict:
    # The canonical response: a category applies where its name is in the text.
    given = call.body.get("input")
    items = [given] if isinstance(given, str) else as_list(given)
    if items and isinstance(items[0], Mapping):
        items = [items]  # parts of one message are judged together
    return {
        "id": "modr-" + digest(call.model, json.encode_str(given))[:24],
        "model": call.model,
        "results": list(map(_verdict, items)),
    }


def _verdict(item: Any) -> JsonDict:
    parts = item if isinstance(item, list) else [{"type": "text", "text": item}]
    text = " ".join(str(part.get("text") or "") for part in parts if isinstance(part, Mapping)).lower()
    kinds = sorted({"image" if part.get("type") == "image_url" else "text" for part in parts})
    categories = {name: all(word in text for word in name.split("/")) for name in _CATEGORIES}
    doubts = {name: round(int(digest(text, name)[:4], 16) / 0xFFFF / 100, 6) for name in categories}
    scores = {name: 0.9 if found else doubts[name] for name, found in categories.items()}
    return {
        "flagged": any(categories.values()),
        "categories": categories,
        "category_scores": scores,
        "category_applied_input_types": dict.fromkeys(_CATEGORIES, kinds),
    }


DEFAULT_DIMENSIONS = 1536
_MAX_DIMENSIONS = 8192
_MAX_INPUTS = 2048
_SLOTS = 8  # places of the vector that a word touches
_RANKING_SIZE = 256
_NOISE = 0.01  # keeps vectors dense and texts of the same words apart


def answer_embeddings(call: Call, dimensions: int | None) -> JsonDict:
    body = call.body
    size = body.get("dimensions")
    if size is None:
        size = dimensions or DEFAULT_DIMENSIONS
    if not isinstance(size, int) or not 1 <= size <= _MAX_DIMENSIONS:
        raise BadRequestError(f"dimensions must be a number from 1 to {_MAX_DIMENSIONS}")
    encoding = body.get("encoding_format") or "float"
    if encoding not in ("float", "base64"):
        raise BadRequestError("encoding_format must be float or base64")
    inputs = list(_inputs(body.get("input")))
    if not 1 <= len(inputs) <= _MAX_INPUTS:
        raise BadRequestError(f"input must hold from 1 to {_MAX_INPUTS} texts")
    tokens = sum(tokens for _, tokens in inputs)
    vectors: list[Any] = [vector_of(text, size) for text, _ in inputs]
    if encoding == "base64":  # of little-endian 32-bit floats, as OpenAI sends them
        vectors = [b64encode(struct.pack(f"<{size}f", *vector)).decode() for vector in vectors]
    return {
        "object": "list",
        "data": [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)],
        "model": call.model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _inputs(value: Any) -> Iterator[tuple[str, int]]:
    # Each text with its tokens; a list of numbers is one text that is tokens already.
    if isinstance(value, dict) and isinstance(value.get("parts"), list):
        value = "".join(str(part.get("text", "")) for part in value["parts"])  # one input in several pieces
    if isinstance(value, str):
        yield value, count(value)
    elif not isinstance(value, list) or [] in value:
        raise BadRequestError("input must be a text, a list of texts or lists of tokens")
    elif value and all(isinstance(item, int) for item in value):
        yield " ".join(map(str, value)), len(value)
    else:
        for item in value:
            yield from _inputs(item)


def vector_of(text: str, size: int) -> list[float]:
    # A unit vector of `size` numbers, always the same for the same text.
    state = _hash(text)
    vector = []
    for _ in range(size):
        # a linear congruential generator (Knuth, MMIX): one multiplication, where a hash costs ten times that
        state = (state * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF
        vector.append(((state >> 40) / (1 << 24) - 0.5) * _NOISE)
    for word in re.findall(r"\w+", text.lower()):
        bits = _hash(word)
        for _ in range(_SLOTS):
            vector[bits % 0xFFFF % size] += 1.0 if bits & 0x10000 else -1.0
            bits = (bits * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF
    length = math.sqrt(sum(number * number for number in vector)) or 1.0
    return [number / length for number in vector]


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def answer_rerank(call: Call) -> JsonDict:
    body = call.body
    query, documents = body["query"], body["documents"]
    texts = []
    for document in documents:
        text = document.get("text") if isinstance(document, dict) else document
        texts.append(text if isinstance(text, str) else json.encode_str(document))
    wanted = vector_of(query, _RANKING_SIZE)
    # The angle between two unit vectors, as a number from 0 to 1.
    products = (sum(map(operator.mul, wanted, vector_of(text, _RANKING_SIZE))) for text in texts)
    scores = [round(min(max((product + 1) / 2, 0.0), 1.0), 6) for product in products]
    order = sorted(range(len(texts)), key=lambda index: (-scores[index], index))
    results: list[JsonDict] = [{"index": index, "relevance_score": scores[index]} for index in order]
    if body.get("return_documents"):
        for result in results:
            result["document"] = {"text": texts[result["index"]]}
    tokens = count(query) * len(texts) + sum(map(count, texts))
    return {
        "object": "rerank",
        "id": "sim-rerank",
        "model": call.model,
        "results": results[: body.get("top_n")],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
