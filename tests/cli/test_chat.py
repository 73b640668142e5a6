"""`lingate chat` with a prompt: what goes out, what is written where, and how it ends."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import socket
import struct
import subprocess
import time
import zlib
from pathlib import Path

import pytest

from lingate.simulator import Simulator
from tests.cli.driver import COMMAND, KEY, Terminal, environment, lingate, started, to
from tests.servers import until

SIMULATED = 'You said: "Hello". This is a simulated answer.\n'
WIRES = ["openai/sim-large", "anthropic/sim-large"]


def _sent(simulator: Simulator) -> dict[str, object]:
    body = simulator.requests()[-1].body
    assert isinstance(body, dict)
    return body


def _png() -> bytes:
    def block(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 3, 2, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + block(b"IHDR", head) + block(b"IDAT", zlib.compress(b"\0abc\0def")) + block(b"IEND", b"")
    )


class TestAnswer:
    @pytest.mark.parametrize("model", WIRES)
    @pytest.mark.parametrize("how", ["--stream", "--no-stream"])
    def test_the_answer_alone_is_on_stdout_and_usage_on_stderr(
        self, simulator: Simulator, model: str, how: str
    ) -> None:
        done = lingate("chat", "Hello", how, *to(simulator, model))

        assert done.out == SIMULATED
        assert re.search(r"^\d+ tokens in, \d+ tokens out \| cost unknown: .*sim-large.* \| .*\d+ m?s\n$", done.err)
        assert ("first token" in done.err) == (how == "--stream")
        assert "\x1b" not in done.out + done.err
        assert _sent(simulator).get("stream", False) == (how == "--stream")

    def test_pieces_are_written_as_they_arrive(self, simulator: Simulator) -> None:
        with started("chat", "Hello", *to(simulator, "openai/sim-words-200-delay-50")) as process:
            assert process.stdout is not None
            first = os.read(process.stdout.fileno(), 1000)
            running = process.poll() is None
            process.send_signal(signal.SIGKILL)

        assert first.startswith(b"You")
        assert running

    def test_the_cost_of_a_model_with_a_price_is_in_dollars(self, simulator: Simulator) -> None:
        done = lingate("chat", "Hello", *to(simulator, "openai/gpt-4o-mini"))

        assert re.search(r"\| \$0\.0000\d+ \|", done.err)

    @pytest.mark.parametrize("model", WIRES)
    def test_reasoning_is_beside_the_answer_and_not_in_it(self, simulator: Simulator, model: str) -> None:
        done = lingate("chat", "Hello", "--reasoning", "low", "--max-tokens", "3000", *to(simulator, model))

        assert done.out == SIMULATED
        assert "Let me think" in done.err
        assert re.search(r"\(\d+ reasoning\)", done.err)

    def test_quiet_leaves_the_answer_only(self, simulator: Simulator) -> None:
        done = lingate("chat", "Hello", "-q", "--reasoning", "low", *to(simulator))

        assert (done.out, done.err) == (SIMULATED, "")

    def test_an_answer_that_was_cut_by_the_limit_says_so(self, simulator: Simulator) -> None:
        assert "ended by length" in lingate("chat", "Hello", "--max-tokens", "3", *to(simulator)).err

    def test_text_for_a_pipe_is_as_the_model_wrote_it(self, simulator: Simulator) -> None:
        assert "\x1b[31mred" in lingate("chat", "\x1b[31mred", *to(simulator)).out

    def test_a_terminal_gets_none_of_the_codes_a_model_writes(self, simulator: Simulator) -> None:
        with Terminal("chat", "\x1b]0;title\x07 \x1b[2Jhello", *to(simulator)) as terminal:
            code, _ = terminal.end()

        assert code == 0
        assert 'You said: "]0;title [2Jhello"' in terminal.shown
        assert "\x1b[2J" not in terminal.shown
        assert "\x1b[2m" in terminal.shown  # ours: the usage line is dimmed

    def test_no_color_is_respected(self, simulator: Simulator) -> None:
        with Terminal("chat", "hello", *to(simulator), NO_COLOR="1") as terminal:
            terminal.end()

        assert "\x1b" not in terminal.shown

    @pytest.mark.parametrize("more", [(), ("--debug",)])
    @pytest.mark.parametrize("env", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}])
    def test_an_error_writes_none_of_the_codes_in_its_text(self, env: dict[str, str], more: tuple[str, ...]) -> None:
        with Terminal(
            "chat", "hello", "-m", "openai/any", "--image", "\x1b]0;title\x07\x9b2J.png", *more, **env
        ) as terminal:
            code, _ = terminal.end()

        assert code == 2
        assert "cannot read ]0;title2J.png" in terminal.shown
        assert not any(codes in terminal.shown for codes in ("\x1b]", "\x07", "\x9b"))


class TestPrompt:
    def test_piped_text_is_the_prompt(self, simulator: Simulator) -> None:
        assert lingate("chat", *to(simulator), stdin="Hello\n").out == SIMULATED

    def test_piped_text_is_put_below_a_prompt(self, simulator: Simulator) -> None:
        lingate("chat", "Explain:", *to(simulator), stdin="line 1\nline 2\n")

        assert _sent(simulator)["messages"] == [{"role": "user", "content": "Explain:\n\nline 1\nline 2"}]

    @pytest.mark.parametrize("given", [None, "", " \n"])
    def test_nothing_to_ask_is_an_error(self, simulator: Simulator, given: str | None) -> None:
        assert "there is nothing to ask" in lingate("chat", *to(simulator), stdin=given, code=2).err

    def test_piped_bytes_that_are_no_text_are_an_error(self, simulator: Simulator) -> None:
        assert "not UTF-8" in lingate("chat", "what?", *to(simulator), stdin=b"\xff\xfe\x00", code=2).err

    def test_options_are_sent_under_their_names(self, simulator: Simulator) -> None:
        lingate(
            "chat", "Hello", "--system", "Be brief", "--temperature", "0.5", "--max-tokens", "99", "--reasoning", "low",
            *to(simulator),
        )  # fmt: skip
        body = _sent(simulator)

        assert body["messages"] == [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "Hello"}]
        assert (body["temperature"], body["reasoning_effort"]) == (0.5, "low")
        assert 99 in (body.get("max_tokens"), body.get("max_completion_tokens"))

    def test_a_parameter_the_provider_cannot_do_is_refused_or_left_out_and_named(self, simulator: Simulator) -> None:
        model = to(simulator, "anthropic/claude-opus-4-8")

        refused = lingate("chat", "Hello", "--temperature", "0.3", *model, code=2)
        done = lingate("chat", "Hello", "--temperature", "0.3", "--drop-params", *model)

        assert "UnsupportedError" in refused.err
        assert "temperature" in refused.err
        assert "not sent: temperature" in done.err


class TestAttachments:
    @pytest.mark.parametrize("model", WIRES)
    def test_an_image_from_a_file_arrives_whole(self, simulator: Simulator, tmp_path: Path, model: str) -> None:
        path = tmp_path / "picture"  # no suffix: what it is, its bytes tell
        path.write_bytes(_png())

        out = lingate("chat", "What?", "--image", str(path), *to(simulator, model)).out

        assert f"image/png, {len(_png())} bytes, 3x2 pixels" in out

    def test_several_images_and_addresses(self, simulator: Simulator, tmp_path: Path) -> None:
        path = tmp_path / "a.png"
        path.write_bytes(_png())

        out = lingate("chat", "What?", "--image", str(path), "--image", "https://example.org/b.jpg", *to(simulator)).out

        assert "I see 2 attachment(s)" in out
        assert "https://example.org/b.jpg" in out

    @pytest.mark.parametrize("model", WIRES)
    def test_a_pdf_arrives_whole(self, simulator: Simulator, tmp_path: Path, model: str) -> None:
        path = tmp_path / "paper.pdf"
        path.write_bytes(b"%PDF-1.4\n%%EOF\n")

        out = lingate("chat", "Sum it up", "--file", str(path), *to(simulator, model)).out

        assert "application/pdf, 15 bytes" in out
        encoded = base64.b64encode(b"%PDF-1.4\n%%EOF\n").decode()
        assert encoded in json.dumps(_sent(simulator))

    @pytest.mark.parametrize(
        ("option", "name", "data", "problem"),
        [
            ("--image", "missing.png", None, "No such file"),
            ("--image", "text.txt", b"hello", "is not an image (it looks like text/plain)"),
            ("--image", "empty.png", b"", "empty.png is empty"),
            ("--file", "missing.pdf", None, "No such file"),
        ],
    )
    def test_what_cannot_be_read_is_an_error_and_nothing_is_sent(
        self, simulator: Simulator, tmp_path: Path, option: str, name: str, data: bytes | None, problem: str
    ) -> None:
        if data is not None:
            (tmp_path / name).write_bytes(data)

        done = lingate("chat", "What?", option, str(tmp_path / name), *to(simulator), code=2)

        assert problem in done.err
        assert simulator.requests() == []


class TestForPrograms:
    @pytest.mark.parametrize("model", ["openai/gpt-4o-mini", "anthropic/claude-haiku-4-5"])
    def test_json_is_one_object_with_everything(self, simulator: Simulator, model: str) -> None:
        done = lingate("chat", "Hello", "--json", *to(simulator, model))
        found = json.loads(done.out)

        assert done.err == ""
        assert found["text"] == SIMULATED.strip()
        assert f"{found['provider']}/{found['model']}" == model
        assert found["finish_reason"] == "stop"
        assert found["tool_calls"] == []
        assert found["usage"]["total_tokens"] == found["usage"]["prompt_tokens"] + found["usage"]["completion_tokens"]
        assert 0 < found["cost"] < 0.01
        assert found["cost_source"].startswith("genai-prices")
        assert found["request_id"]
        assert (found["tries"], found["dropped"]) == (1, [])
        assert found["seconds"] >= 0

    def test_json_says_why_a_cost_is_unknown(self, simulator: Simulator) -> None:
        found = json.loads(lingate("chat", "Hello", "--json", *to(simulator)).out)

        assert found["cost"] is None
        assert "no model 'sim-large'" in found["cost_source"]

    @pytest.mark.parametrize("model", WIRES)
    def test_a_schema_gives_the_json_value_alone(self, simulator: Simulator, tmp_path: Path, model: str) -> None:
        schema = {"type": "object", "properties": {"year": {"type": "integer"}}, "required": ["year"]}
        path = tmp_path / "schema.json"
        path.write_text(json.dumps(schema))

        for given in (json.dumps(schema), str(path)):
            done = lingate("chat", "When?", "--schema", given, *to(simulator, model))
            assert list(json.loads(done.out)) == ["year"]
            assert "tokens out" in done.err

    def test_json_that_was_cut_short_is_an_error_and_no_output(self, simulator: Simulator) -> None:
        schema = '{"type": "object", "properties": {"text": {"type": "string", "minLength": 80}}, "required": ["text"]}'

        done = lingate("chat", "When?", "--schema", schema, "--max-tokens", "5", *to(simulator), code=5)

        assert done.out == ""
        assert "cut at the token limit" in done.err

    @pytest.mark.parametrize(
        ("schema", "problem"),
        [("{not json", "not JSON"), ("missing.json", "No such file")],
    )
    def test_a_schema_that_is_none_is_an_error(self, simulator: Simulator, schema: str, problem: str) -> None:
        assert problem in lingate("chat", "When?", "--schema", schema, *to(simulator), code=2).err


class TestModel:
    def test_the_environment_and_the_config_file_can_name_the_model(self, simulator: Simulator, tmp_path: Path) -> None:
        config = tmp_path / "lingate.toml"
        config.write_text(
            f'model = "openai/from-file"\n[providers.openai]\napi_base = "{simulator.url}/v1"\napi_key = "{KEY}"\n'
        )

        lingate("chat", "Hello", LINGATE_CONFIG=str(config))
        lingate("chat", "Hello", "--config", str(config), LINGATE_MODEL="openai/from-environment")
        lingate("chat", "Hello", "--config", str(config), "-m", "openai/from-option", LINGATE_MODEL="openai/x")

        assert [one.model for one in simulator.requests()] == ["from-file", "from-environment", "from-option"]

    def test_without_a_model_the_error_names_providers_that_have_a_key(self) -> None:
        done = lingate("chat", "Hello", code=2, OPENAI_API_KEY=KEY, GROQ_API_KEY=KEY)

        assert "no model is given, and a credential is set for groq, openai" in done.err
        assert KEY not in done.err


class TestFailures:
    @pytest.mark.parametrize(
        ("fault", "code", "named"),
        [
            ("auth", 3, "AuthenticationError"),
            ("permission", 3, "PermissionDeniedError"),
            ("rate-limit", 4, "RateLimitError"),
            ("quota", 4, "(QuotaExceeded|PaymentRequired)Error"),
            ("payment", 4, "PaymentRequiredError"),
            ("not-found", 5, "NotFoundError"),
            ("server-error", 5, "InternalServerError"),
            ("overloaded", 5, "OverloadedError"),
            ("content-filter", 5, "ContentFilterError"),
            ("context", 5, "ContextLengthError"),
            ("html", 5, "InternalServerError"),
            ("close-head", 6, "ConnectError"),
            ("cut-3", 6, "StreamInterruptedError"),
        ],
    )
    @pytest.mark.parametrize("wire", ["openai", "anthropic"])
    def test_each_kind_of_error_is_one_line_and_an_exit_code(
        self, simulator: Simulator, wire: str, fault: str, code: int, named: str
    ) -> None:
        done = lingate("chat", "Hello", "--retries", "0", *to(simulator, f"{wire}/sim-fault-{fault}"), code=code)

        last = done.err.splitlines()[-1]
        assert re.match(f"lingate: {named}: ", last)
        assert "Traceback" not in done.err
        assert KEY not in done.out + done.err

    def test_what_had_arrived_of_a_cut_answer_is_shown(self, simulator: Simulator) -> None:
        done = lingate("chat", "Hello", *to(simulator, "openai/sim-fault-cut-5"), code=6)

        assert SIMULATED.startswith(done.out.rstrip("\n"))
        assert done.out.endswith("\n")
        assert len(done.out) > 3

    def test_a_refused_connection_is_exit_code_6(self) -> None:
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            base = f"http://127.0.0.1:{holder.getsockname()[1]}"
            done = lingate(
                "chat", "x", "-m", "openai/x", "--api-base", base, "--api-key", KEY, "--retries", "0", code=6
            )

        assert "ConnectError" in done.err

    def test_a_time_limit_that_passes_is_exit_code_6(self, simulator: Simulator) -> None:
        done = lingate("chat", "x", "--timeout", "0.5", *to(simulator, "openai/sim-fault-hang-head"), code=6)

        assert "DeadlineExceededError" in done.err

    @pytest.mark.parametrize(
        ("arguments", "named"),
        [
            (["-m", "opena/gpt-4o"], "UnknownProviderError: no provider is named 'opena'; the closest are openai"),
            (["-m", "gpt-4o"], "UnknownProviderError"),
            (["-m", ""], "ConfigError: the model after -m is empty: none was chosen"),
            (
                ["-m", "openai/gpt-4o"],
                "MissingCredentialError: openai needs a key and none was found: set OPENAI_API_KEY",
            ),
            (["-m", "openai/gpt-4o", "--config", "/nonexistent.toml"], "ConfigError: cannot read the config file"),
        ],
    )
    def test_a_command_that_cannot_be_sent_is_exit_code_2(self, arguments: list[str], named: str) -> None:
        assert f"lingate: {named}" in lingate("chat", "Hello", *arguments, code=2).err

    def test_debug_shows_every_try_and_the_traceback_and_no_key(self, simulator: Simulator) -> None:
        model = to(simulator, "openai/sim-fault-auth")

        done = lingate("chat", "Hello", "--debug", *model, code=3)
        again = lingate(
            "chat", "Hello", "--debug", "--retries", "1", *to(simulator, "openai/sim-fault-overloaded"), code=5
        )

        assert "try 1: openai/sim-fault-auth: 401 auth" in done.err
        assert "Traceback" in done.err
        assert KEY not in done.err
        assert "try 2: openai/sim-fault-overloaded: 529 overloaded" in again.err

    def test_retries_are_as_many_as_asked_for(self, simulator: Simulator) -> None:
        lingate("chat", "Hello", "--retries", "1", *to(simulator, "openai/sim-fault-429-flaky-1"))

        assert [one.status for one in simulator.requests()] == [429, 200]


class TestLeaving:
    @pytest.mark.parametrize("model", ["openai/sim-words-500-delay-50", "openai/sim-fault-hang-head"])
    def test_ctrl_c_ends_at_once_and_lets_the_upstream_go(self, simulator: Simulator, model: str) -> None:
        with started("chat", "Hello", *to(simulator, model)) as process:
            until(lambda: any(one.outcome == "open" for one in simulator.requests()))
            time.sleep(0.1)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=10)  # the whole answer takes 25 s

        assert process.returncode == 130
        assert b"Traceback" not in err
        until(lambda: simulator.requests()[-1].outcome == "disconnected")

    def test_ctrl_c_while_the_command_is_being_loaded_ends_it_without_a_traceback(self, tmp_path: Path) -> None:
        (tmp_path / "typer.py").write_text("raise KeyboardInterrupt")

        assert lingate("chat", "Hello", code=130, PYTHONPATH=str(tmp_path)).err == ""

    def test_a_reader_that_leaves_is_no_error(self, simulator: Simulator) -> None:
        process = subprocess.Popen(
            [*COMMAND, "chat", "Hello", *to(simulator, "openai/sim-words-5000")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
        )
        assert process.stdout is not None
        assert process.stderr is not None
        with process:
            process.stdout.read(5)
            process.stdout.close()
            err = process.stderr.read()

        assert process.returncode == 141
        assert err == b""
