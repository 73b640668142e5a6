"""Director's adapter: by Director's contract over real HTTP, and in Director's own code where a checkout is given."""

from __future__ import annotations

import importlib
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lingate
from lingate.errors import MissingExtraError
from lingate.hosts import director, registry
from lingate.hosts._director_recipe import PINS
from lingate.hosts._disk import tree_of, write
from lingate.hosts._recipe import detect, install, uninstall
from lingate.simulator import Simulator
from tests.hosts.director_kit import called, completion
from tests.hosts.refusals import REFUSAL, refusing
from tests.servers import RawServer, Script

HERE = Path(__file__).parent
STAND_INS = HERE / "stand_ins"
ASK = [{"role": "user", "content": "Call search_videos for cats"}]
AGENT = {
    "name": "search_videos",
    "description": "Searches",
    "parameters": {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]},
}

Make = Callable[..., Any]


@pytest.fixture
def base(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """`director.llm.base`, as its contract describes it."""
    monkeypatch.syspath_prepend(str(STAND_INS))
    yield importlib.import_module("director.llm.base")
    for name in [name for name in sys.modules if name.partition(".")[0] == "director"]:
        del sys.modules[name]


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.fixture
def make(base: Any, simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes a `LingateLLM` that asks a model at the simulator."""
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{simulator.url}/v1")

    def made(model: str = "openai/sim-words-12", **settings: Any) -> Any:
        return director.LingateLLM(director.LingateConfig(chat_model=model, **settings))

    return made


def answering(make: Make, monkeypatch: pytest.MonkeyPatch, message: dict[str, Any], **choice: Any) -> Any:
    """What Director gets when a provider answers with exactly this."""
    usage = choice.pop("usage", {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5})
    with RawServer(completion(message, usage, **choice)) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        return make("openai/m").chat_completions(ASK, tools=[AGENT])


@pytest.mark.requirement("director R1", "X10")
def test_a_variable_selects_any_provider_and_model(
    make: Make, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", simulator.url)

    for model in ("openai/sim-words-9", "anthropic/sim-words-9"):
        monkeypatch.setenv("LINGATE_CHAT_MODEL", model)
        llm = director.LingateLLM()
        answer = llm.chat_completions(ASK)

        assert (llm.llm_type, llm.chat_model) == ("lingate", model)
        assert answer.status == 1
        assert "cats" in answer.content
        assert answer.total_tokens == answer.send_tokens + answer.recv_tokens > 0
    assert [item.path for item in simulator.requests()] == ["/v1/chat/completions", "/v1/messages"]


@pytest.mark.requirement("director R1", "director R2", "director R12")
def test_settings_come_from_prefixed_variables_and_no_key_is_required(
    base: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = director.LingateConfig()
    monkeypatch.setenv("LINGATE_TEMPERATURE", "0.2")
    monkeypatch.setenv("LINGATE_MAX_TOKENS", "77")
    monkeypatch.setenv("LINGATE_TIMEOUT", "")
    told = director.LingateLLM()

    assert (plain.api_key, plain.api_base, plain.chat_model) == ("", "", "openai/gpt-4o-mini")
    assert (plain.temperature, plain.top_p, plain.max_tokens, plain.timeout) == (0.9, 1, 4096, 120)
    assert (told.temperature, told.max_tokens, told.timeout) == (0.2, 77, 120)


def host_tree(root: Path) -> Path:
    """A tree with the lines of Director that the recipe looks for, around a choice of LLMs as Director makes it."""
    package = root / "backend" / "director"
    (package / "llm").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "constants.py").write_text(
        "from enum import Enum\n\n\nclass LLMType(str, Enum):\n"
        '    OPENAI = "openai"\n    VIDEODB_PROXY = "videodb_proxy"\n\n\n'
        'class EnvPrefix(str, Enum):\n    GOOGLEAI_ = "GOOGLEAI_"\n'
    )
    (package / "llm" / "__init__.py").write_text(
        "import os\nfrom director.constants import LLMType\n\n\ndef get_default_llm():\n"
        '    openai = bool(os.getenv("OPENAI_API_KEY"))\n    default_llm = os.getenv("DEFAULT_LLM")\n\n'
        '    if openai or default_llm == LLMType.OPENAI:\n        return "openai"\n    return "proxy"\n'
    )
    (package / "llm" / "base.py").write_text((STAND_INS / "director" / "llm" / "base.py").read_text())
    (root / "backend" / "requirements.txt").write_text("-e .\nopenai==1.0\n")
    return root


@pytest.mark.requirement("director R2", "director R11", "director R12")
def test_the_installed_branch_is_taken_only_when_it_is_named_and_can_be_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, base: Any
) -> None:
    root, recipe = host_tree(tmp_path), registry.recipe("director")
    before = {path: path.read_text() for path in root.rglob("*.py")}
    write(root, install(recipe, tree_of(root)))
    base_module = sys.modules.pop("director.llm.base")
    for name in ("director.llm", "director"):
        sys.modules.pop(name)
    monkeypatch.syspath_prepend(str(root / "backend"))
    choose = importlib.import_module("director.llm").get_default_llm

    monkeypatch.setenv("OPENAI_API_KEY", "key")
    unnamed = choose()
    monkeypatch.setenv("DEFAULT_LLM", "lingate")
    named = choose()

    assert base_module is not sys.modules["director.llm.base"]
    assert (unnamed, type(named).__name__) == ("openai", "LingateLLM")
    assert importlib.import_module("director.constants").EnvPrefix.LINGATE_ == "LINGATE_"
    assert f"lingate=={lingate.__version__}\n" in (root / "backend" / "requirements.txt").read_text()
    assert install(recipe, tree_of(root)) == ()
    write(root, uninstall(recipe, tree_of(root)))
    assert {path: path.read_text() for path in before} == before
    assert detect(recipe, tree_of(root)).state == "not installed"


@pytest.mark.requirement("director R11")
def test_the_pin_is_this_version() -> None:
    assert PINS[-1] == lingate.__version__, "a release adds its version to PINS, at the end"


@pytest.mark.requirement("director R3", "X3")
def test_every_tunable_reaches_a_provider_that_takes_it(make: Make, simulator: Simulator) -> None:
    make(temperature=0.4, top_p=0.7, max_tokens=50).chat_completions(ASK, stop=["never"])
    make().chat_completions(ASK)
    make(top_p=1.0).chat_completions(ASK)

    first, second, third = (item.body for item in simulator.requests())
    assert (first["temperature"], first["top_p"], first["max_tokens"], first["stop"]) == (0.4, 0.7, 50, ["never"])
    assert (second["temperature"], second["max_tokens"]) == (0.9, 4096)
    assert "top_p" not in second
    assert third["top_p"] == 1
    assert not {"stop", "tools", "tool_choice", "response_format"} & set(second)


@pytest.mark.requirement("director R3", "X3")
def test_what_a_model_refuses_is_left_out(make: Make, simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", simulator.url)

    answers = [
        make(model, top_p=0.5).chat_completions(ASK) for model in ("anthropic/claude-sonnet-4-6", "openai/gpt-5")
    ]

    assert [answer.status for answer in answers] == [1, 1]
    claude, reasoning = (item.body for item in simulator.requests())
    assert claude["temperature"] == 0.9
    assert "top_p" not in claude
    assert not {"temperature", "top_p", "max_tokens"} & set(reasoning)


@pytest.mark.requirement("director R1")
def test_key_address_and_time_of_the_settings_hold_for_the_call(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(completion({"content": "hi"})) as server:
        monkeypatch.setenv("LINGATE_API_KEY", "sk-of-the-team")
        monkeypatch.setenv("LINGATE_API_BASE", f"{server.url}/theirs")
        monkeypatch.setenv("LINGATE_TIMEOUT", "1")
        answer = make("openai/m").chat_completions(ASK)
        server.script = Script([], ending="stay")
        late = make("openai/m").chat_completions(ASK)

    head = server.heads[0].lower()
    assert answer.content == "hi"
    assert b"authorization: bearer sk-of-the-team" in head
    assert head.startswith(b"post /theirs/chat/completions")
    assert (late.status, late.content) == (0, f"{director.FAILED}. The provider did not answer in time.")


@pytest.mark.requirement("director R4", "X2")
@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": None, "completion_tokens": 2, "total_tokens": None}])
def test_missing_counts_are_zero(make: Make, monkeypatch: pytest.MonkeyPatch, usage: Any) -> None:
    answer = answering(make, monkeypatch, {"content": "hi"}, usage=usage)

    assert answer.status == 1
    assert answer.send_tokens == 0
    assert answer.recv_tokens == ((usage or {}).get("completion_tokens") or 0)


@pytest.mark.requirement("director R5", "director R8", "X2")
@pytest.mark.parametrize(
    "usage",
    [{"prompt_tokens": 1.5, "completion_tokens": "many", "total_tokens": [1]}, {"total_tokens": -1}, "much", [1]],
)
def test_counts_of_no_sense_raise_nothing(make: Make, monkeypatch: pytest.MonkeyPatch, usage: Any) -> None:
    answer = answering(make, monkeypatch, {"content": "hi"}, usage=usage)

    assert isinstance(answer.total_tokens, int)
    assert answer.content == "hi" or answer.content.startswith(director.FAILED)


@pytest.mark.requirement("director R5", "X2")
@pytest.mark.parametrize("arguments", ["", "{", "[1]", "null", '"text"', "{'a': 1}"])
def test_arguments_that_are_no_object_are_an_empty_one(
    make: Make, monkeypatch: pytest.MonkeyPatch, arguments: str
) -> None:
    answer = answering(make, monkeypatch, {"content": None, "tool_calls": [called(arguments)]})

    assert answer.status == 1
    assert answer.content == ""
    assert answer.tool_calls == [{"id": "c1", "type": "function", "tool": {"name": "search_videos", "arguments": {}}}]


@pytest.mark.requirement("director R5", "X2")
def test_line_breaks_that_a_model_wrote_into_its_arguments_are_read(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = answering(make, monkeypatch, {"content": None, "tool_calls": [called('{"query": "cats\nand dogs"}')]})

    assert answer.tool_calls[0]["tool"]["arguments"] == {"query": "cats\nand dogs"}


@pytest.mark.requirement("director R5", "director R8")
@pytest.mark.parametrize("body", [b"", b"not JSON", b"[]", b'{"choices": 7}', b'{"choices": []}', b"null"])
def test_an_answer_that_makes_no_sense_is_an_error_and_no_exception(
    make: Make, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    with RawServer(Script([body], headers={"content-type": "application/json"})) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        answer = make("openai/m").chat_completions(ASK)

    assert (answer.status, answer.tool_calls) == (0, [])
    assert answer.content.startswith("Error: LLM completion failed")


@pytest.mark.requirement("director R6", "X10")
def test_no_default_is_shared_between_calls(make: Make) -> None:
    assert make().chat_completions.__defaults__ == (None, None, None)


@pytest.mark.requirement("director R7", "director R8", "director R9", "director R10")
@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("401", "refused the API key (HTTP 401)"),
        ("404", "does not have this model (HTTP 404)"),
        ("context", "does not fit"),
        ("content_filter", "content policy refused"),
        ("malformed_json", "could not be understood"),
        ("quota", "credit or quota"),
    ],
)
def test_a_failure_is_a_text_of_ours_and_the_providers_words_are_in_the_log(
    make: Make, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str], fault: str, says: str
) -> None:
    with caplog.at_level(logging.ERROR, logger="lingate.hosts.director"):
        answer = make(f"openai/sim-fault-{fault}", api_key="sk-canary-secret").chat_completions(ASK)

    assert answer.content.startswith("Error: LLM completion failed. ")
    assert says in answer.content
    assert (answer.status, answer.finish_reason, answer.tool_calls) == (0, "", [])
    assert (answer.send_tokens, answer.recv_tokens, answer.total_tokens) == (0, 0, 0)
    assert not any(word in answer.content for word in ("sim-fault", "Incorrect", "openai", "127.0.0.1"))
    assert caplog.records[-1].exc_info is not None
    assert "sk-canary-secret" not in caplog.text + answer.content
    assert capsys.readouterr().out == ""


@pytest.mark.requirement("director R8")
def test_settings_that_cannot_work_are_texts_too(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")

    texts = [make(model).chat_completions(ASK).content for model in ("", "nobody/x", "openai/gpt-4o-mini")]

    assert "does not begin with a known provider" in texts[1]
    assert "no API key" in texts[2]
    assert all(text.startswith(director.FAILED) for text in texts)


def test_agents_and_calls_in_openais_form_are_taken_as_they_are(make: Make, simulator: Simulator) -> None:
    tool = {"type": "function", "function": AGENT}
    call = {"id": "a", "type": "function", "function": {"name": "search_videos", "arguments": '{"query": "cats"}'}}
    history = [*ASK, {"role": "assistant", "content": [], "tool_calls": [call]}]

    answer = make().chat_completions([*history, {"role": "tool", "content": "two", "tool_call_id": "a"}], tools=[tool])

    sent = simulator.requests()[-1].body
    assert answer.status == 1
    assert (sent["tools"], sent["messages"][1]["tool_calls"]) == ([tool], [call])


@pytest.mark.requirement("director R8")
def test_messages_of_no_known_shape_are_an_error_and_no_exception(make: Make) -> None:
    answer = make().chat_completions([{"content": "no role"}])

    assert (answer.status, answer.content) == (0, "Error: LLM completion failed. The model could not be asked.")


@pytest.mark.requirement("director R13", "X1", "X6")
def test_a_run_of_an_agent_goes_out_in_openais_form_and_comes_back_in_directors(
    make: Make, simulator: Simulator
) -> None:
    llm = make()
    first = llm.chat_completions(ASK, tools=[AGENT])
    history = [
        *ASK,
        {"role": "assistant", "content": [], "tool_calls": first.tool_calls},
        {"role": "tool", "content": "three videos", "tool_call_id": first.tool_calls[0]["id"]},
        {"role": "assistant", "content": []},
        {"role": "system", "content": "Sum it up."},
    ]
    kept = json.loads(json.dumps(history))

    summary = llm.chat_completions(messages=history)

    assert first.finish_reason == "tool_calls"
    assert isinstance(first.tool_calls[0]["tool"]["arguments"]["query"], str)
    asked, summed = (item.body for item in simulator.requests())
    assert asked["tools"] == [{"type": "function", "function": AGENT}]
    assert asked["tool_choice"] == "auto"
    sent = summed["messages"][1]["tool_calls"][0]
    assert json.loads(sent["function"]["arguments"]) == first.tool_calls[0]["tool"]["arguments"]
    assert sent["function"]["name"] == "search_videos"
    assert (sent["type"], sent["id"]) == ("function", first.tool_calls[0]["id"])
    assert [message["content"] for message in summed["messages"][1:4]] == [None, "three videos", ""]
    assert (summary.status, summary.finish_reason, summary.tool_calls) == (1, "stop", [])
    assert summary.content != ""
    assert history == kept


@pytest.mark.requirement("director R13", "X6")
def test_the_summary_call_is_understood_by_a_provider_of_another_format(
    make: Make, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", simulator.url)
    llm = make("anthropic/sim-words-9")
    found = llm.chat_completions(ASK, tools=[AGENT])

    answer = llm.chat_completions(
        [
            *ASK,
            {"role": "assistant", "content": [], "tool_calls": found.tool_calls},
            {"role": "tool", "content": "three videos", "tool_call_id": found.tool_calls[0]["id"]},
            {"role": "system", "content": "Sum it up."},
        ]
    )

    assert (answer.status, answer.finish_reason) == (1, "stop")


@pytest.mark.requirement("director R13")
def test_answers_asked_for_as_json_are_bare_json(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = make().chat_completions(ASK, response_format={"type": "json_object"})
    plain = make().chat_completions(ASK, response_format={"type": "text"})

    assert isinstance(json.loads(answer.content), dict)
    assert plain.content.startswith("You said")


@pytest.mark.requirement("director R13")
@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ('```json\n{"a": [1]}\n```', '{"a": [1]}'),
        ('Sure! Here it is:\n```\n[{"a": 1}, {"b": 2}]\n```\nAnything else?', '[{"a": 1}, {"b": 2}]'),
        ('I looked at [1] and {x}: {"a": "}{"} and more', '{"a": "}{"}'),
        ('  {"a": 1}\n', '{"a": 1}'),
        ('[{"a": 1}]', '[{"a": 1}]'),
        ("42", "42"),
        ("no JSON", "no JSON"),
        ("", ""),
    ],
)
def test_fences_and_words_around_json_are_taken_off(text: str, bare: str) -> None:
    assert director.bare_json(text) == bare


@given(st.text(alphabet='{}[]"\\:,a1 `\n'))
def test_any_text_has_a_bare_form_that_is_part_of_it(text: str) -> None:
    assert director.bare_json(text) in text


@pytest.mark.requirement("director R13")
def test_half_of_a_json_answer_is_not_taken_for_the_whole(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    cut = '{"scenes": [{"a": 1}, {"b"'
    with RawServer(completion({"content": cut}, finish_reason="length")) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        found = make("openai/m").chat_completions(ASK, response_format={"type": "json_object"})

    assert found.content == cut


@pytest.mark.requirement("director R14")
def test_without_director_the_module_imports_and_the_class_says_what_is_missing() -> None:
    with pytest.raises(MissingExtraError, match="Director cannot be imported here: there is no director"):
        director.LingateLLM  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'OtherLLM'"):
        director.OtherLLM  # noqa: B018


@pytest.mark.requirement("director R14")
def test_importing_the_adapter_loads_no_client() -> None:
    code = "import sys, lingate.hosts.director; print(sorted({'pyreqwest', 'msgspec', 'pydantic'} & set(sys.modules)))"
    env = {"PYTHONPATH": str(Path(lingate.__file__).parent.parent)}

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)

    assert done.stdout.strip() == "[]"


@pytest.mark.requirement("director R14")
def test_a_package_that_director_itself_misses_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "director").mkdir()
    (tmp_path / "director" / "__init__.py").write_text("import a_package_that_is_not_there\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    with pytest.raises(MissingExtraError, match="there is no a_package_that_is_not_there"):
        director.LingateLLM  # noqa: B018


@pytest.mark.requirement("director R15", "X1")
@pytest.mark.parametrize("reason", ["stop", "end_turn", "length", "max_tokens", "content_filter", None, "tool_calls"])
def test_every_finish_reason_is_stop_or_tool_calls(make: Make, monkeypatch: pytest.MonkeyPatch, reason: Any) -> None:
    text = answering(make, monkeypatch, {"content": "partly"}, finish_reason=reason)
    calls = answering(make, monkeypatch, {"content": None, "tool_calls": [called("{}")]}, finish_reason=reason)

    assert (text.status, text.finish_reason, text.content) == (1, "stop", "partly")
    assert (calls.status, calls.finish_reason, len(calls.tool_calls)) == (1, "tool_calls", 1)


@pytest.mark.requirement("director R15")
@pytest.mark.parametrize(("reason", "says"), [("length", "LINGATE_MAX_TOKENS"), ("content_filter", "content policy")])
def test_an_answer_cut_before_its_first_word_is_an_error_with_the_reason(
    make: Make, monkeypatch: pytest.MonkeyPatch, reason: str, says: str
) -> None:
    answer = answering(make, monkeypatch, {"content": None}, finish_reason=reason)

    assert answer.status == 0
    assert says in answer.content


@pytest.mark.requirement("director R15")
def test_a_model_that_says_nothing_has_answered(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = answering(make, monkeypatch, {"content": ""})

    assert (answer.status, answer.content, answer.finish_reason) == (1, "", "stop")


@pytest.mark.requirement("director R15")
def test_calls_of_agents_that_do_not_exist_never_reach_the_engine(
    make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    mixed = [called("{}", "made_up"), called('{"query": "cats"}')]
    some = answering(make, monkeypatch, {"content": "", "tool_calls": mixed}, finish_reason="tool_calls")
    text = answering(make, monkeypatch, {"content": "I would", "tool_calls": mixed[:1]}, finish_reason="tool_calls")
    none = answering(make, monkeypatch, {"content": None, "tool_calls": mixed[:1]}, finish_reason="tool_calls")

    assert [call["tool"]["name"] for call in some.tool_calls] == ["search_videos"]
    assert (text.status, text.finish_reason, text.content, text.tool_calls) == (1, "stop", "I would", [])
    assert (none.status, none.tool_calls) == (0, [])
    assert "agent that does not exist" in none.content
    assert "the model called 'made_up', which is no agent: left out" in caplog.text


@pytest.mark.requirement("X10")
def test_one_instance_serves_many_threads(make: Make) -> None:
    llm = make("openai/sim-words-30-delay-1")
    state = dict(vars(llm))

    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda n: llm.chat_completions([{"role": "user", "content": f"number {n}."}]), range(24))
        )

    assert all(f"number {n}." in answer.content for n, answer in enumerate(answers))
    assert vars(llm) == state


@pytest.mark.requirement("director R1")
def test_the_page_names_every_variable() -> None:
    page = (HERE.parent.parent / "docs" / "hosts" / "director.md").read_text().replace("`", " ").split()

    assert {variable.name for variable in registry.recipe("director").variables} <= set(page)


def test_a_refusal_is_the_answer_and_not_an_empty_one(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(refusing()) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        answer = make("openai/m").chat_completions(ASK)

    assert (answer.status, answer.content, answer.finish_reason) == (1, REFUSAL, "stop")


@pytest.mark.requirement("director R3")
def test_what_a_model_was_not_sent_is_logged_once(
    make: Make, simulator: Simulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", simulator.url)

    for _ in range(2):  # of a model that no other test asks: the log remembers
        make("anthropic/claude-opus-4-6", top_p=0.5).chat_completions(ASK)

    told = [record.getMessage() for record in caplog.records if record.name == "lingate.hosts"]
    assert told == ["left out or changed for anthropic/claude-opus-4-6: top_p"]
