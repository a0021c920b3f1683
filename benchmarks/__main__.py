"""``python -m benchmarks``: measure, print the tables, write docs/benchmarks.md and benchmarks/results.json."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.cases import Case, Ratio, cases, ratios
from benchmarks.measure import ROOT, measure
from benchmarks.peers import PEERS, Peer, PeerUnavailableError, interpreter_with
from benchmarks.report import Result, as_json, as_page, as_text


def main(words: Sequence[str] | None = None) -> int:
    """Run the benchmarks. With ``--only`` a part of them is measured and nothing is written."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Speed, as ratios.")
    parser.add_argument("--rounds", type=int, default=5, help="how often each case is measured (default 5)")
    parser.add_argument("--only", default="", help="only the ratios whose text contains this; nothing is written")
    parser.add_argument("--no-peers", action="store_true", help="leave the other libraries out")
    chosen = parser.parse_args(words)

    interpreters, missing = _find_peers([] if chosen.no_peers else list(PEERS))
    wanted = [one for one in ratios() if chosen.only in one.what]
    measured = measure(_needed(cases(interpreters), wanted), chosen.rounds, _tell)
    result = Result(chosen.rounds, measured, wanted, missing)
    print(as_text(result))
    if not chosen.only and not chosen.no_peers:
        _write(ROOT / "docs" / "benchmarks.md", as_page(result))
        _write(ROOT / "benchmarks" / "results.json", as_json(result))
    return 0


def _find_peers(peers: Sequence[Peer]) -> tuple[dict[Peer, str], dict[str, str]]:
    interpreters: dict[Peer, str] = {}
    missing: dict[str, str] = {}
    for peer in peers:
        _tell(f"environment of {peer.name} {peer.version}")
        try:
            interpreters[peer] = interpreter_with(peer)
        except PeerUnavailableError as error:
            missing[f"{peer.name} {peer.version}"] = str(error)
    return interpreters, missing


def _needed(known: Sequence[Case], wanted: Sequence[Ratio]) -> list[Case]:
    names = {name for one in wanted for name in (one.case, one.to)}
    return [case for case in known if case.name in names]


def _tell(line: str) -> None:
    print(line, file=sys.stderr)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
