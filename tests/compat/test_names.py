"""Names that are here, names that are not, and the checker."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lingate.compat import litellm
from lingate.compat.litellm.__main__ import check, main
from lingate.compat.litellm._names import CAPABILITIES, HOMES, SETTINGS, SUBMODULES, covered, instead


def test_every_name_that_is_said_to_be_here_is() -> None:
    from importlib import import_module

    for name in {*HOMES, *SETTINGS, *CAPABILITIES}:
        getattr(litellm, name)
    for module, names in SUBMODULES.items():
        found = import_module(f"lingate.compat.litellm.{module}")
        for name in names:
            assert getattr(found, name) is getattr(litellm, name) or name in CAPABILITIES


def test_the_errors_that_are_listed_are_those_that_applications_know() -> None:
    listed = {name for name in dir(litellm) if name.endswith("Error")}

    assert {"APIError", "AzureOpenAIError", "RateLimitError"} <= listed
    assert listed.isdisjoint({"ConflictError", "PaymentRequiredError", "PermissionDeniedError"})
    assert issubclass(litellm.PaymentRequiredError, litellm.BadRequestError)
    assert issubclass(litellm.PaymentRequiredError, litellm.APIError)  # which SWE-agent does not try again
    assert issubclass(litellm.PermissionDeniedError, litellm.APIError)


def test_submodules_are_attributes_without_being_imported() -> None:
    code = f"""
from lingate.compat import litellm
for path in {sorted(name for name in SUBMODULES if not name.startswith("responses"))}:
    found = litellm
    for part in path.split("."):
        found = getattr(found, part)
    assert found.__name__.endswith(path), found
print(litellm.types.utils.ModelResponse is litellm.ModelResponse)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_submodules_are_imported_as_litellms_are() -> None:
    from lingate.compat.litellm.exceptions import RateLimitError
    from lingate.compat.litellm.integrations.custom_logger import CustomLogger
    from lingate.compat.litellm.router import Router
    from lingate.compat.litellm.types.utils import ModelResponse
    from lingate.compat.litellm.utils import get_model_info

    assert RateLimitError is litellm.RateLimitError
    assert CustomLogger is litellm.CustomLogger
    assert Router is litellm.Router
    assert ModelResponse is litellm.ModelResponse
    assert get_model_info is litellm.get_model_info


def test_type_checkers_find_the_submodules_that_have_no_code() -> None:
    home = Path(litellm.__file__).parent
    ways = [home.joinpath(*name.split(".")) for name in SUBMODULES]
    files = [[way.with_suffix(".py"), way.with_suffix(".pyi"), way / "__init__.pyi"] for way in ways]

    assert [each for each in files if sum(file.is_file() for file in each) != 1] == []
    assert len({file for each in files for file in each if file.is_file()}) == len(ways)


def test_a_package_that_imports_litellm_finds_the_drop_in_in_its_place() -> None:
    code = """
import pickle
from lingate.compat import litellm as ours
ours.install()
ours.install()

import litellm
import litellm.types.utils
from litellm import RateLimitError, responses
from litellm.exceptions import RateLimitError as Same
from litellm.litellm_core_utils.streaming_handler import CustomStreamWrapper
from litellm.responses.main import responses as same
from litellm.types.llms.base import BaseLiteLLMOpenAIResponseObject

assert litellm is ours and RateLimitError is Same and same is responses is ours.responses
assert CustomStreamWrapper is ours.CustomStreamWrapper
answer = litellm.completion("openai/gpt-4o", [{"role": "user", "content": "hi"}], mock_response="yes")
assert type(answer).__module__ == "litellm.types.utils" and type(answer) is litellm.types.utils.ModelResponse
assert pickle.loads(pickle.dumps(answer)) == answer
try:
    litellm.completion("openai/gpt-4o", [{"role": "user", "content": "hi"}], mock_response="litellm.RateLimitError")
except Same as error:
    assert type(error).__module__ == "litellm.exceptions"
    assert type(pickle.loads(pickle.dumps(error))) is Same
try:
    import litellm.proxy
except ModuleNotFoundError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "lingate serve" in done.stdout, done.stderr


def test_the_drop_in_does_not_take_the_place_of_what_is_in_use() -> None:
    code = """
