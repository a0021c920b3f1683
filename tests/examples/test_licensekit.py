"""The parts of the licence audit: finding, reading, naming, judging, writing down."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from licensekit.classify import classify, named
from licensekit.expression import Either, Every, Term, Verdict, canonical, parse, verdict
from licensekit.policy import Policy, load_policy
from licensekit.report import Finding, Status, duplicates, judge, summarize, to_markdown, write_report
from licensekit.sources import (
    AuditError,
    Distribution,
    LicenseFile,
    UnreadableEntryError,
    find_entries,
    read_distribution,
    this_environment,
)
from licensekit.texts import recognize

MIT_TEXT = (
    "Permission is hereby granted, free of charge, to any person obtaining a copy of this software ... The above\n"
    "copyright notice and this permission notice shall be included in all copies or substantial portions ..."
)
BSD_3_TEXT = (
    "Redistribution and use in source and binary forms, with or without modification, are permitted ...\n"
    "* Neither the name of the copyright holder nor the names of its contributors may be used ..."
)
GPL_3_NOTICE = (
    "you can redistribute it and/or modify it under the terms of the GNU General Public License as published by the\n"
    "Free Software Foundation, either version 3 of the License, or (at your option) any later version."
)


def distribution(
    expression: str = "", field: str = "", classifiers: tuple[str, ...] = (), files: tuple[LicenseFile, ...] = ()
) -> Distribution:
    """A distribution that says this about its licence."""
    return Distribution("thing", "1.0", "thing-1.0.dist-info", expression, field, classifiers, files)


def write_info(folder: Path, name: str, metadata: bytes | str, **files: str) -> Path:
    """Write a dist-info folder with METADATA and licence files."""
    info = folder / f"{name}-1.0.dist-info"
    (info / "licenses").mkdir(parents=True)
    (info / "METADATA").write_bytes(metadata if isinstance(metadata, bytes) else metadata.encode())
    for file, text in files.items():
        (info / "licenses" / file).write_text(text)
    return info


@pytest.mark.parametrize(
    ("said", "expression", "evidence"),
    [
        (distribution(expression="mit or apache-2.0"), "MIT OR Apache-2.0", "License-Expression"),
        (distribution(field="Apache-2.0 WITH LLVM-exception"), "Apache-2.0 WITH LLVM-exception", "License field"),
        (distribution(field="Apache License, Version 2.0"), "Apache-2.0", "License field"),
        (distribution(field="BSD 3-Clause License"), "BSD-3-Clause", "License field"),
        (distribution(field=MIT_TEXT), "MIT", "License field"),
        (
            distribution(classifiers=("License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)",)),
            "LGPL-3.0-only",
            "classifier",
        ),
        (
            distribution(classifiers=("License :: OSI Approved", "License :: OSI Approved :: MIT License")),
            "MIT",
            "classifier",
        ),
        (distribution(field="UNKNOWN", files=(LicenseFile("LICENSE", ("ISC",)),)), "ISC", "licence file"),
        (distribution(), "", "nothing found"),
    ],
)
def test_the_first_source_that_says_something_names_the_licence(
    said: Distribution, expression: str, evidence: str
) -> None:
    """License-Expression goes before the License field, before classifiers, before licence files."""
    found = classify(said)
    assert (found.expression, found.evidence) == (expression, evidence)


def test_an_invalid_expression_is_passed_over_with_a_note() -> None:
    """What is no SPDX expression is reported, and the next source is asked."""
    found = classify(distribution(expression="Use-it-after-midnight", field="MIT"))
    assert (found.expression, found.evidence) == ("MIT", "License field")
    assert found.notes == ("its License-Expression 'Use-it-after-midnight' is not SPDX",)


def test_a_family_name_is_made_exact_by_the_licence_file() -> None:
    """``BSD`` alone says too little; together with the text it is BSD-3-Clause."""
    classifiers = ("License :: OSI Approved :: BSD License",)
    assert classify(distribution(classifiers=classifiers)).expression == ""
    files = (LicenseFile("LICENSE", ("BSD-3-Clause",)),)
    assert classify(distribution(classifiers=classifiers, files=files)).expression == "BSD-3-Clause"


def test_two_classifiers_count_together() -> None:
    """Where it is not said that one may choose, both licences are asked for."""
    lines = (
        "License :: OSI Approved :: MIT License",
        "License :: OSI Approved :: GNU General Public License v3 (GPLv3)",
    )
    assert classify(distribution(classifiers=lines)).expression == "MIT AND GPL-3.0-only"


def test_bundled_licences_are_a_remark() -> None:
    """Licences of copied-in code are named, and do not change the distribution's own."""
    files = (LicenseFile("LICENSE", ("MIT",)), LicenseFile("LICENSE", ("MPL-2.0",), bundled=True))
    found = classify(distribution(expression="MIT", files=files))
    assert (found.expression, found.notes) == ("MIT", ("bundles code under MPL-2.0",))


