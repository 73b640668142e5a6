from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingate._dialects._dataurl import data_url, decoded, is_data_url, split_data_url
from tests.effort import least_cpu


@given(st.binary())
def test_any_bytes_survive_in_either_alphabet_padded_or_not(data: bytes) -> None:
    for text in (base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode()):
        assert decoded(text) == decoded(text.rstrip("=")) == data
        kind, encoded = split_data_url(data_url("image/png", text))
        assert (kind, encoded) == ("image/png", text)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("data:,a%20b", ("", "YSBi")),
        ("data:text/plain;charset=utf-8,x", ("text/plain", "eA==")),
        ("DATA:Image/PNG;BASE64,QQ==", ("image/png", "QQ==")),
        ("data:image/png;base64,QQ%3D%3D", ("image/png", "QQ==")),
        ("data:image/png;base64,%51%2b%2F%0a%3d", ("image/png", "Q+/=")),
    ],
)
def test_all_forms_of_data_urls(url: str, found: tuple[str, str]) -> None:
    assert is_data_url(url)
    assert split_data_url(url) == found


def test_escapes_that_base64_has_no_need_of_cost_no_time() -> None:
    url = "data:image/png;base64," + "%" * 3_000_000
    assert least_cpu(split_data_url, url) < 0.5


def test_what_is_none_is_told() -> None:
    assert not is_data_url("https://x.example")
    assert not is_data_url(None)
    with pytest.raises(ValueError, match="comma"):
        split_data_url("data:image/png;base64")
    with pytest.raises(ValueError, match="base64"):
        decoded("*")
