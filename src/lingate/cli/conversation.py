"""A conversation at the terminal: what was said, the commands that begin with a slash, and the line that is typed."""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from lingate._model import JsonDict
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


@dataclass(slots=True)
class Conversation:
    """What was said, and with whom."""

    asker: Asker
    model: str
    system: str | None = None
    parts: list[JsonDict] = field(default_factory=list)
    turns: list[JsonDict] = field(default_factory=list)
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
        """Ask and show the answer. What failed or was stopped before its first word is as if it had not been asked."""
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

    def save(self, path: Path) -> None:
        """Write the conversation to a file that only its owner can read."""
        files.write(path, encode({"model": self.model, "messages": self.messages}) + b"\n")


class _QuitError(Exception):
    pass


def _command(conversation: Conversation, line: str, screen: Screen) -> None:
    name, _, rest = line.partition(" ")
    action = _COMMANDS.get(name)
    if action is None:
        raise ConfigError(f"there is no command {name}", hint="see /help")
    action(conversation, rest.strip(), screen)


def _help(conversation: Conversation, rest: str, screen: Screen) -> None:
    screen.note(_HELP)


def _model(conversation: Conversation, rest: str, screen: Screen) -> None:
    if rest:
        from lingate._providers.lookup import find

        provider, slash, name = rest.partition("/")
        if not slash or not name:
            raise ConfigError("a model is written provider/model")
        find(provider)
        conversation.model = rest
    screen.note(f"model: {conversation.model}")


def _system(conversation: Conversation, rest: str, screen: Screen) -> None:
    conversation.system = rest or None
    screen.note("system prompt set" if rest else "no system prompt")


def _image(conversation: Conversation, rest: str, screen: Screen) -> None:
    conversation.parts.append(inputs.image_part(_path(rest, "/image PATH or URL")))
    screen.note("the image goes with the next question")


def _file(conversation: Conversation, rest: str, screen: Screen) -> None:
    conversation.parts.append(inputs.file_part(_path(rest, "/file PATH")))
    screen.note("the document goes with the next question")


def _clear(conversation: Conversation, rest: str, screen: Screen) -> None:
    conversation.turns.clear()
    conversation.parts.clear()
    screen.note("a new conversation")


def _save(conversation: Conversation, rest: str, screen: Screen) -> None:
    path = Path(os.path.expanduser(_path(rest, "/save PATH")))
    conversation.save(path)
    screen.note(f"saved {len(conversation.messages)} messages to {path}")


def _usage(conversation: Conversation, rest: str, screen: Screen) -> None:
    screen.note(conversation.used())


def _quit(conversation: Conversation, rest: str, screen: Screen) -> None:
    raise _QuitError


def _path(text: str, usage: str) -> str:
    """A path as it is typed, or as a terminal quotes it when a file is dropped into it."""
    try:
        words = shlex.split(text)
    except ValueError:
        words = [text]
    if not words:
        raise ConfigError(f"write it as {usage}")
    return words[0] if len(words) == 1 else text


_COMMANDS: dict[str, Callable[[Conversation, str, Screen], None]] = {
    "/help": _help,
    "/model": _model,
    "/system": _system,
    "/image": _image,
    "/file": _file,
    "/clear": _clear,
    "/save": _save,
    "/usage": _usage,
    "/quit": _quit,
    "/exit": _quit,
}


def talk(conversation: Conversation, screen: Screen) -> None:
    from lingate.cli.line import reader

    screen.note(f"{conversation.model} | /help for help, Ctrl-D to leave")
    read = reader(list(_COMMANDS), screen)
    while True:
        try:
            line = read().strip()
        except KeyboardInterrupt:
            continue
        except EOFError:
            break
        if not line:
            continue
        try:
            if line.startswith("/"):
                _command(conversation, line, screen)
            else:
                conversation.ask(line, screen)
        except _QuitError:
            break
        except ConfigError as error:
            screen.problem(describe(error))
    if conversation.answers:
        screen.note(conversation.used())
