"""Whatever is asked, the vendor's own package reads our request and would have written the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lingate._model import Call, Traits
from tests.dialects.gemini import strategies
from tests.dialects.gemini.oracle import comparable, rebuilt
from tests.dialects.gemini.support import CHAT, CLOUD, MIDDLE, OLD, STUDIO, parse, target

NEWEST: Traits = {"thinking": "level"}


def _body(asked: dict[str, Any], traits: Traits, url: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(CHAT.request(Call("chat", "gemini-test", asked), target(traits, url=url)).body)
    return made


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(strategies.requests(), st.sampled_from([NEWEST, MIDDLE]))
def test_any_request_is_one_that_the_vendors_package_would_have_written(asked: dict[str, Any], traits: Traits) -> None:
    before = json.dumps(asked, sort_keys=True)

    made = _body(asked, traits, STUDIO)

    assert rebuilt(made) == comparable(made)
    assert json.dumps(asked, sort_keys=True) == before


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(strategies.requests())
def test_the_same_holds_for_the_cloud_and_for_old_models(asked: dict[str, Any]) -> None:
    asked.pop("reasoning_effort", None)
    asked.pop("service_tier", None)

    made = _body(asked, {**OLD, "google_cloud": True}, CLOUD)

    assert rebuilt(made, cloud=True) == comparable(made)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(strategies.requests())
def test_a_request_read_by_the_face_and_written_again_is_the_same(asked: dict[str, Any]) -> None:
    made = _body(asked, NEWEST, STUDIO)

    again = _body(parse(made).body, NEWEST, STUDIO)

    assert again == made


@pytest.mark.parametrize("cloud", [False, True])
def test_a_request_with_everything_at_once_is_read_by_the_vendors_package(cloud: bool) -> None:
    made = _body(
        {
            "messages": [{"role": "user", "content": "hi"}],
            "tools": [{"type": "function", "function": {"name": "f"}}, {"codeExecution": {}}, {"type": "web_search"}],
            "tool_choice": "required",
            "thinking": {"type": "enabled", "budget_tokens": 1000},
            "modalities": ["text", "audio"],
            "audio": {"voice": "Kore", "format": "pcm16"},
            "safety_settings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
            "media_resolution": "MEDIA_RESOLUTION_LOW",
        },
        {"thinking": "level", "google_cloud": cloud},
        STUDIO,
    )

    assert ("includeServerSideToolInvocations" in made["toolConfig"]) is not cloud
    assert rebuilt(made, cloud) == comparable(made)
