"""`python -m benchmarks.run`: measure Lingate beside its peers in one run and write the report.

Peers are installed into `.bench/`, each into an environment of its own; the measured processes speak to loopback only.
A full run writes `benchmarks/RESULTS.md` and the picture `benchmarks/results.svg`; a quick or partial one writes them
into `.bench/`. Both write `.bench/results.json`.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import chart, gateways, processors, report, startup, upstream
from benchmarks.micro import measure as measure_micro
from benchmarks.micro import measure_formats
from benchmarks.peers import BENCH, LINGATE, PEERS, ROOT, Environment, Peer, prepare
from benchmarks.rivals import RIVALS
from benchmarks.session import Worker, WorkerError, environment

SECTIONS = ("cpu", "startup", "micro", "formats", "gateways")
Ready = dict[str, tuple[Peer, Environment]]


def main() -> int:
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nginx and the workers are ended as well
    BENCH.mkdir(exist_ok=True)
    peers = [peer for peer in PEERS if not options.peers or peer.name in options.peers]
    if options.only == ["gateways"]:
        peers = []
    prepared = {peer.name: (peer, prepare(peer, refresh=options.refresh, say=_say)) for peer in peers}
    try:
        results = _measure(options, prepared)
    except upstream.UpstreamError as error:
        _say(str(error))
        return 2
    _write(options, results)
    return 1 if LINGATE in prepared and prepared[LINGATE][1].skip else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__, formatter_class=_Formatter)
    known = [*SECTIONS, *(scenario.key for scenario in report.SCENARIOS)]
    parser.add_argument("--quick", action="store_true", help="a smoke test of about a minute; its figures are rough")
    parser.add_argument("--only", type=_list(known), default=[], help=f"some of: {', '.join(known)}")
    parser.add_argument("--peers", type=_list([p.name for p in PEERS]), default=[], help="some of the peers, by name")
    rivals = [rival.name for rival in RIVALS]
    parser.add_argument("--gateways", type=_list(rivals), default=[], help="some of the gateways, by name")
    parser.add_argument("--rounds", type=int, help="interleaved rounds (11; quick: 1; gateways: 4, and 1)")
    parser.add_argument("--refresh", action="store_true", help="reinstall every peer, for newer versions")
    options = parser.parse_args()
    options.plan = gateways.QUICK if options.quick else gateways.Plan()
    if options.rounds:
        options.plan = replace(options.plan, rounds=options.rounds)
    options.rounds = options.rounds or (1 if options.quick else 11)
    options.seconds = 0.06 if options.quick else 0.25
    options.starts = 2 if options.quick else 11
    options.whole = not (options.quick or options.only or options.peers or options.gateways)
    return options


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Keep the module's own line breaks."""