@pytest.mark.parametrize(
    ("text", "licenses"),
    [
        (MIT_TEXT, ("MIT",)),
        (BSD_3_TEXT, ("BSD-3-Clause",)),
        (BSD_3_TEXT.partition("*")[0], ("BSD-2-Clause",)),
        (GPL_3_NOTICE, ("GPL-3.0-or-later",)),
        ("GNU GENERAL PUBLIC LICENSE\n  Version 2, June 1991", ("GPL-2.0-only",)),
        ("GNU LESSER GENERAL PUBLIC LICENSE\n  Version 2.1, February 1999", ("LGPL-2.1-only",)),
        ("GNU AFFERO GENERAL PUBLIC LICENSE\n  Version 3, 19 November 2007", ("AGPL-3.0-only",)),
        ("Apache License\n Version 2.0, January 2004", ("Apache-2.0",)),
        ("Mozilla Public License Version 2.0\n======", ("MPL-2.0",)),
        ("Eclipse Public License - v 2.0", ("EPL-2.0",)),
        ("This is free and unencumbered software released into the public domain.", ("Unlicense",)),
        ("CC0 1.0 Universal", ("CC0-1.0",)),
        ("PSF LICENSE AGREEMENT FOR PYTHON 3", ("PSF-2.0",)),
        (MIT_TEXT + "\n\n" + BSD_3_TEXT, ("MIT", "BSD-3-Clause")),
        ("Ask the author.", ()),
    ],
)
def test_a_text_shows_its_licences(text: str, licenses: tuple[str, ...]) -> None:
    """Characteristic phrases tell which licences a text holds, whatever its line breaks and punctuation."""
    assert recognize(text) == licenses


@pytest.mark.parametrize(
    ("written", "license_id"),
    [
        ("GPLv3+", "GPL-3.0-or-later"),
        ("GNU General Public License v2 or later (GPLv2+)", "GPL-2.0-or-later"),
        ("The MIT License (MIT)", "MIT"),
        ("Mozilla Public License 2.0 (MPL 2.0)", "MPL-2.0"),
        ("ISC License (ISCL)", "ISC"),
        ("Other/Proprietary License", "LicenseRef-Proprietary"),
        ("Dual License", ""),
    ],
)
def test_common_spellings_are_known(written: str, license_id: str) -> None:
    """Order, case, filler words and zeros do not count; what is not known stays unknown."""
    assert named(written) == license_id


def test_and_binds_closer_than_or() -> None:
    """The tree follows SPDX's precedence, and brackets."""
    assert parse("MIT OR ISC AND Zlib") == Either((Term("MIT"), Every((Term("ISC"), Term("Zlib")))))
    assert parse("(MIT OR ISC) AND Zlib") == Every((Either((Term("MIT"), Term("ISC"))), Term("Zlib")))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("MIT", Verdict.ALLOW),
        ("MIT OR GPL-3.0-only", Verdict.ALLOW),
        ("MIT AND GPL-3.0-only", Verdict.DENY),
        ("(MIT OR GPL-3.0-only) AND MPL-2.0", Verdict.REVIEW),
        ("MIT OR GPL-3.0-only AND MPL-2.0", Verdict.ALLOW),
        ("Apache-2.0 WITH LLVM-exception", Verdict.ALLOW),
        ("GPL-2.0-only WITH Classpath-exception-2.0", Verdict.REVIEW),
        ("GPL-2.0-only WITH Bison-exception-2.2", Verdict.DENY),
        ("LGPL-3.0-only", Verdict.REVIEW),
        ("Zlib", Verdict.REVIEW),
    ],
)
def test_an_expression_is_judged_by_its_meaning(expression: str, expected: Verdict) -> None:
    """OR takes the best, AND the worst; an exception that is not listed itself counts as its licence."""
    policy = Policy(
        version=1,
        allow=("MIT", "Apache-2.0"),
        review=("MPL-*", "LGPL-*", "GPL-2.0-only WITH Classpath-exception-2.0"),
        deny=("GPL-*",),
    )
    assert policy.verdict(expression) is expected


