"""What every benchmark here shares: sides measured in turn, medians, percentiles, CPU read from /proc."""

import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROUNDS = 3
_TICK = 1 / os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")

Figures = dict[str, float]


def interleave(
    sides: Mapping[str, Callable[[], Figures]], *, rounds: int = ROUNDS
) -> dict[str, list[Figures]]:
    """Run each side once a round, every other round in the opposite order; all figures, by side."""
    found: dict[str, list[Figures]] = {name: [] for name in sides}
    for number in range(rounds):
        for name in list(sides) if number % 2 == 0 else list(sides)[::-1]:
            found[name].append(sides[name]())
            progress(f"round {number + 1}/{rounds} {name}: {shortly(found[name][-1])}")
    return found


def median_of(rounds: Sequence[Figures]) -> Figures:
    """Each figure's median over the rounds."""
    return {key: round(statistics.median(figures[key] for figures in rounds), 4) for key in rounds[0]}


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share (0 to 1) of the values lies; 0 when there is none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def milliseconds(seconds: Sequence[float]) -> Figures:
    """p50, p95, p99 and the maximum of durations given in seconds."""
    shares = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}
    figures = {name: round(percentile(seconds, share) * 1000, 2) for name, share in shares.items()}
    return figures | {"max_ms": round(max(seconds, default=0.0) * 1000, 2)}


@dataclass
class Meter:
    """CPU and memory of named process trees, children that have ended included."""

    roots: Mapping[str, int]

    def cpu(self) -> Figures:
        """CPU seconds since each tree began, by name."""
        children = _children()
        return {name: sum(map(_cpu, _tree(pid, children))) for name, pid in self.roots.items()}

    def memory_mb(self) -> Figures:
        """Resident megabytes by name; `pss` shares out what processes have in common."""
        children = _children()
        trees = {name: list(_tree(pid, children)) for name, pid in self.roots.items()}
        figures = {name: round(sum(map(_resident, tree)) / 2**20, 1) for name, tree in trees.items()}
        return figures | {
            f"{name}_pss": round(sum(map(_pss, tree)) / 2**20, 1) for name, tree in trees.items()
        }


def spent(before: Figures, after: Figures) -> Figures:
    """CPU seconds between two readings, by name, and their sum as `all`."""
    used = {name: round(after[name] - before[name], 3) for name in after}
    return used | {"all": round(sum(used.values()), 3)}


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            found.setdefault(int(fields[1]), []).append(int(entry.name))
    return found


def _tree(pid: int, children: Mapping[int, Sequence[int]]) -> Iterable[int]:
    yield pid
    for child in children.get(pid, ()):
        yield from _tree(child, children)


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name, or nothing when the process is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return []


def _cpu(pid: int) -> float:
    """User and system seconds of a process and of its children that it has reaped."""
    fields = _stat(pid)
    return sum(map(int, fields[11:15])) * _TICK if fields else 0.0


def _resident(pid: int) -> float:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    return 0.0


def _pss(pid: int) -> float:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0.0


def machine() -> dict[str, Any]:
    """Where this was measured."""
    return {
        "cores": os.cpu_count(),
        "processor": _named("/proc/cpuinfo", "model name") or platform.processor(),
        "memory_gb": round(int((_named("/proc/meminfo", "MemTotal") or "0").split()[0]) / 2**20, 1),
        "python": platform.python_version(),
        "system": platform.platform(terse=True),
        "load_before": os.getloadavg()[0],
        "when": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }


def _named(path: str, name: str) -> str:
    """The first value of that name in a file of `name: value` lines."""
    with suppress(OSError):
        for line in Path(path).read_text().splitlines():
            if line.startswith(name):
                return line.partition(":")[2].strip()
    return ""


def progress(line: str) -> None:
    """A line for the person who waits; the result alone goes to standard output."""
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


def shortly(figures: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in figures.items())


def print_json(result: Mapping[str, Any]) -> None:
    print(json.dumps(result, indent=1, ensure_ascii=False))
