"""Lingate's gateway beside others, in one run, in front of one nginx: what they cost, what they add, how they hold.

Every gateway runs all the time, as a process of its own with its configuration in a temporary folder; in each round every
one takes its turn. CPU is that of its whole process tree.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import rivals_upstream as upstream
from benchmarks.exchange import ANSWER
from benchmarks.load import Line, LoadError, Target, find_wrk, percentile, streams, until_answered, wrk
from benchmarks.peers import Environment
from benchmarks.processes import cpu_seconds, rss_mb, wait_until_quiet
from benchmarks.rivals import DIRECT, MASTER_KEY, NGINX, OURS, RIVALS, Place, Rival, body, install
from benchmarks.session import environment
from benchmarks.upstream import UpstreamError, free_port

Found = dict[str, Any]
Say = Callable[[str], None]

CROWD = 500
MANY = 50_000
_RAMP = 2.0
_START_SECONDS = 90.0
_BLOCK = 20


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        rounds: Interleaved rounds.
        seconds: Of requests in each.
        latency: Blocks of requests, one at a time, in each.
        tokens: Short streams, one at a time, in each.
        starts: Times that each is started.
        long: The 60 seconds of many streams, and those of the others; otherwise 10 seconds, of ours alone.
        most: Seconds in which to reach the 50,000 requests after which memory is looked at.
    """

    rounds: int = 4
    seconds: float = 2.0
    latency: int = 10
    tokens: int = 20
    starts: int = 3
    long: bool = True
    most: float = 12.0


QUICK = Plan(rounds=1, seconds=1.0, latency=3, tokens=6, starts=1, long=False, most=0.0)


class Subject:
    """What is measured under one name.

    Attributes:
        name: Key of its results.
        pid: Of the first process of its tree.
        rival: Which gateway; None for nginx, by itself or as a proxy.
        served: Requests that it has answered.
    """

    def __init__(self, name: str, pid: int, port: int, place: Place | None, rival: Rival | None, key: str) -> None:
        self.name = name
        self.pid = pid
        self.rival = rival
        self.served = 0
        self._port = port
        self._place = place
        self._key = key

    @property
    def flight(self) -> int:
        return 32 if self.rival is None else self.rival.flight

    @property
    def lanes(self) -> int:
        return 40 if self.rival is None else self.rival.lanes

    def target(self, way: str, *, key: str | None = None, long: bool = False) -> Target:
        """How it is asked for a way of answering, by one question or by a long conversation."""
        content = body(self.rival, way, stream=way != "whole", long=long)
        if self.rival is None or self._place is None:
            return Target(self._port, upstream.path(way), {}, content)
        headers = self.rival.headers(self._place, way, key or self._key)
        return Target(self._port, f"{self.rival.prefix}/chat/completions", headers, content)


def measure(plan: Plan, names: list[str], *, refresh: bool, say: Say) -> Found:
    """Measure all gateways, or those named. Where nothing can be measured, the reason is under `skip`."""
    if sys.platform != "linux":
        return {"skip": "it needs /proc, which only Linux has"}
    try:
        find_wrk()
        with upstream.serve() as nginx, tempfile.TemporaryDirectory(prefix="lingate-bench-") as folder:
            return _Run(plan, nginx, Path(folder), say).all(_chosen(names), refresh=refresh)
    except (LoadError, UpstreamError) as error:
        return {"skip": str(error)}


def _chosen(names: list[str]) -> list[Rival]:
    return [rival for rival in RIVALS if not names or rival.name in names]


