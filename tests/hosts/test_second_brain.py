"""Second Brain's backend: by the sandbox's contract over real HTTP, and in the host's own code where a checkout is given."""

from __future__ import annotations

import ast
import base64
import io
import json
import sys
import time
import types
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import lingate
from lingate.cli.app import run
from lingate.hosts import registry, second_brain
from lingate.hosts._disk import tree_of, write
from lingate.hosts._recipe import detect, install, uninstall
from lingate.hosts._second_brain_recipe import backend_file, data_folder
from lingate.simulator import Simulator, fingerprint
from tests.hosts.second_brain_kit import HELLO, Sdk, Terminated
from tests.servers import RawServer, Script

HERE = Path(__file__).parent
TOOL = {
    "type": "function",
    "function": {
        "name": "echo",
        "parameters": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
    },
}

Ask = Callable[..., Any]


@pytest.mark.requirement("second-brain R1", "second-brain R2")
@pytest.mark.parametrize("model", ["openai/sim-words-9", "anthropic/sim-words-9"])
@pytest.mark.parametrize("stream", [False, True])
def test_any_provider_answers_with_the_same_type_and_its_counts(ask: Ask, guest: Any, model: str, stream: bool) -> None:
    sdk = Sdk()

    answer = ask(model, sdk, stream=stream)

    assert type(answer) is guest.LLMResponse
    assert (answer.error, answer.tool_calls) == (None, [])
    assert "Hello there" in answer.content
    assert answer.prompt_tokens > 0
    assert answer.completion_tokens > 0
    assert answer.cached_prompt_tokens == 0
    assert "".join(sdk.deltas) == (answer.content if stream else "")
    assert len(sdk.deltas) > 3 or not stream


@pytest.mark.requirement("second-brain R1")
def test_key_and_endpoint_of_the_profile_win_over_the_environment(
    ask: Ask, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")

    ask("openai/sim-words-5", api_key="of-the-profile", base_url=f"{simulator.url}/v1")

    (request,) = simulator.requests()
    assert request.headers["authorization"] == f"Bearer {fingerprint('of-the-profile')}"


@pytest.mark.requirement("second-brain R1")
@pytest.mark.parametrize(
    ("name", "sent"),
    [("qwen2.5-7b", "qwen2.5-7b"), ("Qwen/Qwen2.5-7B", "Qwen/Qwen2.5-7B"), ("openai/gpt-4o", "gpt-4o")],
)
def test_an_endpoint_of_ones_own_may_have_names_of_its_own(
    ask: Ask, simulator: Simulator, name: str, sent: str
) -> None:
    answer = ask(name, base_url=f"{simulator.url}/v1", api_key="k")

    assert answer.error is None
    (request,) = simulator.requests()
    assert request.body["model"] == sent
    assert request.headers["authorization"] == f"Bearer {fingerprint('k')}"


@pytest.mark.requirement("second-brain R1")
def test_without_a_key_a_gateway_is_asked_for_the_whole_name(
    ask: Ask, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    monkeypatch.setenv("LINGATE_PROXY_URL", simulator.url)

    answer = ask("anthropic/sim-words-5")

    assert answer.error is None
    (request,) = simulator.requests()
    assert (request.path, request.body["model"]) == ("/v1/chat/completions", "anthropic/sim-words-5")


@pytest.mark.requirement("second-brain R1")
def test_without_an_endpoint_an_unknown_provider_is_said(ask: Ask, simulator: Simulator) -> None:
    answer = ask("nobody/x")

    assert answer.error_code == "provider_error"
    assert answer.error.startswith("The model's name does not begin with a known provider.")
    assert simulator.requests() == []


@pytest.mark.requirement("second-brain R2", "X1")
@pytest.mark.parametrize("stream", [False, True])
def test_tool_calls_are_flat_and_complete(ask: Ask, stream: bool) -> None:
    answer = ask("openai/sim-parallel-2", tools=[TOOL], stream=stream)

    assert answer.content == ""
    assert len(answer.tool_calls) == 2
    for call in answer.tool_calls:
        assert set(call) == {"id", "name", "arguments"}
        assert call["name"] == "echo"
        assert isinstance(json.loads(call["arguments"])["text"], str)


def answering(ask: Ask, message: dict[str, Any], usage: Any = None, **request: Any) -> Any:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    body = json.dumps({"id": "1", "model": "m", "choices": [choice], "usage": usage}).encode()
    with RawServer(Script([body], headers={"content-type": "application/json"})) as server:
        return ask("openai/m", base_url=f"{server.url}/v1", **request)


@pytest.mark.requirement("second-brain R2", "X2")
def test_what_the_provider_left_out_is_empty_text_and_unknown_counts(ask: Ask) -> None:
    answer = answering(ask, {"content": None})
    bare = answering(ask, {"content": None, "tool_calls": [{"function": {"name": "echo", "arguments": ""}}]})

    assert (answer.content, answer.tool_calls) == ("", [])
    assert (answer.prompt_tokens, answer.cached_prompt_tokens, answer.completion_tokens) == (None, None, None)
    (call,) = bare.tool_calls
    assert call["id"]
    assert (call["name"], call["arguments"]) == ("echo", "{}")


@pytest.mark.requirement("second-brain R2")
@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("<think>because</think>Yes.", "Yes."),
        ("<think>\nbecause\nOf course. </think>Yes.", "Of course.Yes."),
        ("<think>other</think>Yes.", "<think>other</think>Yes."),
        ("Yes, <think> is a tag.", "Yes, <think> is a tag."),
    ],
)
def test_reasoning_that_is_repeated_in_the_text_is_cut_and_nothing_else(ask: Ask, content: str, text: str) -> None:
    answer = answering(ask, {"content": content, "reasoning_content": "because"})

    assert answer.content == text


