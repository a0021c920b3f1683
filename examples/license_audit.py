"""Audit the licences of everything that is installed in an environment, and ask a human about what the policy flags.

    python examples/license_audit.py                          # the environment it runs in
    python examples/license_audit.py wheels/ --out audit/     # a folder of wheels; writes licenses.md and licenses.json
    wftrace run examples/license_audit.py:LicenseAudit path=wheels/

Real files, no network. Each distribution is an event of its own; several are read at once, in threads. What cannot be
read is tried again, and in the end becomes a finding, not a failed run.
"""

import argparse
import asyncio
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from licensekit.classify import License, classify
from licensekit.policy import Policy, load_policy
from licensekit.report import Finding, Status, Summary, flagged, headline, judge, summarize, write_report
from licensekit.sources import (
    AuditError,
    Distribution,
    UnreadableEntryError,
    find_entries,
    plain_text,
    read_distribution,
    this_environment,
)
from pydantic import model_validator

from wftrace import (
    Context,
    Event,
    ExponentialBackoffRetryPolicy,
    HumanResponseEvent,
    InputRequiredEvent,
    StartEvent,
    StopEvent,
    Workflow,
    step,
)

HERE = Path(__file__).resolve().parent
RETRIES = 2
YES = frozenset({"y", "yes", "true", "1", "ok", "approve", "approved"})
MAX_LISTED = 20


class AuditStart(StartEvent):
    """What to audit. ``path``: the entry, the folder or the environment, else the one this runs in; ``extra``: one more
    of them; ``policy``: the policy file; ``out``: the folder for the report, none is written without it."""

    path: str = ""
    extra: str = ""
    policy: str = ""
    out: str = ""


class EntryFound(Event):
    """Something that looks like a distribution."""

    entry: Path


class EntryRead(Event):
    """A distribution was read, or ``problem`` says why not."""

    entry: Path
    distribution: Distribution | None = None
    problem: str = ""


class LicenseFound(Event):
    """An entry was looked at to the end; ``license`` is missing when it could not be read."""

    entry: Path
    distribution: Distribution | None = None
    license: License | None = None
    problem: str = ""


class NothingFlagged(Event):
    """The policy allows everything that was found."""


class ApprovalRequested(InputRequiredEvent):
    """Something is flagged: a human decides whether it may stay."""


class ApprovalGiven(HumanResponseEvent):
    """The human's decision. Without ``approved`` it is read from the words of ``response``."""

    approved: bool = False

    @model_validator(mode="after")
    def _read_response(self) -> "ApprovalGiven":
        if "approved" not in self.model_fields_set:
            self.approved = str(self.response).strip().lower() in YES
        return self


class LicenseAudit(Workflow):
    """Reads the licence of every distribution, judges it by a policy, and asks a human about what is flagged."""

    def __init__(self, *, timeout: float | None = None, **options: Any) -> None:
        super().__init__(timeout=timeout, **options)

    @step
    async def find(self, ctx: Context, ev: AuditStart) -> EntryFound | None:
        """Find every distribution, and send one event for each."""
        policy, entries = await asyncio.to_thread(_prepare, ev)
        await ctx.set("policy", policy)
        await ctx.set("out", ev.out)
        await ctx.set("total", len(entries))
        for entry in entries:
            ctx.send_event(EntryFound(entry=entry))
        return None

    @step(num_workers=4, retry_policy=ExponentialBackoffRetryPolicy(0.02, max_delay=0.5, maximum_attempts=RETRIES))
    def read(self, ctx: Context, ev: EntryFound) -> EntryRead:
        """Read metadata and licence files; try again when that fails, and after the last retry say so."""
        try:
            return EntryRead(entry=ev.entry, distribution=read_distribution(ev.entry))
        except UnreadableEntryError as error:
            if ctx.retry_info().retry_number < RETRIES:
                raise
            return EntryRead(entry=ev.entry, problem=error.reason)

    @step
    async def classify(self, ev: EntryRead) -> LicenseFound:
        """Name the licence: by its SPDX expression, its License field, its classifiers or its licence files."""
        license = classify(ev.distribution) if ev.distribution else None
        return LicenseFound(entry=ev.entry, distribution=ev.distribution, license=license, problem=ev.problem)

    @step
    async def judge(self, ctx: Context, ev: LicenseFound) -> ApprovalRequested | NothingFlagged | None:
        """Wait for all licences, and hold them against the policy."""
        found = ctx.collect_events(ev, [LicenseFound] * await ctx.get("total"))
        if found is None:
            return None
        policy = await ctx.get("policy")
        findings = [_finding(event, policy) for event in found]
        await ctx.set("findings", findings)
        suspects = flagged(findings)
        if not suspects:
            return NothingFlagged()
        return ApprovalRequested(prefix=_question(suspects))

    @step
    async def write(self, ctx: Context, ev: NothingFlagged | ApprovalGiven) -> StopEvent:
        """Write the report and give the counts and the verdict back."""
        findings, out = await ctx.get("findings"), await ctx.get("out")
        approved = not isinstance(ev, ApprovalGiven) or ev.approved
        report = str(Path(out) / "licenses.md") if out else ""
        summary = summarize(findings, approved=approved, answer=_answer(ev), report=report)
        if out:
            await asyncio.to_thread(write_report, Path(out), findings, summary)
        return StopEvent(result=asdict(summary))