class _Run:
    def __init__(self, plan: Plan, nginx: upstream.Nginx, folder: Path, say: Say) -> None:
        self._plan = plan
        self._nginx = nginx
        self._folder = folder
        self._say = say
        self._direct = Subject(DIRECT, nginx.pid, nginx.port, None, None, "")
        self._subjects: dict[str, Subject] = {}
        self._found: Found = {
            "facts": {},
            "start": {},
            "memory": {},
            **{part: {} for part in ("requests", "talks", "latency", "soon", "token", "events", "apart", "crowd")},
        }

    def all(self, chosen: list[Rival], *, refresh: bool) -> Found:
        """Everything."""
        found = self._found
        found["load"] = os.getloadavg()[0]
        found["facts"][NGINX] = {"label": "nginx proxy_pass", "version": self._nginx.version, "note": "the limit"}
        with ExitStack() as stack:
            self._subjects[NGINX] = Subject(NGINX, self._nginx.proxy_pid, self._nginx.proxy, None, None, "")
            brief = stack.enter_context(ExitStack())
            for rival in chosen:
                self._begin(rival, refresh, stack if rival.crowd else brief)
            self._rounds()
            self._memory()
            brief.close()
            self._crowds()
        found["load_after"] = os.getloadavg()[0]
        return found

    def _begin(self, rival: Rival, refresh: bool, stack: ExitStack) -> None:
        facts = self._found["facts"][rival.name] = {"label": rival.label, "note": rival.note}
        where = install(rival, refresh=refresh, say=self._say)
        if where.skip is None:
            facts["version"] = where.facts["versions"].get(rival.package)
            try:
                self._subjects[rival.name] = self._started(rival, where, stack)
            except (LoadError, OSError) as error:
                where.skip = f"{str(error).splitlines()[0]}; {_last_words(self._folder / rival.name)}"
        if where.skip is not None:
            facts["skip"] = where.skip
            self._say(f"{rival.label}: skipped: {where.skip}")

    def _started(self, rival: Rival, where: Environment, stack: ExitStack) -> Subject:
        """Start it as often as is wanted, and leave the last one running."""
        self._say(f"{rival.label}: starting")
        assert where.python is not None
        folder = self._folder / rival.name
        folder.mkdir()
        place = Place(folder, free_port(), self._nginx.bases, where.python)
        for name, text in rival.files(place).items():
            (folder / name).write_text(text)
        key = MASTER_KEY
        if rival.key is not None:
            with _process(rival, place) as (process, port):
                key = _new_key(rival, port, process)
        times = self._found["start"][rival.name] = []
        for left in reversed(range(self._plan.starts)):
            began = time.perf_counter()
            running = ExitStack()
            process, port = running.enter_context(_process(rival, place))
            subject = Subject(rival.name, process.pid, port, place, rival, key)
            with running:
                until_answered(subject.target("whole"), lambda: process.poll() is None, _START_SECONDS)  # noqa: B023
                times.append(time.perf_counter() - began)
                if not left:
                    _check(subject)
                    time.sleep(1.0)
                    self._found["memory"][rival.name] = {"idle_mb": rss_mb(process.pid)}
                    stack.push(running.pop_all())
        return subject

    def _rounds(self) -> None:
        order = list(self._subjects.values())
        for number in range(self._plan.rounds):
            self._say(f"gateways, round {number + 1} of {self._plan.rounds}")
            for part, step in (
                ("requests", self._requests),
                ("talks", self._talks),
                ("latency", self._latency),
                ("soon", self._first("soon")),
                ("token", self._first("token")),
                ("events", self._events("flow")),
                ("apart", self._events("apart")),
            ):
                self._turns(part, step, order)
            order = order[1:] + order[:1]

    def _turns(self, part: str, step: Callable[[Subject], Found], order: list[Subject]) -> None:
        found = self._found[part]
        if part in ("requests", "talks", "events", "apart"):
            found.setdefault(DIRECT, []).append(step(self._direct))
        for subject in order:
            if part == "apart" and subject.rival is not None and not subject.rival.crowd:
                continue  # any-llm has one address for all ways, LiteLLM takes minutes
            try:
                found.setdefault(subject.name, []).append(step(subject))
            except (LoadError, OSError) as error:
                self._say(f"{subject.name}, {part}: {error}")
                self._found["facts"][subject.name].setdefault("failed", {})[part] = str(error)

    def _requests(self, subject: Subject) -> Found:
        return self._many(subject, subject.target("whole"))

    def _talks(self, subject: Subject) -> Found:
        return self._many(subject, subject.target("whole", long=True))

    def _many(self, subject: Subject, target: Target) -> Found:
        before = cpu_seconds(subject.pid)
        sent = wrk(target, subject.flight, self._plan.seconds, self._folder)
        wait_until_quiet(subject.pid, 2.0)
        subject.served += int(sent["requests"])
        cpu = cpu_seconds(subject.pid) - before
        return {"cpu_us": cpu / sent["requests"] * 1e6, "rps": sent["rps"], "errors": sent["errors"]}

    def _latency(self, subject: Subject) -> Found:
        return self._alternately(subject, "whole", None, self._plan.latency, _BLOCK)

    def _first(self, way: str) -> Callable[[Subject], Found]:
        return lambda subject: self._alternately(subject, way, upstream.FIRST_WORD, self._plan.tokens, 1)

    def _alternately(self, subject: Subject, way: str, mark: bytes | None, blocks: int, size: int) -> Found:
        """Blocks of requests, one at a time, to the subject and past it, in turn."""
        taken: dict[str, list[float]] = {"direct": [], "through": []}
        lines = {"direct": Line(self._direct.target(way)), "through": Line(subject.target(way))}
        try:
            for line in lines.values():
                line.ask(mark)
            for _ in range(blocks):
                for which, line in lines.items():
                    taken[which] += [line.ask(mark)[0] for _ in range(size)]
        finally:
            for line in lines.values():
                line.close()
        subject.served += blocks * size
        return {
            f"{which}_{name}": percentile(times, share) * 1e3
            for which, times in taken.items()
            for name, share in (("p50", 0.5), ("p99", 0.99))
        }

    def _events(self, way: str) -> Callable[[Subject], Found]:
        return lambda subject: self._flow(subject, way)

    def _flow(self, subject: Subject, way: str) -> Found:
        before = cpu_seconds(subject.pid)
        events = upstream.FLOW_EVENTS - 1
        done = streams(subject.target(way), subject.lanes, events, ramp=0.2, deadline=60.0)
        wait_until_quiet(subject.pid, 2.0)
        if not done.events:
            raise LoadError(f"no event came: {done.failures}")
        cpu = cpu_seconds(subject.pid) - before
        return {"cpu_us": cpu / done.events * 1e6, "finished": done.finished, "failures": done.failures}

    def _memory(self) -> None:
        """Bring every gateway to its 50,000 requests, as far as that goes, and look at its memory."""
        for subject in self._subjects.values():
            if subject.rival is None:
                continue
            until = time.monotonic() + self._plan.most
            try:
                while subject.served < MANY and time.monotonic() < until:
                    sent = wrk(subject.target("whole"), subject.flight, 2.0, self._folder)
                    subject.served += int(sent["requests"])
            except LoadError as error:
                self._say(f"{subject.name}, memory: {error}")
            wait_until_quiet(subject.pid, 3.0)
            self._found["memory"][subject.name] |= {"loaded_mb": rss_mb(subject.pid), "served": subject.served}

    def _crowds(self) -> None:
        """Many streams at the pace of a model: the full minute for ours, less for the others."""
        alone = [subject for subject in self._subjects.values() if subject.rival is None or subject.rival.crowd]
        others = [subject for subject in alone if subject.name != OURS] if self._plan.long else []
        ours = [subject for subject in alone if subject.name == OURS]
        for subject in [self._direct, *others, *ours]:
            way = "crowd" if subject.name == OURS and self._plan.long else "crowd-short"
            self._say(f"gateways, {CROWD} streams: {subject.name}")
            self._found["crowd"][subject.name] = self._crowd(subject, way)

    def _crowd(self, subject: Subject, way: str) -> Found:
        events = upstream.CROWD_EVENTS[way]
        lasts = events * upstream.CROWD_PAUSE_MS / 1000
        before = cpu_seconds(subject.pid)
        done = streams(subject.target(way), CROWD, events - 1, ramp=_RAMP, deadline=lasts * 1.5 + 20)
        cpu = cpu_seconds(subject.pid) - before
        late = done.late or [0.0]
        return {
            "seconds": lasts,
            "finished": done.finished,
            "failures": done.failures,
            "events": done.events,
            "p50_ms": median(late) * 1e3,
            "p99_ms": percentile(late, 0.99) * 1e3,
            "max_ms": max(late) * 1e3,
            "cpu_us": cpu / max(1, done.events) * 1e6,
        }