@given(st.text(alphabet="<think>/ ab\n"), st.text(alphabet="ab ", max_size=4))
def test_text_is_only_cut_where_it_holds_a_block_with_the_reasoning(text: str, reasoning: str) -> None:
    left = second_brain._without_repeated_reasoning(text, reasoning)

    assert len(left) <= len(text)
    if "<think>" not in text or not reasoning.strip():
        assert left == text


@pytest.mark.requirement("second-brain R12")
def test_reasoning_is_not_streamed(ask: Ask) -> None:
    sdk = Sdk()

    answer = ask("openai/sim-words-9", sdk, stream=True, params={"reasoning_effort": "low"})

    assert "".join(sdk.deltas) == answer.content
    assert "Hello there" in answer.content


@pytest.mark.requirement("second-brain R2", "X6")
def test_the_hosts_history_is_understood_by_every_format(ask: Ask, simulator: Simulator) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "echo", "arguments": '{"text": "x"}'}}
    history = [
        *HELLO,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "name": "echo", "content": "echoed"},
    ]

    answers = [ask(model, messages=history) for model in ("openai/sim-words-5", "anthropic/sim-words-5")]

    assert [answer.error for answer in answers] == [None, None]


def png(width: int = 2, height: int = 2, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(out, format=kind)
    return out.getvalue()


def attached(modality: str, name: str, parsed: str | None = None) -> dict[str, Any]:
    return {
        "path": f"/files/{name}",
        "file_name": name,
        "extension": f".{name.rpartition('.')[2]}",
        "modality": modality,
        "parsed_text": parsed,
    }


def sent_content(ask: Ask, simulator: Simulator, sdk: Sdk, *items: dict[str, Any], **request: Any) -> Any:
    answer = ask("openai/sim-words-5", sdk, attachments=list(items), **request)
    assert answer.error is None
    return simulator.requests()[-1].body["messages"]


@pytest.mark.requirement("second-brain R3")
def test_attachments_go_into_the_last_message_of_the_users(ask: Ask, simulator: Simulator) -> None:
    sdk = Sdk({"/files/a.png": png(), "/files/b.wav": b"RIFFwave"})
    history = [*HELLO, {"role": "assistant", "content": "Hi"}, {"role": "user", "content": "What is this?"}]
    kept = json.loads(json.dumps(history))

    messages = sent_content(
        ask, simulator, sdk, attached("image", "a.png"), attached("audio", "b.wav"), messages=history
    )

    assert messages[:2] == history[:2]
    text, image, audio = messages[2]["content"]
    assert text["text"].startswith("What is this?\n\nThe following attachments are provided:")
    assert "<Image 1: a.png>\n<Audio 2: b.wav>" in text["text"]
    assert image["image_url"]["url"] == f"data:image/png;base64,{base64.b64encode(png()).decode()}"
    assert audio["input_audio"] == {"data": base64.b64encode(b"RIFFwave").decode(), "format": "wav"}
    assert history == kept


@pytest.mark.requirement("second-brain R3")
@pytest.mark.parametrize(
    ("data", "why"),
    [
        (png(3000, 30), "too wide"),
        (png(8, 8, "BMP"), "not a format of the wire"),
        (png() + bytes(3_600_000), "too many bytes"),
    ],
)
def test_images_that_providers_refuse_are_sent_as_smaller_jpegs(
    ask: Ask, simulator: Simulator, data: bytes, why: str
) -> None:
    messages = sent_content(ask, simulator, Sdk({"/files/a.png": data}), attached("image", "a.png"))

    url = messages[-1]["content"][-1]["image_url"]["url"]
    assert url.startswith("data:image/jpeg;base64,"), why
    assert max(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).size) <= 2048


