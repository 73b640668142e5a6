"""Signatures: those that AWS publishes, and those that AWS's own package makes for requests of any kind."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lingate._auth.aws import Credentials, Scope, signature_headers
from tests.aws import ACCESS_KEY, SECRET_KEY, authorization

NOW = datetime(2015, 8, 30, 12, 36, tzinfo=UTC).timestamp()
KEYS = Credentials(ACCESS_KEY, SECRET_KEY)
UNRESERVED = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
TOKEN = (
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI"
    "/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT"
    "38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)

PUBLISHED = [
    ("GET", "/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    ("POST", "/", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    ("GET", "/?Param1=value1", "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"),
    ("POST", "/?Param1=value1", "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"),
    ("GET", "/?Param2=value2&Param1=value1", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
    ("GET", "/?Param1=value2&Param1=Value1", "eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1"),
    ("GET", "/?%E1%88%B4=bar", "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"),
    ("GET", f"/?{UNRESERVED}={UNRESERVED}", "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"),
    ("GET", f"/{UNRESERVED}", "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"),
    ("GET", "/./", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    ("GET", "/./example", "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5"),
    ("GET", "//example//", "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"),
    ("GET", "/example1/example2/../..", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
]


@pytest.mark.parametrize(("method", "path", "signature"), PUBLISHED)
def test_the_signatures_of_aws_own_suite_come_out(method: str, path: str, signature: str) -> None:
    url = f"https://example.amazonaws.com{path}"

    made = signature_headers(method, url, {}, b"", KEYS, Scope("us-east-1", "service"), NOW)

    assert made == {
        "x-amz-date": "20150830T123600Z",
        "authorization": (
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
            f"SignedHeaders=host;x-amz-date, Signature={signature}"
        ),
    }


def test_a_session_token_is_sent_and_signed() -> None:
    keys = Credentials(ACCESS_KEY, SECRET_KEY, TOKEN)

    made = signature_headers(
        "POST", "https://example.amazonaws.com/", {}, b"", keys, Scope("us-east-1", "service"), NOW
    )

    assert made["x-amz-security-token"] == TOKEN
    assert "SignedHeaders=host;x-amz-date;x-amz-security-token," in made["authorization"]
    assert made["authorization"].endswith("85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead")


_SEGMENT = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=12).map(lambda text: quote(text, safe="")),
    st.sampled_from([".", "..", "", "a%2Fb", "a%2Fb%3Ac", "anthropic.claude-v2%3A1", "x:y", "é%25"]).map(
        lambda text: quote(text, safe=":%")
    ),
)
_NAME = st.text("abcXYZ019-_.", min_size=1, max_size=6)
_VALUE = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=8).map(lambda text: quote(text, safe=""))
_HEADER_TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)


@settings(max_examples=500, deadline=None)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    host=st.sampled_from(
        ["bedrock-runtime.us-east-1.amazonaws.com", "127.0.0.1:8080", "proxy.example:443", "h.example:80", "[::1]:9"]
    ),
    scheme=st.sampled_from(["http", "https"]),
    segments=st.lists(_SEGMENT, max_size=5),
    query=st.lists(st.tuples(_NAME, _VALUE), max_size=4),
    amz=st.dictionaries(_NAME.map(lambda name: f"X-Amz-{name}"), _HEADER_TEXT, max_size=3),
    others=st.dictionaries(st.sampled_from(["content-type", "Accept", "user-agent"]), _HEADER_TEXT, max_size=2),
    body=st.binary(max_size=200),
    token=st.none() | st.just(TOKEN),
    now=st.integers(0, 4_000_000_000),
)
def test_botocore_makes_the_same_signature(
    method: str,
    host: str,
    scheme: str,
    segments: list[str],
    query: list[tuple[str, str]],
    amz: dict[str, str],
    others: dict[str, str],
    body: bytes,
    token: str | None,
    now: int,
) -> None:
    # Two names that differ in case only are one header.
    amz = dict({name.lower(): (name, value) for name, value in amz.items()}.values())
    path = "/" + "/".join(segments)
    url = f"{scheme}://{host}{path}" + ("?" + "&".join(f"{name}={value}" for name, value in query) if query else "")
    keys = Credentials(ACCESS_KEY, SECRET_KEY, token)

    made = signature_headers(method, url, {**amz, **others}, body, keys, Scope("eu-west-3", "bedrock"), now)

    signed = {**amz, **{name: value for name, value in made.items() if name != "authorization"}}
    assert made["authorization"] == authorization(method, url, signed, body, "bedrock", "eu-west-3")


def test_a_port_that_is_not_the_schemes_own_is_part_of_the_signed_host() -> None:
    def made(url: str) -> str:
        return signature_headers("GET", url, {}, b"", KEYS, Scope("us-east-1", "service"), NOW)["authorization"]

    assert made("https://h.example:443/") == made("https://h.example/")
    assert made("https://H.Example/") == made("https://h.example/")  # as every client sends it
    assert made("https://h.example:80/") != made("https://h.example/")
    assert urlsplit("https://h.example:80/").netloc == "h.example:80"


def test_the_path_of_the_wire_is_encoded_once_more() -> None:
    url = "https://bedrock-runtime.us-east-1.amazonaws.com/model/arn%3Aaws%3Abedrock%2Fx/converse"

    made = signature_headers("POST", url, {}, b"{}", KEYS, Scope("us-east-1", "bedrock"), NOW)

    stamp = {"x-amz-date": made["x-amz-date"]}
    assert made["authorization"] == authorization("POST", url, stamp, b"{}", "bedrock", "us-east-1")


def test_an_old_signature_is_replaced_and_a_given_hash_of_the_body_is_believed() -> None:
    old = {"X-Amz-Date": "20000101T000000Z", "X-Amz-Security-Token": "old", "x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    keys = Credentials(ACCESS_KEY, SECRET_KEY, TOKEN)
    url = "https://example.amazonaws.com/"

    made = signature_headers("POST", url, old, b"big", keys, Scope("us-east-1", "service"), NOW)

    signed = {
        "x-amz-date": "20150830T123600Z",
        "x-amz-security-token": TOKEN,
        "X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD",
    }
    assert made["authorization"] == authorization("POST", url, signed, b"big", "service", "us-east-1")


def test_no_secret_shows_in_the_repr_of_credentials() -> None:
    assert "wJalr" not in repr(Credentials(ACCESS_KEY, SECRET_KEY, TOKEN))
    assert TOKEN not in repr(Credentials(ACCESS_KEY, SECRET_KEY, TOKEN))
