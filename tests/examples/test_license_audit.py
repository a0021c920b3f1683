"""The licence audit as a flow: what it finds, what it asks, what it gives back."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from license_audit import ApprovalGiven, ApprovalRequested, LicenseAudit
from licensekit.sources import AuditError

from wftrace.engine.observers import AttemptEnded, AttemptStarted, Observer, observing


class Attempts(Observer):
    """Notes how every attempt of every step ended."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int, str]] = []
        self._steps: dict[str, str] = {}

    def attempt_started(self, fact: AttemptStarted) -> None:
        """Remember which step the execution belongs to."""
        self._steps[fact.execution] = fact.step

    def attempt_ended(self, fact: AttemptEnded) -> None:
        """Note step, attempt and outcome."""
        self.seen.append((self._steps[fact.execution], fact.attempt, fact.outcome))


def write_info(folder: Path, name: str, license_line: str) -> None:
    """Write a distribution that says this about its licence."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n{license_line}\n")


async def _audit(answer: ApprovalGiven | None, fields: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    handler = LicenseAudit(timeout=60).run(**fields)
    questions: list[str] = []
    async for event in handler.stream_events():
        if isinstance(event, ApprovalRequested):
            assert answer is not None, f"nobody expected to be asked: {event.prefix}"
            questions.append(event.prefix)
            handler.ctx.send_event(answer)
    return await handler, questions


def audit(answer: ApprovalGiven | None = None, **fields: str | Path) -> tuple[dict[str, Any], list[str]]:
    """Run the audit; give its result and the questions that it asked."""
    return asyncio.run(_audit(answer, {name: str(value) for name, value in fields.items()}))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for distributions."""
    made = tmp_path / "distributions"
    made.mkdir()
    return made


def test_a_clean_folder_asks_nobody(folder: Path) -> None:
    """When the policy allows everything, the audit ends without a question."""
    write_info(folder, "a", "License-Expression: MIT")
    write_info(folder, "b", "License-Expression: GPL-3.0-only OR ISC")
    result, questions = audit(path=folder)
    assert (result["verdict"], result["distributions"], result["allowed"]) == ("clean", 2, 2)
    assert questions == []


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (ApprovalGiven(approved=True), "approved"),
        (ApprovalGiven(approved=False), "refused"),
        (ApprovalGiven(response="Yes"), "approved"),
        (ApprovalGiven(response=True), "approved"),
        (ApprovalGiven(response="better not"), "refused"),
        (ApprovalGiven(response="yes", approved=False), "refused"),
        (ApprovalGiven(), "refused"),
    ],
)
def test_the_human_decides_about_what_is_flagged(answer: ApprovalGiven, verdict: str, folder: Path) -> None:
    """One question names everything that is flagged, the worst first; the answer is the verdict."""
    write_info(folder, "fine", "License-Expression: MIT")
    write_info(folder, "weak", "License-Expression: MPL-2.0")
    write_info(folder, "strong", "Classifier: License :: OSI Approved :: GNU Affero General Public License v3")
    write_info(folder, "silent", "Summary: says nothing")
    result, (question,) = audit(answer, path=folder)
    counts = {name: result[name] for name in ("verdict", "allowed", "review", "denied")}
    assert counts == {"verdict": verdict, "allowed": 1, "review": 2, "denied": 1}
    lines = [line.split()[:2] for line in question.splitlines()[1:-1]]
    assert lines == [["deny", "strong"], ["review", "silent"], ["review", "weak"]]


def test_an_exception_needs_no_human(folder: Path) -> None:
    """certifi may have MPL-2.0, because the policy gives a reason for it."""
    write_info(folder, "certifi", "License: MPL-2.0")
    result, questions = audit(path=folder)
    assert (result["verdict"], result["excepted"], questions) == ("clean", 1, [])