def test_a_hostile_expression_is_none() -> None:
    """Very long expressions are refused, and so nothing gets too deep to be parsed."""
    assert canonical("(" * 300 + "MIT" + ")" * 300) == ""
    assert parse(canonical("(" * 190 + "MIT" + ")" * 190)) == Term("MIT")


def test_the_verdict_of_a_lone_term_is_asked_once() -> None:
    """A single licence is looked up as it stands."""
    asked: list[Term] = []

    def review(term: Term) -> Verdict:
        asked.append(term)
        return Verdict.REVIEW

    assert verdict(Term("MIT"), review) is Verdict.REVIEW
    assert asked == [Term("MIT")]


def test_an_exception_lapses_when_the_licence_changes() -> None:
    """A waiver is for one distribution under one licence; the name's spelling does not count."""
    waivers = {"Some_Thing": {"license": "MPL-2.0", "reason": "unchanged data"}}
    policy = Policy.model_validate({"version": 1, "review": ["MPL-*"], "deny": ["GPL-*"], "exceptions": waivers})
    assert policy.waiver("some-thing", "MPL-2.0") is not None
    assert policy.waiver("some-thing", "GPL-3.0-only") is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("allow = [", "is not TOML"),
        ("allow = ['MIT']", "version: Field required"),
        ("version = 1\nallow = ['Mitt']", "'Mitt' is no SPDX licence"),
        ("version = 1\nalow = ['MIT']", "alow: Extra inputs are not permitted"),
        ("version = 1\nallow = ['MIT']\ndeny = ['mit']", "MIT is listed twice"),
        ("version = 1\n[exceptions.a]\nlicense = 'MIT'\nreason = ''", "exceptions.a.reason"),
    ],
)
def test_a_broken_policy_says_what_is_wrong(text: str, complaint: str, tmp_path: Path) -> None:
    """The message names the file and the mistake."""
    file = tmp_path / "policy.toml"
    file.write_text(text)
    with pytest.raises(AuditError, match=str(file)) as caught:
        load_policy(file)
    assert complaint in str(caught.value)


def test_the_policy_of_the_examples_is_sound(repository: Path) -> None:
    """The file that is there to be copied can be read."""
    policy = load_policy(repository / "examples" / "license_policy.toml")
    assert policy.verdict("MIT") is Verdict.ALLOW
    assert policy.verdict("GPL-3.0-or-later") is Verdict.DENY


def test_a_wheel_reads_like_a_folder(tmp_path: Path) -> None:
    """Metadata and licence files come out of the zip; deeper licence files count as bundled."""
    wheel = tmp_path / "thing-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("thing/__init__.py", "")
        archive.writestr("thing-1.0.dist-info/METADATA", "Metadata-Version: 2.4\nName: thing\nVersion: 1.0\n")
        archive.writestr("thing-1.0.dist-info/licenses/LICENSE", MIT_TEXT)
        archive.writestr("thing-1.0.dist-info/licenses/vendor/COPYING", BSD_3_TEXT)
    read = read_distribution(wheel)
    assert (read.name, read.version) == ("thing", "1.0")
    assert read.files == (
        LicenseFile("LICENSE", ("MIT",)),
        LicenseFile("COPYING", ("BSD-3-Clause",), bundled=True),
    )


@pytest.mark.parametrize(
    ("metadata", "name", "version", "license_field"),
    [
        (b"Metadata-Version: 2.1\nName: caf\xe9\nVersion: 2\nLicense: MIT\n", "café", "2", "MIT"),
        (b"Metadata-Version: 2.1\nLicense: MIT\n", "thing", "1.0", "MIT"),
        (b"Metadata-Version: 2.1\nName: a\nVersion: 1\nLicense: MIT\nLicense: ISC\n", "a", "1", "ISC"),
        (b"Metadata-Version: 2.1\nName: a\x1b[31m\x00b\nVersion: 1\nLicense: MIT\n\n\xff\xfe", "a [31m b", "1", "MIT"),
    ],
)
def test_damaged_metadata_gives_what_can_be_read(
    metadata: bytes, name: str, version: str, license_field: str, tmp_path: Path
) -> None:
    """Wrong encodings, missing and doubled fields and control characters do not stop the reader."""
    read = read_distribution(write_info(tmp_path, "thing", metadata))
    assert read.version == version
    assert read.license_field == license_field
    assert read.name in (name, "thing")


@pytest.mark.parametrize("metadata", [b"", b"\x89PNG\r\n\x1a\n\x00\x00", "just prose\n".encode("utf-16")])
def test_what_is_no_metadata_is_unreadable(metadata: bytes, tmp_path: Path) -> None:
    """Without a single field there is nothing to go by."""
    with pytest.raises(UnreadableEntryError, match="no field that can be read"):
        read_distribution(write_info(tmp_path, "thing", metadata))