def _check(subject: Subject) -> None:
    """What comes through it is what was sent."""
    for way, mark in (("whole", ANSWER.encode()[:60]), ("token", upstream.FIRST_WORD)):
        line = Line(subject.target(way))
        try:
            line.ask(mark)
        finally:
            line.close()


def _new_key(rival: Rival, port: int, process: subprocess.Popen[bytes]) -> str:
    assert rival.key is not None
    path, asked, field = rival.key
    target = Target(port, path, {"Authorization": f"Bearer {MASTER_KEY}"}, json.dumps(asked).encode())
    answer = until_answered(target, lambda: process.poll() is None, _START_SECONDS)
    return str(json.loads(answer.partition(b"\r\n\r\n")[2])[field])


@contextmanager
def _process(rival: Rival, place: Place) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The gateway's process, and where it listens."""
    log = place.folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            rival.command(place),
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=place.folder,
            env=environment(place.folder) | dict(rival.env),
        )
    try:
        yield process, _announced(log, process) if rival.announces else place.port
    finally:
        process.terminate()
        try:
            process.wait(timeout=8)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _last_words(folder: Path) -> str:
    log = folder / "log"
    lines = log.read_text(errors="replace").strip().splitlines() if log.is_file() else []
    return f"its log ends with: {lines[-1][-200:]}" if lines else "it wrote no log"


def _announced(log: Path, process: subprocess.Popen[bytes]) -> int:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        for line in log.read_text(errors="replace").splitlines():
            if line.startswith("http://"):
                return int(line.split("/")[2].rpartition(":")[2])
        time.sleep(0.004)
    raise LoadError("it does not say where it listens")