@pytest.mark.requirement("second-brain R3")
def test_a_smaller_image_is_the_right_way_up(ask: Ask, simulator: Simulator) -> None:
    out, turned = io.BytesIO(), Image.Exif()
    turned[0x0112] = 6  # a quarter turn, as cameras note it
    Image.new("RGB", (3000, 30)).save(out, format="JPEG", exif=turned)

    messages = sent_content(ask, simulator, Sdk({"/files/a.jpg": out.getvalue()}), attached("image", "a.jpg"))

    sent = base64.b64decode(messages[-1]["content"][-1]["image_url"]["url"].partition(",")[2])
    width, height = Image.open(io.BytesIO(sent)).size
    assert width < height


def test_a_call_ends_before_the_host_kills_its_box(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    assert second_brain._TIMEOUT < 600
    assert "\ntimeout = 600\n" in backend_file()
    monkeypatch.setattr(second_brain, "_TIMEOUT", 0.5)

    with RawServer(Script([], ending="stay")) as server:
        answer = ask("openai/m", base_url=f"{server.url}/v1")

    assert answer.error_code == "provider_error"
    assert "did not answer in time" in answer.error


@pytest.mark.requirement("second-brain R3")
@pytest.mark.parametrize(
    ("item", "says"),
    [
        (attached("image", "gone.png"), "The user attached a file: gone.png. It is stored at /files/gone.png."),
        (
            attached("image", "gone.png", "a cat"),
            "The user attached a image file (gone.png). Its content as text:\na cat",
        ),
        (attached("audio", "a.txt"), "The user attached a file: a.txt."),
        (attached("document", "a.pdf", "words"), "Its content as text:\nwords"),
    ],
)
def test_what_cannot_be_sent_becomes_words(ask: Ask, simulator: Simulator, item: dict[str, Any], says: str) -> None:
    sdk = Sdk({"/files/a.txt": b"text"})

    messages = sent_content(ask, simulator, sdk, item)

    (text,) = messages[-1]["content"]
    assert says in text["text"]


@pytest.mark.requirement("second-brain R3")
def test_a_file_too_large_for_one_message_of_the_sandbox_is_read_in_pieces(ask: Ask, simulator: Simulator) -> None:
    sdk = Sdk()
    data = png(40, 40)
    sdk.fs.iter_bytes = lambda path: iter((data[:50], data[50:]))

    messages = sent_content(ask, simulator, sdk, attached("image", "a.png"), messages=[])

    assert messages[0]["role"] == "user"
    assert base64.b64encode(data).decode() in messages[0]["content"][-1]["image_url"]["url"]


@pytest.mark.requirement("second-brain R3")
def test_a_video_joins_the_parts_of_an_earlier_message(ask: Ask, simulator: Simulator) -> None:
    parts = [{"type": "text", "text": "What is this?"}]
    history = [{"role": "user", "content": parts}, {"role": "assistant", "content": "Wait"}]

    messages = sent_content(
        ask, simulator, Sdk({"/files/c.mp4": b"film"}), attached("video", "c.mp4"), messages=history
    )

    first, note, video = messages[0]["content"]
    assert (first, note["text"].splitlines()[-1]) == (parts[0], "<Video 1: c.mp4>")
    assert video["video_url"] == {"url": f"data:video/mp4;base64,{base64.b64encode(b'film').decode()}"}
    assert messages[1:] == history[1:]


@pytest.mark.requirement("second-brain R4", "second-brain R9")
def test_a_backend_that_is_not_loaded_says_so_and_streams_nothing(box: Any, guest: Any) -> None:
    sdk = Sdk()
    box.stop(sdk)

    answer = box.chat(sdk, guest.LLMRequest(model_name="openai/x", messages=HELLO, stream=True))

    assert (answer.error_code, sdk.deltas) == ("not_loaded", [])
    assert box.stop(sdk) is True


@pytest.mark.requirement("second-brain R9")
def test_without_the_package_loading_fails_with_the_remedy(guest: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("llm_lingate")
    exec(compile(backend_file(), "llm_lingate.py", "exec"), vars(module))
    monkeypatch.setitem(sys.modules, "lingate.hosts.second_brain", None)

    with pytest.raises(RuntimeError, match="pip install lingate"):
        module.LingateBackend().start(Sdk())


@pytest.mark.requirement("second-brain R5", "second-brain R8")
def test_parameters_pass_through_and_what_a_provider_refuses_is_left_out(ask: Ask, simulator: Simulator) -> None:
    params = {
        "temperature": 0.3,
        "tool_choice": {"type": "function", "function": {"name": "echo"}},
        "model": "another",
        "messages": [],
        "stream": True,
    }
    ask("openai/sim-words-5", params=params, tools=[TOOL])
    ask("openai/sim-words-5", params={"response_format": {"type": "json_object"}, "tool_choice": "auto"})
    refused = ask("anthropic/claude-sonnet-4-6", params={"temperature": 0.3, "top_p": 0.5, "logit_bias": {"1": 2}})

    first, second, third = (item.body for item in simulator.requests())
    assert (first["model"], first["temperature"], first["messages"]) == ("sim-words-5", 0.3, HELLO)
    assert first["tool_choice"] == params["tool_choice"]
    assert not first.get("stream")
    assert second["response_format"] == {"type": "json_object"}
    assert refused.error is None
    assert not {"top_p", "logit_bias"} & set(third)


@pytest.mark.requirement("second-brain R12", "X11")
def test_the_end_of_the_box_is_not_swallowed_and_lets_the_provider_go(ask: Ask, simulator: Simulator) -> None:
    sdk = Sdk()

    def ended(text: str) -> None:
        raise Terminated

    sdk.llm.delta = ended
    with pytest.raises(Terminated):
        ask("openai/sim-words-200-delay-20", sdk, stream=True)

    for _ in range(100):
        if simulator.requests()[-1].outcome == "disconnected":
            break
        time.sleep(0.02)
    assert simulator.requests()[-1].outcome == "disconnected"


@pytest.mark.requirement("second-brain R12", "X10")
def test_boxes_are_interchangeable(ask: Ask, box: Any, simulator: Simulator) -> None:
    state = dict(vars(box))

    with ThreadPoolExecutor(8) as pool:
        found = list(
            pool.map(lambda n: ask("openai/sim-words-20", messages=[{"role": "user", "content": f"n {n}."}]), range(16))
        )

    assert all(f"n {n}." in answer.content for n, answer in enumerate(found))
    assert vars(box) == state


REFUSED = {"os", "sys", "logging", "threading", "socket", "subprocess", "pathlib", "urllib", "http", "importlib"}
KERNEL = {"agent", "attachments", "config", "events", "paths", "pipeline", "plugins", "runtime", "state_machine"}


@pytest.mark.requirement("second-brain R1", "second-brain R10", "second-brain R11", "second-brain R12")
def test_the_file_declares_what_the_host_reads_and_imports_nothing_it_refuses() -> None:
    tree = ast.parse(backend_file())
    declared = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    imported = {
        (alias.name if isinstance(node, ast.Import) else str(node.module)).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    (backend,) = [node for node in tree.body if isinstance(node, ast.ClassDef)]

    major, minor = lingate.__version__.split(".")[:2]
    assert declared == {
        "dependencies_pip": [f"lingate>={major}.{minor},<0.{int(minor) + 1}"],
        "lifetime": "persistent",
        "timeout": 600,
        "supports_streaming": True,
        "supports_tool_choice": True,
        "native_modalities": ["image", "audio", "video"],
        "display_name": "Lingate (any provider)",
    }
    assert imported == {"guest", "lingate"}
    assert not imported & (REFUSED | KERNEL)
    assert [base.id for base in backend.bases if isinstance(base, ast.Name)] == ["BaseLLMBackend"]


@pytest.mark.requirement("second-brain R1", "second-brain R10")
def test_installing_puts_one_file_into_the_data_folder_and_uninstalling_takes_it_away(tmp_path: Path) -> None:
    recipe = registry.recipe("second-brain")
    root = data_folder({"XDG_DATA_HOME": str(tmp_path)}) if sys.platform.startswith("linux") else tmp_path / "data"
    other = root / "workspace" / "llm" / "llm_other.py"
    other.parent.mkdir(parents=True)
    other.write_text("mine\n")
    (root / "config.json").write_text('{"llm_profiles": {}}')

    write(root, install(recipe, tree_of(root)))
    again = install(recipe, tree_of(root))
    installed = detect(recipe, tree_of(root)).state
    text = (other.parent / "llm_lingate.py").read_text()
    write(root, uninstall(recipe, tree_of(root)))

    assert (again, installed, text) == ((), "installed", backend_file())
    assert sorted(path.name for path in other.parent.iterdir()) == ["llm_other.py"]


@pytest.mark.requirement("second-brain R10")
def test_the_command_finds_the_data_folder_and_makes_it_where_the_host_was_never_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    file = tmp_path / "Second Brain" / "workspace" / "llm" / "llm_lingate.py"

    first = run(["hosts", "install", "second-brain", "--yes"])
    there = file.read_text()
    second = run(["hosts", "install", "second-brain", "--yes"])
    said = capsys.readouterr().out
    third = run(["hosts", "uninstall", "second-brain", "--yes"])

    assert (first, second, third) == (0, 0, 0)
    assert there == backend_file()
    assert "has Lingate already" in said
    assert not file.exists()


@pytest.mark.requirement("second-brain R10")
def test_a_checkout_gets_the_file_where_it_looks_and_another_folder_gets_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkout, other = tmp_path / "checkout", tmp_path / "other"
    for name, text in (("sandbox/guest/llm.py", "class BaseLLMBackend"), ("llm/registry.py", "def discover")):
        (checkout / name).parent.mkdir(parents=True)
        (checkout / name).write_text(text)
    other.mkdir()
    (other / "mine.txt").touch()

    unknown = run(["hosts", "install", "second-brain", "--path", str(checkout), "--yes"])
    forced = run(["hosts", "install", "second-brain", "--path", str(checkout), "--yes", "--force"])
    wrong = run(["hosts", "install", "second-brain", "--path", str(other), "--yes"])

    assert (unknown != 0, forced, wrong != 0) == (True, 0, True)
    assert (checkout / "bundled" / "llm" / "llm_lingate.py").read_text() == backend_file()
    assert "config.json is not there" in capsys.readouterr().err
    assert [path.name for path in other.rglob("*")] == ["mine.txt"]


@pytest.mark.requirement("second-brain R1")
def test_the_page_names_every_variable() -> None:
    page = (HERE.parent.parent / "docs" / "hosts" / "second-brain.md").read_text()

    assert all(f"`{variable.name}`" in page for variable in registry.recipe("second-brain").variables)