def test_a_folder_in_the_place_of_metadata_is_unreadable(tmp_path: Path) -> None:
    """The reason is the system's own, and the entry is named."""
    (tmp_path / "thing-1.0.dist-info" / "METADATA").mkdir(parents=True)
    with pytest.raises(UnreadableEntryError, match=r"thing-1\.0\.dist-info: Is a directory"):
        read_distribution(tmp_path / "thing-1.0.dist-info")


@pytest.mark.parametrize("content", [b"PK\x03\x04 cut off", b""])
def test_a_broken_wheel_is_unreadable(content: bytes, tmp_path: Path) -> None:
    """A wheel that was not downloaded to its end is said to be none."""
    wheel = tmp_path / "thing-1.0-py3-none-any.whl"
    wheel.write_bytes(content)
    with pytest.raises(UnreadableEntryError, match="not a wheel that can be unpacked"):
        read_distribution(wheel)


def test_every_kind_of_entry_is_found_in_a_folder(tmp_path: Path) -> None:
    """Wheels, dist-info, egg-info, METADATA files and folders with one; nothing else."""
    write_info(tmp_path, "a", "Name: a\n")
    (tmp_path / "b-1.0-py3-none-any.whl").touch()
    (tmp_path / "c.egg-info").touch()
    (tmp_path / "d-1.0.metadata").touch()
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "PKG-INFO").touch()
    (tmp_path / "METADATA").touch()
    (tmp_path / "README.md").touch()
    (tmp_path / "package").mkdir()
    names = {entry.name for entry in find_entries(tmp_path)}
    assert names == {"METADATA", "a-1.0.dist-info", "b-1.0-py3-none-any.whl", "c.egg-info", "d-1.0.metadata", "e"}


def test_an_environment_stands_for_its_site_packages(tmp_path: Path) -> None:
    """The root of an environment is looked into where it keeps its distributions."""
    info = write_info(tmp_path / "lib" / "python3.11" / "site-packages", "a", "Name: a\n")
    assert find_entries(tmp_path) == [info]


@pytest.mark.parametrize(("place", "complaint"), [("missing", "does not exist"), (".", "no distribution in")])
def test_nothing_to_audit_is_said(place: str, complaint: str, tmp_path: Path) -> None:
    """A missing path and an empty folder are errors that name the path."""
    with pytest.raises(AuditError, match=complaint) as caught:
        find_entries(tmp_path / place)
    assert str(tmp_path) in str(caught.value)


def test_everything_installed_here_can_be_read() -> None:
    """The reader knows all that real distributions do; among them is pydantic under MIT."""
    entries = [entry for folder in this_environment() for entry in find_entries(folder)]
    licenses = {read.name: classify(read).expression for read in map(read_distribution, entries)}
    assert licenses["pydantic"] == "MIT"
    assert len(licenses) > 10


def test_a_distribution_found_twice_is_named(tmp_path: Path) -> None:
    """Spellings of one name are one name."""
    findings = [Finding(name, "1", "x", Status.ALLOW) for name in ("Some_Thing", "some-thing", "other")]
    assert duplicates(findings) == ["some-thing"]


def test_texts_from_outside_stay_text_in_the_report() -> None:
    """A name cannot break out of its cell or become markup."""
    finding = Finding("a|b<script>*x*`", "1", "x", Status.DENY, "GPL-3.0-only", "License field", "no")
    text = to_markdown([finding], summarize([finding], approved=False))
    assert r"a\|b&lt;script>\*x\*\`" in text
    assert "<script>" not in text


def test_the_written_report_can_be_read_back(tmp_path: Path) -> None:
    """The JSON carries its format, the summary and every finding, the worst first; no draft is left."""
    policy = Policy(version=1, allow=("MIT",), deny=("GPL-*",))
    said = [distribution(expression="MIT"), distribution(expression="GPL-3.0-only")]
    findings = [judge(each.name, each.version, each.source, classify(each), policy) for each in said]
    write_report(tmp_path / "new" / "folder", findings, summarize(findings, approved=True))
    document = json.loads((tmp_path / "new" / "folder" / "licenses.json").read_text())
    assert document["format"] == "license-audit@1"
    assert document["summary"]["denied"] == 1
    assert [finding["status"] for finding in document["findings"]] == ["deny", "allow"]
    assert {file.name for file in (tmp_path / "new" / "folder").iterdir()} == {"licenses.json", "licenses.md"}
