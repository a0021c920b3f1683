"""The file that a command writes: format, folder, and what may be overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest

from wftrace.cli.errors import CommandError
from wftrace.cli.output import check_output, picture_format


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.svg", "svg"),
        ("a.SVG", "svg"),
        ("a.png", "png"),
        ("a.pdf", "pdf"),
        ("a.dot", "dot"),
        ("a.gv", "dot"),
        ("a.mmd", "mermaid"),
        ("a.mermaid", "mermaid"),
        ("a.txt", "ascii"),
        ("a.json", "json"),
        ("a.html", "html"),
    ],
)
def test_suffix_names_the_format(name: str, form: str) -> None:
    """Each suffix stands for one format."""
    assert picture_format(Path(name), None) == form


def test_the_option_beats_the_suffix() -> None:
    """-f is taken whatever the file is called."""
    assert picture_format(Path("a.svg"), "dot") == "dot"


def test_a_pipe_gets_dot() -> None:
    """Without a file and without a terminal the format is DOT."""
    assert picture_format(None, None) == "dot"


@pytest.mark.parametrize(("name", "cure"), [("a.svgg", "a.svg"), ("a.jpeg", "-f FORMAT"), ("a", "a.svg")])
def test_an_unknown_suffix_is_refused(name: str, cure: str) -> None:
    """A suffix that names no format is answered with the known ones and a likely name."""
    with pytest.raises(CommandError) as caught:
        picture_format(Path(name), None)
    assert caught.value.exit_code == 2
    assert cure in caught.value.cure
    assert ".mermaid" in caught.value.details[0]


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    """A file in a folder that is not there is refused before anything is computed."""
    with pytest.raises(CommandError, match="there is no folder") as caught:
        check_output(tmp_path / "gone" / "a.svg")
    assert caught.value.cure.startswith("mkdir -p")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """A folder in the place of a file is refused."""
    with pytest.raises(CommandError, match="is a folder"):
        check_output(tmp_path)


def test_a_foreign_file_is_kept(tmp_path: Path) -> None:
    """A file that wftrace did not write is overwritten only by force."""
    path = tmp_path / "mine.svg"
    path.write_text("<svg>the user drew this</svg>")
    with pytest.raises(CommandError) as caught:
        check_output(path)
    assert (caught.value.exit_code, caught.value.cure) == (2, "--force")
    check_output(path, force=True)


def test_our_own_file_is_overwritten(tmp_path: Path) -> None:
    """A text that wftrace wrote may be written again, and so may an empty file."""
    path = tmp_path / "ours.svg"
    path.write_text("<svg><!-- drawn by wftrace --></svg>")
    check_output(path)
    path.write_text("")
    check_output(path)


@pytest.mark.parametrize("name", ["a.png", "a.pdf"])
def test_an_existing_binary_needs_force(tmp_path: Path, name: str) -> None:
    """The bytes of a PNG or PDF do not say whose they are, so it is always kept."""
    path = tmp_path / name
    path.write_bytes(b"wftrace")
    with pytest.raises(CommandError):
        check_output(path)
    check_output(path, force=True)
