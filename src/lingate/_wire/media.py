# What kind of media some bytes or a file name are: the same answer on every machine, unlike `mimetypes`.

from __future__ import annotations

OCTETS = "application/octet-stream"

TYPES = {
    "aac": "audio/aac",
    "aiff": "audio/aiff",
    "flac": "audio/flac",
    "m4a": "audio/mp4",
    "mka": "audio/x-matroska",
    "mp3": "audio/mpeg",
    "mpga": "audio/mpeg",
    "oga": "audio/ogg",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "pcm": "audio/pcm",
    "wav": "audio/wav",
    "weba": "audio/webm",
    "mkv": "video/x-matroska",
    "mov": "video/quicktime",
    "mp4": "video/mp4",
    "mpeg": "video/mpeg",
    "webm": "video/webm",
    "avif": "image/avif",
    "bmp": "image/bmp",
    "gif": "image/gif",
    "heic": "image/heic",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "png": "image/png",
    "svg": "image/svg+xml",
    "tiff": "image/tiff",
    "webp": "image/webp",
}
"""Media types by the end of a file's name."""

# How files begin; four bytes of size stand before `ftyp` and the second word of a RIFF file.
_STARTS = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpg"),
    (b"GIF8", "gif"),
    (b"ID3", "mp3"),
    (b"OggS", "ogg"),
    (b"fLaC", "flac"),
    (b"\x1aE\xdf\xa3", "webm"),
    (b"\xff\xf1", "aac"),
    (b"\xff\xf9", "aac"),
)
_RIFF = {b"WAVE": "wav", b"WEBP": "webp"}
_BRANDS = {b"M4A ": "m4a", b"M4B ": "m4a", b"avif": "avif", b"heic": "heic", b"qt  ": "mov"}


def extension_of(data: bytes) -> str | None:
    # The end of a file name that fits these bytes, without the dot; None if they are of no kind known here.
    if data[:4] == b"RIFF":
        return _RIFF.get(data[8:12])
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12], "mp4")
    found = next((name for start, name in _STARTS if data.startswith(start)), None)
    if found is None and len(data) > 1 and data[0] == 0xFF and data[1] & 0xE6 == 0xE2:
        return "mp3"  # a frame of MPEG layer III that no tag stands before
    return found


def type_of(name: str) -> str | None:
    # The media type that a file's name promises.
    return TYPES.get(name.rpartition(".")[2].lower()) if "." in name else None
