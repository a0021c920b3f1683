"""What the audit found, counted, and written down as Markdown and JSON."""

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from .classify import License
from .expression import Verdict
from .policy import Policy
from .sources import AuditError

FORMAT = "license-audit@1"


class Status(StrEnum):
    """What the policy makes of one distribution, from bad to good."""

    DENY = "deny"
    UNREADABLE = "unreadable"
    REVIEW = "review"
    EXCEPTED = "excepted"
    ALLOW = "allow"


FLAGGED = (Status.DENY, Status.UNREADABLE, Status.REVIEW)
"""What a human has to look at."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One distribution, its licence, and what the policy says about it."""

    name: str
    version: str
    source: str
    status: Status
    license: str = ""
    evidence: str = ""
    reason: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """The result of an audit. ``verdict`` is clean, approved or refused; ``report`` is the file, if one was written."""

    verdict: str
    distributions: int
    allowed: int
    excepted: int
    review: int
    denied: int
    unreadable: int
    answer: str = ""
    report: str = ""


def judge(name: str, version: str, source: str, license: License, policy: Policy) -> Finding:
    """The finding for a distribution whose licence was looked for."""
    status, reason = _ruling(name, license.expression, policy)
    return Finding(name, version, source, status, license.expression, license.evidence, reason, license.notes)


def flagged(findings: Iterable[Finding]) -> list[Finding]:
    """The findings that a human has to look at, the worst first."""
    return [finding for finding in in_order(findings) if finding.status in FLAGGED]


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """The findings, the worst first, then by name."""
    ranks = {status: rank for rank, status in enumerate(Status)}
    return sorted(findings, key=lambda finding: (ranks[finding.status], finding.name.lower(), finding.version))


def duplicates(findings: Iterable[Finding]) -> list[str]:
    """The names that were found more than once."""
    counts = Counter(re.sub(r"[-_.]+", "-", finding.name).lower() for finding in findings)
    return sorted(name for name, count in counts.items() if count > 1)


def summarize(findings: Sequence[Finding], *, approved: bool, answer: str = "", report: str = "") -> Summary:
    """Count the findings and say how the audit ended."""
    counts = Counter(finding.status for finding in findings)
    verdict = "clean" if not flagged(findings) else "approved" if approved else "refused"
    return Summary(
        verdict=verdict,
        distributions=len(findings),
        allowed=counts[Status.ALLOW],
        excepted=counts[Status.EXCEPTED],
        review=counts[Status.REVIEW],
        denied=counts[Status.DENY],
        unreadable=counts[Status.UNREADABLE],
        answer=answer,
        report=report,
    )


def write_report(folder: Path, findings: Sequence[Finding], summary: Summary) -> None:
    """Write ``licenses.md`` and ``licenses.json``, each whole or not at all. Raises ``AuditError``."""
    document = {
        "format": FORMAT,
        "summary": asdict(summary),
        "duplicates": duplicates(findings),
        "findings": [asdict(finding) for finding in in_order(findings)],
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / "licenses.json", json.dumps(document, indent=2, ensure_ascii=False) + "\n")
        _write(folder / "licenses.md", to_markdown(findings, summary))
    except OSError as error:
        raise AuditError(f"the report cannot be written to {folder} ({error.strerror}); name another folder") from error


def to_markdown(findings: Sequence[Finding], summary: Summary) -> str:
    """The report for people."""
    lines = [f"# Licence audit: {summary.verdict}", "", headline(summary), ""]
    if summary.answer:
        lines += [f"Answer to the question for approval: {_cell(summary.answer)}", ""]
    twice = duplicates(findings)
    if twice:
        lines += [f"Found more than once: {', '.join(map(_cell, twice))}.", ""]
    lines += ["| status | distribution | version | licence | read from | remarks |", "|---|---|---|---|---|---|"]
    for finding in in_order(findings):
        remarks = "; ".join(text for text in (finding.reason, *finding.notes) if text)
        cells = (finding.status, finding.name, finding.version, finding.license or "–", finding.evidence, remarks)
        lines.append(f"| {' | '.join(_cell(text) for text in cells)} |")
    return "\n".join(lines) + "\n"


def headline(summary: Summary) -> str:
    """The counts as one sentence."""
    return (
        f"{summary.distributions} distributions: {summary.allowed} allowed, {summary.excepted} by exception, "
        f"{summary.review} to review, {summary.denied} denied, {summary.unreadable} unreadable."
    )


def _ruling(name: str, expression: str, policy: Policy) -> tuple[Status, str]:
    if not expression:
        return Status.REVIEW, "it is not clear which licence it has; ask its authors or look at its source"
    verdict = policy.verdict(expression)
    if verdict is Verdict.ALLOW:
        return Status.ALLOW, ""
    waiver = policy.waiver(name, expression)
    if waiver:
        return Status.EXCEPTED, f"exception: {waiver.reason}"
    if verdict is Verdict.DENY:
        return Status.DENY, "the policy denies this licence"
    return Status.REVIEW, "the policy asks for a review of this licence"


def _cell(text: str) -> str:
    """Text from outside in a table cell: it stays text."""
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace("\n", " ")
    return re.sub(r"([\\`*_\[\]|])", r"\\\1", plain)


def _write(file: Path, text: str) -> None:
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8", errors="replace")
    draft.replace(file)