def test_what_cannot_be_read_is_tried_again_and_becomes_a_finding(folder: Path, repository: Path) -> None:
    """The broken entry fails twice, its third attempt gives up, the run completes."""
    write_info(folder, "fine", "License-Expression: MIT")
    attempts = Attempts()
    with observing(lambda: attempts):
        result, (question,) = audit(
            ApprovalGiven(approved=True), path=folder, extra=repository / "examples" / "unreadable"
        )
    assert (result["verdict"], result["distributions"], result["unreadable"]) == ("approved", 2, 1)
    assert "unreadable broken_entry-1.0.dist-info" in question
    reads = sorted((attempt, outcome) for step, attempt, outcome in attempts.seen if step == "read")
    assert reads == [(1, "completed"), (1, "retrying"), (2, "retrying"), (3, "completed")]


def test_a_file_that_becomes_readable_is_read(folder: Path) -> None:
    """A wheel that is still being written when the audit begins is read by a retry."""
    wheel = folder / "late-1.0-py3-none-any.whl"
    wheel.touch()

    class Downloader(Observer):
        """Completes the wheel as soon as the first attempt to read it has failed."""

        def attempt_ended(self, fact: AttemptEnded) -> None:
            """Write the whole file."""
            if fact.outcome == "retrying" and fact.attempt == 1:
                with zipfile.ZipFile(wheel, "w") as archive:
                    archive.writestr("late-1.0.dist-info/METADATA", "Name: late\nLicense-Expression: MIT\n")

    with observing(Downloader):
        result, _ = audit(path=folder)
    assert (result["verdict"], result["allowed"]) == ("clean", 1)


def test_the_report_is_written_where_it_is_wanted(folder: Path, tmp_path: Path) -> None:
    """Markdown and JSON, duplicates named, the human's answer kept."""
    write_info(folder, "twice", "License-Expression: EPL-2.0")
    with zipfile.ZipFile(folder / "Twice-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("Twice-1.0.dist-info/METADATA", "Name: Twice\nVersion: 1.0\nLicense-Expression: EPL-2.0\n")
    out = tmp_path / "out"
    result, _ = audit(ApprovalGiven(response="yes"), path=folder, out=out)
    document = json.loads((out / "licenses.json").read_text())
    assert result["report"] == str(out / "licenses.md")
    assert document["duplicates"] == ["twice"]
    assert (document["summary"]["answer"], len(document["findings"])) == ("yes", 2)
    assert (out / "licenses.md").read_text().startswith("# Licence audit: approved\n")


def test_two_hundred_distributions_join(folder: Path) -> None:
    """Every entry is read once and ends up in the result, whatever the order of the workers."""
    for number in range(200):
        write_info(folder, f"d{number}", "License-Expression: MIT")
    result, _ = audit(path=folder)
    assert (result["distributions"], result["allowed"]) == (200, 200)


def test_the_environment_of_the_tests_is_audited() -> None:
    """Without a path the audit looks at where it runs."""
    result, _ = audit(ApprovalGiven(approved=True))
    assert result["distributions"] > 10
    assert result["unreadable"] == 0
    counted = ("allowed", "excepted", "review", "denied", "unreadable")
    assert result["distributions"] == sum(result[name] for name in counted)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"path": "missing"}, "missing does not exist"),
        ({"path": "."}, "no distribution in"),
        ({"policy": "missing.toml"}, "missing.toml cannot be read"),
        ({"out": "file"}, "it is a file"),
    ],
)
def test_bad_input_ends_the_run_with_one_message(
    fields: dict[str, Any], complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is missing, empty or broken is named before anything is read."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(AuditError, match=complaint):
        audit(**fields)


def _script(repository: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(repository / "examples" / "license_audit.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)


def test_the_script_refuses_when_nobody_can_be_asked(folder: Path, repository: Path) -> None:
    """Without a terminal the answer is no, and the exit code says so."""
    write_info(folder, "weak", "License-Expression: MPL-2.0")
    done = _script(repository, folder)
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("refused: 1 distributions: 0 allowed, 0 by exception, 1 to review")
    assert "no (there is no terminal to ask on)" in done.stderr


def test_the_script_names_a_mistake_without_a_traceback(folder: Path, repository: Path) -> None:
    """A wrong path is one line on stderr and exit code 2."""
    done = _script(repository, folder / "missing")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        f"error: {folder}/missing does not exist; name an environment, a folder of wheels or a METADATA file"
    ]