def _prepare(start: AuditStart) -> tuple[Policy, list[Path]]:
    """The policy and the entries; what is wrong with the input is said before any work is done."""
    policy = load_policy(Path(start.policy) if start.policy else HERE / "license_policy.toml")
    if start.out and Path(start.out).is_file():
        raise AuditError(f"the report cannot be written to {start.out}: it is a file; name a folder")
    folders = [Path(start.path)] if start.path else this_environment()
    folders += [Path(start.extra)] if start.extra else []
    return policy, [entry for folder in folders for entry in find_entries(folder)]


def _finding(event: LicenseFound, policy: Policy) -> Finding:
    distribution, license = event.distribution, event.license
    if distribution is None or license is None:
        reason = f"{event.problem} ({RETRIES + 1} attempts)"
        name = plain_text(event.entry.name)
        return Finding(name, "", name, Status.UNREADABLE, reason=reason)
    return judge(distribution.name, distribution.version, distribution.source, license, policy)


def _answer(event: NothingFlagged | ApprovalGiven) -> str:
    """What the human said, in a line; empty when nobody was asked."""
    if isinstance(event, NothingFlagged):
        return ""
    return plain_text(str(event.response or ("yes" if event.approved else "no")))


def _question(suspects: list[Finding]) -> str:
    lines = [
        f"{len(suspects)} flagged:",
        *(
            f"  {item.status:10} {item.name} {item.version}  {item.license or item.reason}"
            for item in suspects[:MAX_LISTED]
        ),
    ]
    if len(suspects) > MAX_LISTED:
        lines.append(f"  … and {len(suspects) - MAX_LISTED} more")
    return "\n".join([*lines, "Approve? [y/N] "])


async def audit(start: AuditStart) -> Summary:
    """Run the audit and ask on the terminal what it asks; without a terminal the answer is no."""
    handler = LicenseAudit().run(start_event=start)
    async for event in handler.stream_events():
        if isinstance(event, ApprovalRequested):
            handler.ctx.send_event(ApprovalGiven(response=await asyncio.to_thread(_ask, event.prefix)))
    return Summary(**await handler)


def _ask(question: str) -> str:
    if sys.stdin.isatty():
        try:
            return input(question)
        except EOFError:
            return ""
    print(f"{question}no (there is no terminal to ask on)", file=sys.stderr)
    return "no terminal to ask on"


def main() -> int:
    """The audit as a command. Exit 0: nothing flagged, or approved; 1: refused; 2: it could not be made."""
    parser = argparse.ArgumentParser(
        description="Audit the licences of an environment, of wheels or of METADATA files."
    )
    parser.add_argument("path", nargs="?", default="", help="environment, folder or file; else this environment")
    parser.add_argument("--extra", default="", help="one more environment, folder or file")
    parser.add_argument("--policy", default="", help="policy file; else license_policy.toml beside this file")
    parser.add_argument("--out", default="", help="folder for licenses.md and licenses.json")
    options = vars(parser.parse_args())
    try:
        summary = asyncio.run(audit(AuditStart(**options)))
    except AuditError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{summary.verdict}: {headline(summary)}")
    if summary.report:
        print(f"report: {summary.report}")
    return 1 if summary.verdict == "refused" else 0


if __name__ == "__main__":
    raise SystemExit(main())
