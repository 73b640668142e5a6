"""Every format towards every other: what a client says arrives at the provider, and what that answers at the client.

The formats are those that the package has. A further one needs a client, a provider and an answer beside the others here.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.fidelity.clients import client_of
from tests.fidelity.formats import (
    base_of,
    chats,
    faces,
    has_face,
    holding,
    hosts,
    parse,
    pass_on,
    read,
    target,
    told_again,
    told_through,
    turn_through,
    what_was_said,
)
from tests.fidelity.gist import answer_gist, differences, request_gist, secrets_in
from tests.fidelity.losses import LOSSES, NATIVE, NOT_READ_BACK, Way
from tests.fidelity.talk import JsonDict, Talk

PAIRS = [pytest.param(face, upstream, id=f"{face}-{upstream}") for face in faces() for upstream in faces()]
MODES = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


def expected_losses(way: Way, face: str, upstream: str, held: JsonDict) -> set[str]:
    found = [loss for loss in LOSSES if loss.way == way and loss.applies(face, upstream, held.get(loss.what))]
    return {loss.what for loss in found}


@MODES
@pytest.mark.parametrize(("face", "upstream"), PAIRS)
def test_what_a_client_says_is_what_arrives(face: str, upstream: str, stream: bool) -> None:
    answer, talk = holding(upstream), Talk(stream=stream)
    (choice,) = read(upstream, answer.data)["choices"]
    said = request_gist(what_was_said(talk, choice["message"]))

    arrived = pass_on(face, upstream, talk, turn_through(face, upstream, answer, stream))

    gist = request_gist(arrived.back, arrived.sent)
    lost = differences(said, gist)
    assert lost == expected_losses("request", face, upstream, said), {name: (said[name], gist[name]) for name in lost}


@MODES
@pytest.mark.parametrize(("face", "upstream"), PAIRS)
def test_what_is_left_out_on_the_way_to_a_provider_is_reported(face: str, upstream: str, stream: bool) -> None:
    talk = Talk(stream=stream)

    arrived = pass_on(face, upstream, talk, turn_through(face, upstream, holding(upstream), stream))

    left_out = differences(request_gist(arrived.call), request_gist(arrived.back, arrived.sent))
    assert not left_out or arrived.sent.dropped


@pytest.mark.parametrize(("face", "upstream"), PAIRS)
def test_nothing_of_the_conversation_is_refused(face: str, upstream: str) -> None:
    talk, client = Talk(), client_of(face)
    call = parse(face, client.ask(talk, turn_through(face, upstream, holding(upstream), False)), client.path(talk))

    chats()[upstream].request(call, target(upstream))

    assert not call.drop_params


@MODES
@pytest.mark.parametrize(("face", "upstream"), PAIRS)
def test_what_a_provider_answers_is_what_its_client_reads(face: str, upstream: str, stream: bool) -> None:
    answer = holding(upstream)
    answered = answer_gist(read(upstream, answer.data))

    gist = answer_gist(told_through(face, upstream, answer, stream))

    lost = differences(answered, gist)
    assert lost == expected_losses("answer", face, upstream, answered), {n: (answered[n], gist[n]) for n in lost}


@MODES
@pytest.mark.parametrize("name", faces())
def test_a_format_reads_its_own_answers_whole(name: str, stream: bool) -> None:
    response = read(name, holding(name).data)

    assert answer_gist(told_again(name, response, stream)) == answer_gist(response)


@pytest.mark.parametrize("name", faces())
def test_the_answer_that_goes_round_holds_what_its_format_can_hold(name: str) -> None:
    gist = answer_gist(read(name, holding(name).data))

    assert gist["said"] == ["Let me look."]
    assert gist["thoughts"] == ["They want two cities, so I ask twice."]
    assert gist["calls"] == [("get_weather", {"city": "Paris"}), ("get_weather", {"city": "Rome"})]
    assert (gist["finish"], gist["usage"]) == ("tool_calls", [100, 40, 140])


@MODES
@pytest.mark.parametrize("host", [name for name in hosts() if name not in NOT_READ_BACK])
def test_a_format_at_other_addresses_says_the_same(host: str, stream: bool) -> None:
    base = base_of(host)
    talk = Talk(stream=stream)
    turn = turn_through("openai_chat", base, holding(base), stream)

    there = pass_on("openai_chat", host, talk, turn)

    here = pass_on("openai_chat", base, talk, turn)
    assert request_gist(there.back, there.sent) == request_gist(here.back, here.sent)


def test_every_format_that_chats_is_accounted_for() -> None:
    read_back = {name for name in chats() if has_face(name)}

    unknown = read_back - set(faces()) - set(hosts()) - NOT_READ_BACK.keys()
    assert not unknown, "write a client, a provider and answers for these in tests/fidelity, or say why not"
    assert NOT_READ_BACK.keys() <= read_back


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: f"{loss.face}-{loss.way}-{loss.what}")
def test_a_loss_that_is_listed_happens_somewhere(loss: Any) -> None:
    messages = {name: read(name, holding(name).data)["choices"][0]["message"] for name in faces()}
    gists = {
        name: {
            **request_gist(what_was_said(Talk(), message)),
            **answer_gist(read(name, holding(name).data)),
            NATIVE: secrets_in(message),
        }
        for name, message in messages.items()
    }

    assert set(loss.upstreams) <= set(faces())
    assert loss.face in faces()
    assert any(loss.applies(loss.face, name, gist[loss.what]) for name, gist in gists.items())