import sys, types
sys.modules["litellm"] = types.ModuleType("litellm")
from lingate.compat import litellm
try:
    litellm.install()
except RuntimeError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "already" in done.stdout


def test_answers_are_found_where_editors_find_them() -> None:
    from lingate.compat.litellm.files.main import ModelResponse
    from lingate.compat.litellm.main import ModelResponse as AnswerOfMain
    from lingate.compat.litellm.main import Usage

    assert ModelResponse is AnswerOfMain is litellm.ModelResponse
    assert Usage is litellm.Usage


def test_a_name_that_is_not_here_says_what_to_use_instead() -> None:
    with pytest.raises(AttributeError, match=r"BudgetManager.*gateway"):
        litellm.BudgetManager  # noqa: B018
    with pytest.raises(AttributeError, match="did you mean 'completion'"):
        litellm.completio  # noqa: B018
    with pytest.raises(ImportError, match=r"lingate\.register"):
        from lingate.compat.litellm import CustomLLM  # noqa: F401
    assert not hasattr(litellm, "supports_nothing_of_the_kind")
    with pytest.raises(AttributeError, match=r"it is litellm\.completion_cost"):
        litellm.types.utils.completion_cost  # noqa: B018


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("litellm_core_utils.exception_mapping_utils.RateLimitError", "it is litellm.RateLimitError"),
        ("encoding", "no vocabulary"),
        ("utils.function_to_dict", "JSON schema"),
        ("get_optional_params", "get_supported_openai_params"),
        ("abatch_completion", "asyncio.gather"),
        ("caching.dual_cache.DualCache", "litellm.Cache"),
        ("custom_provider_map", "lingate.register"),
    ],
)
def test_names_that_programs_use_say_where_else_it_is(name: str, text: str) -> None:
    assert text in instead(name)
    assert not covered(name)


def test_importing_it_loads_no_client_and_no_openai_package() -> None:
    code = (
        "import sys\nfrom lingate.compat import litellm\n"
        "print([name for name in ('openai', 'lingate._client', 'msgspec', 'asyncio', 'httpx') if name in sys.modules])\n"
        "litellm.completion('gpt-4o', 'hi', mock_response='x'); litellm.Router([])\n"
        "print('openai' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split("\n")[:2] == ["[]", "False"]


SOURCE = """
import litellm
import litellm as llm
import litellm.utils
from litellm import completion, BudgetManager as B
from litellm.exceptions import RateLimitError, NoSuchError
from litellm import exceptions as errors
import other.litellm

litellm.drop_params = True
llm.cost_per_token("x")
litellm.proxy.server()
litellm.exceptions.Timeout.__name__
litellm.exceptions.__dict__
litellm.openai_key
errors.BadRequestError
litellm.completion("x").choices[0].text
other.litellm.nothing
"""


def test_the_checker_finds_every_way_to_name_something(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(SOURCE)

    report = check(tmp_path)

    assert {use.name for use in report.uses if use.covered} == {
        "utils",
        "completion",
        "exceptions",
        "exceptions.RateLimitError",
        "exceptions.Timeout",
        "exceptions.BadRequestError",
        "drop_params",
        "cost_per_token",
        "exceptions.__dict__",
        "openai_key",
    }
    assert {(use.name, use.line) for use in report.missing} == {
        ("BudgetManager", 5),
        ("exceptions.NoSuchError", 6),
        ("proxy", 12),
    }


def test_the_command_reports_and_answers_with_its_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "good.py").write_text("from litellm import completion\n")
    (tmp_path / "broken.py").write_text("def (\n")
    assert main(["check", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "covered  completion  (1)" in out
    assert "not read" in out

    (tmp_path / "bad.py").write_text("import litellm\nlitellm.BudgetManager()\n")
    assert main(["check", str(tmp_path)]) == 1
    assert "bad.py:2: BudgetManager: " in capsys.readouterr().out
    assert main(["check", str(tmp_path / "nowhere")]) == 2


def test_the_command_runs_as_a_module(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import litellm\nlitellm.completion('x')\n")

    done = subprocess.run(
        [sys.executable, "-m", "lingate.compat.litellm", "check", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "1 names of litellm are used, 1 are covered, 0 are not" in done.stdout
