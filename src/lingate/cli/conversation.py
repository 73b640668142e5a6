# A conversation at the terminal: what was said, the commands that begin with a slash, and the line that is typed.
#
# That line has history, completion of commands, and several lines where they are wanted.

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.output import create_output

from lingate._model import JsonDict, Record
from lingate._wire.json import encode
from lingate.cli import files, inputs
from lingate.cli.chat import Answer, Asker
from lingate.cli.failures import describe
from lingate.cli.screen import Screen, dollars
from lingate.errors import ConfigError, LingateError

_HELP = """\
Enter sends, Alt-Enter begins a new line, Ctrl-C stops an answer, Ctrl-D leaves.
/model NAME      ask another model from now on; alone: show which one
/system TEXT     set the system prompt; alone: take it away
/image PATH|URL  put an image to the next question
/file PATH       put a document to the next question
/clear           begin a new conversation
/save PATH       write the conversation as JSON
/usage           what this session has used so far
/quit            leave"""


class Conversation(Record):
    # What was said, and with whom.

    asker: Asker
    model: str
    system: str | None = None
    parts: list[JsonDict] = []
    turns: list[JsonDict] = []
    answers: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    unpriced: int = 0

    @property
    def messages(self) -> list[JsonDict]:
        system = [{"role": "system", "content": self.system}] if self.system else []
        return [*system, *self.turns]

    def ask(self, text: str, screen: Screen) -> None:
        # Ask and show the answer. What failed or was stopped before its first word is as if it had not been asked.
        self.turns.append({"role": "user", "content": inputs.content(text, self.parts)})
        answer = Answer()
        try:
            response = asyncio.run(self.asker.show(self.model, self.messages, screen, answer))
        except KeyboardInterrupt:
            screen.note(f"({answer.summary()})")
        except LingateError as error:
            screen.problem(describe(error))
        else:
            self.turns.append(response.message.to_dict())
            self._count(answer)
            screen.note(answer.summary())
        if self.turns[-1]["role"] == "user":
            if answer.pieces:
                self.turns.append({"role": "assistant", "content": "".join(answer.pieces)})
            else:
                self.turns.pop()
                return
        self.parts.clear()

    def _count(self, answer: Answer) -> None:
        response = answer.response
        assert response is not None
        self.answers += 1
        if response.usage is not None:
            self.prompt_tokens += response.usage.prompt_tokens or 0
            self.completion_tokens += response.usage.completion_tokens or 0
        if response.cost is None:
            self.unpriced += 1
        else:
            self.cost += response.cost

    def used(self) -> str:
        unknown = f" and {self.unpriced} at unknown cost" if self.unpriced else ""
        return (
            f"{self.answers} answer{'s' * (self.answers != 1)}: {self.prompt_tokens} tokens in, "
            f"{self.completion_tokens} tokens out, {dollars(self.cost)}{unknown}"
        )


def _model(conversation: Conversation, rest: str) -> str:
    if rest:
        from lingate._providers.lookup import find

        provider, slash, name = rest.partition("/")
        if not slash or not name:
            raise ConfigError("a model is written provider/model")
        find(provider)
        conversation.model = rest
    return f"model: {conversation.model}"


def _system(conversation: Conversation, rest: str) -> str:
    conversation.system = rest or None
    return "system prompt set" if rest else "no system prompt"


def _image(conversation: Conversation, rest: str) -> str:
    conversation.parts.append(inputs.image_part(_path(rest, "/image PATH or URL")))
    return "the image goes with the next question"


def _file(conversation: Conversation, rest: str) -> str:
    conversation.parts.append(inputs.file_part(_path(rest, "/file PATH")))
    return "the document goes with the next question"


def _clear(conversation: Conversation, _: str) -> str:
    conversation.turns.clear()
    conversation.parts.clear()
    return "a new conversation"


def _save(conversation: Conversation, rest: str) -> str:
    path = Path(os.path.expanduser(_path(rest, "/save PATH")))
    messages = conversation.messages
    files.write(path, encode({"model": conversation.model, "messages": messages}) + b"\n")
    return f"saved {len(messages)} messages to {path}"


def _path(text: str, usage: str) -> str:
    # A path as it is typed, or as a terminal quotes it when a file is dropped into it.
    try:
        words = shlex.split(text)
    except ValueError:
        words = [text]
    if not words:
        raise ConfigError(f"write it as {usage}")
    return words[0] if len(words) == 1 else text


_COMMANDS: dict[str, Callable[[Conversation, str], str]] = {
    "/help": lambda _, __: _HELP,
    "/model": _model,
    "/system": _system,
    "/image": _image,
    "/file": _file,
    "/clear": _clear,
    "/save": _save,
    "/usage": lambda conversation, _: conversation.used(),
}
_LEAVE = ("/quit", "/exit")


def _reader(commands: Sequence[str], screen: Screen) -> Callable[[], str]:
    # A function that reads what the user types; it raises EOFError at Ctrl-D and KeyboardInterrupt at Ctrl-C.
    keys = KeyBindings()
    keys.add("enter")(lambda event: event.current_buffer.validate_and_handle())
    keys.add("escape", "enter")(lambda event: event.current_buffer.insert_text("\n"))
    session: PromptSession[str] = PromptSession(
        history=_history(screen),
        completer=WordCompleter(list(commands), sentence=True),
        complete_while_typing=False,
        multiline=True,
        key_bindings=keys,
        prompt_continuation="  ",
        # The answers may go to a file while a person types.
        output=create_output(sys.stdout if screen.terminal else sys.stderr),
    )
    return lambda: session.prompt("> ")


def _history(screen: Screen) -> History:
    # Typed lines are kept in `lingate/history` under XDG_STATE_HOME.
    state = os.environ.get("XDG_STATE_HOME") or ""
    try:
        path = (Path(state) if os.path.isabs(state) else Path.home() / ".local" / "state") / "lingate" / "history"
    except RuntimeError:  # a container's user may have no home
        screen.note("no history: there is no home directory to keep it in")
        return InMemoryHistory()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Made here, because what people type to a model is for nobody else to read.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        path.chmod(0o600)
    except OSError as error:
        screen.note(f"no history: cannot write {path}: {error.strerror}")
        return InMemoryHistory()
    return FileHistory(str(path))


def talk(conversation: Conversation, screen: Screen) -> None:
    screen.note(f"{conversation.model} | /help for help, Ctrl-D to leave")
    read = _reader([*_COMMANDS, *_LEAVE], screen)
    while True:
        try:
            line = read().strip()
        except KeyboardInterrupt:
            continue
        except EOFError:
            break
        if not line:
            continue
        name, _, rest = line.partition(" ")
        if name in _LEAVE:
            break
        try:
            if name in _COMMANDS:
                screen.note(_COMMANDS[name](conversation, rest.strip()))
            elif name.startswith("/"):
                raise ConfigError(f"there is no command {name}", hint="see /help")
            else:
                conversation.ask(line, screen)
        except ConfigError as error:
            screen.problem(describe(error))
    if conversation.answers:
        screen.note(conversation.used())