def _list(known: list[str]) -> Any:
    def names(text: str) -> list[str]:
        found = text.split(",")
        unknown = [name for name in found if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")
        return found

    return names


def _wants(options: argparse.Namespace, section: str) -> bool:
    return not options.only or section in options.only


def _measure(options: argparse.Namespace, prepared: Ready) -> report.Results:
    with upstream.serve() as up, tempfile.TemporaryDirectory(prefix="lingate-bench-") as folder:
        home = Path(folder)
        busy = _load()
        _check_peers(prepared, up, home)
        ready = {name: pair for name, pair in prepared.items() if pair[1].skip is None}
        results: report.Results = {
            "meta": _meta(options, up, busy),
            "peers": _facts(prepared),
            "runs": {},
            "startup": {},
        }
        scenarios = [s for s in report.SCENARIOS if _wants(options, "cpu") or s.key in options.only]
        if scenarios and ready:
            results["runs"] = _cpu(options, scenarios, ready, up, home)
        if _wants(options, "startup") and ready:
            results["startup"] = _startup(options, ready, up, home)
        if _wants(options, "micro") and LINGATE in ready:
            results["micro"] = measure_micro(ready[LINGATE][1], home, quick=options.quick)
        if _wants(options, "formats") and LINGATE in ready:
            results["formats"] = measure_formats(ready[LINGATE][1], home, quick=options.quick)
    if _wants(options, "gateways"):
        results["gateways"] = gateways.measure(options.plan, options.gateways, refresh=options.refresh, say=_say)
    return results


def _check_peers(prepared: Ready, up: upstream.Upstream, home: Path) -> None:
    """One guarded call of each kind; a peer that fails or reaches for more than loopback is skipped with its reason."""
    for peer, where in prepared.values():
        if where.skip is None:
            where.skip = _first_calls(peer, where, up, home)
        if where.skip is not None:
            _say(f"{peer.label}: skipped: {where.skip}")


def _first_calls(peer: Peer, where: Environment, up: upstream.Upstream, home: Path) -> str | None:
    with _worker(peer, where, home, "--guard") as worker:
        for flight in (0, 1):
            try:
                reply = worker.ask({"base": up.bases["whole"], "stream": False, "flight": flight, "seconds": 0})
            except WorkerError as error:
                return str(error)
            if reply["touched"]:
                return f"it reached for {', '.join(sorted(set(reply['touched'])))}"
            if "error" in reply:
                return str(reply["error"])
    return None


@contextmanager
def _worker(peer: Peer, where: Environment, home: Path, *flags: str) -> Iterator[Worker]:
    with processors.peers():
        worker = Worker(peer, where, home, *flags)
    try:
        yield worker
    finally:
        worker.close()


def _cpu(
    options: argparse.Namespace, scenarios: list[report.Scenario], ready: Ready, up: upstream.Upstream, home: Path
) -> dict[str, Any]:
    runs: dict[str, Any] = {scenario.key: {name: _Samples() for name in ready} for scenario in scenarios}
    with ExitStack() as stack:
        workers = {
            (name, uvloop): stack.enter_context(_worker(peer, where, home, *(["--uvloop"] if uvloop else [])))
            for name, (peer, where) in ready.items()
            for uvloop in sorted({scenario.uvloop for scenario in scenarios})
        }
        order = list(ready)
        for number in range(options.rounds):
            _say(f"round {number + 1} of {options.rounds}")
            for scenario in scenarios:
                for name in order:
                    _sample(runs[scenario.key][name], workers[name, scenario.uvloop], scenario, options.seconds, up)
            order = order[1:] + order[:1]  # nobody is always first, nor always after the same one
    return runs


class _Samples(dict[str, Any]):
    """One peer's figures in one scenario; once there is an `error` no more are taken."""

    def __init__(self) -> None:
        super().__init__(cpu_us=[], wall_us=[], operations=[])


def _sample(
    samples: _Samples, worker: Worker, scenario: report.Scenario, seconds: float, up: upstream.Upstream
) -> None:
    if "error" in samples:
        return
    if scenario.upstream not in up.bases:
        samples["error"] = "nginx has no echo module (libnginx-mod-http-echo)"
        return
    command = {
        "base": up.bases[scenario.upstream],
        "stream": scenario.stream,
        "flight": scenario.flight,
        "seconds": seconds,
    }
    try:
        reply = worker.ask(command)
    except WorkerError as error:
        reply = {"error": str(error)}
    if "error" in reply:
        samples.update(error=reply["error"], cpu_us=[], wall_us=[], operations=[])
        return
    for field, value in reply.items():
        samples[field].append(value)


def _startup(options: argparse.Namespace, ready: Ready, up: upstream.Upstream, home: Path) -> dict[str, Any]:
    subjects = startup.subjects(ready)
    found: dict[str, Any] = {
        name: {"label": ready[name][0].label if name in ready else name, "runs": []} for name in subjects
    }
    _say(f"start-up, {options.starts} times each")
    for _ in range(options.starts):
        for name, (code, where) in subjects.items():
            if "error" in found[name]:
                continue
            try:
                run = startup.probe(where, code, up.bases["whole"], environment(home), home)
            except startup.ProbeError as error:
                found[name] |= {"error": str(error), "runs": []}
            else:
                found[name]["runs"].append(run)
    return found


def _meta(options: argparse.Namespace, up: upstream.Upstream, busy: float | None) -> dict[str, Any]:
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "upstream": up.version,
        "load": busy,
        "rounds": options.rounds,
        "seconds": options.seconds,
        "quick": options.quick,
    }


def _load() -> float | None:
    """How busy the machine is before anything is measured."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _facts(prepared: Ready) -> dict[str, Any]:
    found = {}
    for name, (peer, where) in prepared.items():
        facts: dict[str, Any] = {"label": peer.label, "skip": where.skip}
        if "versions" in where.facts:
            versions = where.facts["versions"]
            facts |= {"version": versions.get(peer.package), "versions": versions, "bytes": where.facts["bytes"]}
        found[name] = facts
    return found


def _write(options: argparse.Namespace, results: report.Results) -> None:
    text = report.render(results)
    target = (ROOT / "benchmarks" if options.whole else BENCH) / "RESULTS.md"
    target.write_text(text)
    (BENCH / "results.json").write_text(json.dumps(results, indent=1))
    picture = chart.render(results)
    if picture is not None:
        target.with_name("results.svg").write_text(picture)
    print(text)
    _say(f"written: {target.relative_to(ROOT)} and .bench/results.json")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
