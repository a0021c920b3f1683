"""Where distributions are found and how one is read: site-packages, wheels, dist-info folders and METADATA files."""

import re
import sysconfig
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.metadata import RawMetadata, parse_email

from .texts import recognize

Folder = Path | zipfile.Path

METADATA_NAMES = ("METADATA", "PKG-INFO")
INFO_SUFFIXES = (".dist-info", ".egg-info")
LICENSE_NAME = re.compile(r"(licen[sc]e|copying|unlicense)", re.IGNORECASE)
MAX_METADATA_BYTES = 4_000_000
MAX_LICENSE_BYTES = 250_000
MAX_LICENSE_FILES = 200


class AuditError(Exception):
    """The audit was asked for something that it cannot do. The message says what to do instead."""


class UnreadableEntryError(Exception):
    """An entry that looks like a distribution could not be read, this time."""

    def __init__(self, entry: Path, reason: str) -> None:
        super().__init__(f"{entry.name}: {reason}")
        self.reason = plain_text(reason)


@dataclass(frozen=True, slots=True)
class LicenseFile:
    """A licence file of a distribution, and the SPDX ids of the licences whose text it holds.

    ``bundled`` files lie deeper and speak of code that was copied in, not of the distribution itself.
    """

    path: str
    licenses: tuple[str, ...]
    bundled: bool = False


@dataclass(frozen=True, slots=True)
class Distribution:
    """What one distribution says about its licence, as it is written there."""

    name: str
    version: str
    source: str
    expression: str = ""
    license_field: str = ""
    classifiers: tuple[str, ...] = ()
    files: tuple[LicenseFile, ...] = ()


def this_environment() -> list[Path]:
    """The folders into which this Python installs distributions."""
    paths = sysconfig.get_paths()
    folders = dict.fromkeys(Path(paths[kind]) for kind in ("purelib", "platlib"))
    return [folder for folder in folders if folder.is_dir()]


def find_entries(path: Path) -> list[Path]:
    """Everything at ``path`` that looks like a distribution, sorted by name.

    ``path`` is an environment, a site-packages folder, a folder of wheels, of dist-info folders or of METADATA files,
    or one of these entries itself. Raises ``AuditError`` when nothing is there.
    """
    if not path.exists():
        raise AuditError(f"{path} does not exist; name an environment, a folder of wheels or a METADATA file")
    if path.suffix in INFO_SUFFIXES or (path.is_file() and _is_entry(path)):
        return [path]
    if not path.is_dir():
        raise AuditError(f"{path} is neither a wheel (*.whl) nor a METADATA file nor a folder of them")
    try:
        entries = [entry for folder in _folders_in(path) for entry in sorted(folder.iterdir()) if _is_entry(entry)]
    except OSError as error:
        raise AuditError(f"{path} cannot be listed ({error.strerror}); check its permissions") from error
    if not entries:
        raise AuditError(f"no distribution in {path}: it holds no *.whl, *.dist-info, *.egg-info and no METADATA file")
    return entries


def read_distribution(entry: Path) -> Distribution:
    """Read one entry that ``find_entries`` found. Raises ``UnreadableEntryError``."""
    try:
        if entry.suffix == ".whl":
            with zipfile.ZipFile(entry) as wheel:
                return _read_folder(_info_folder(entry, wheel), entry)
        if entry.is_dir():
            return _read_folder(entry, entry)
        return _distribution(entry, _read(entry, MAX_METADATA_BYTES), ())
    except OSError as error:
        raise UnreadableEntryError(entry, error.strerror or str(error)) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise UnreadableEntryError(entry, f"not a wheel that can be unpacked ({error})") from error


def plain_text(text: str, limit: int = 120) -> str:
    """One short printable line of text that came from outside.

    >>> plain_text("a  b\\n\\x1b[31mc")
    'a b [31mc'
    """
    printable = "".join(char if char.isprintable() else " " for char in text[: limit * 4])
    line = " ".join(printable.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _folders_in(path: Path) -> list[Path]:
    """The site-packages of an environment, or the folder itself."""
    packages = sorted([*path.glob("lib/python*/site-packages"), *path.glob("Lib/site-packages")])
    return packages or [path]


def _is_entry(path: Path) -> bool:
    if path.suffix in (".whl", ".metadata", *INFO_SUFFIXES) or path.name in METADATA_NAMES:
        return True
    try:
        return path.is_dir() and any((path / name).is_file() for name in METADATA_NAMES)
    except OSError:
        return False


def _info_folder(entry: Path, wheel: zipfile.ZipFile) -> zipfile.Path:
    folders = [folder for folder in zipfile.Path(wheel).iterdir() if folder.name.endswith(".dist-info")]
    if not folders:
        raise UnreadableEntryError(entry, "a wheel without a .dist-info folder")
    return folders[0]


def _read_folder(folder: Folder, entry: Path) -> Distribution:
    present = [folder / name for name in METADATA_NAMES if (folder / name).exists()]
    if not present:
        raise UnreadableEntryError(entry, "it holds no METADATA and no PKG-INFO")
    files = tuple(_license_files(folder))
    return _distribution(entry, _read(present[0], MAX_METADATA_BYTES), files)


def _distribution(entry: Path, data: bytes, files: tuple[LicenseFile, ...]) -> Distribution:
    raw, unparsed = parse_email(data)
    if not (raw.keys() - {"description"}):
        raise UnreadableEntryError(entry, "its METADATA has no field that can be read")
    name, version = _name_and_version(entry, raw)
    return Distribution(
        name=name,
        version=version,
        source=entry.name,
        expression=raw.get("license_expression", "").strip(),
        license_field=raw.get("license", "").strip() or _last(unparsed.get("license", [])),
        classifiers=tuple(line for line in raw.get("classifiers", []) if line.startswith("License ::")),
        files=files,
    )


def _name_and_version(entry: Path, raw: RawMetadata) -> tuple[str, str]:
    """From the fields, and where they are missing or damaged from the name of the entry."""
    parts = entry.stem.split("-")
    name = raw.get("name", "") or parts[0]
    version = raw.get("version", "") or (parts[1] if len(parts) > 1 else "?")
    return plain_text(name), plain_text(version, limit=40)


def _last(values: list[str]) -> str:
    return str(values[-1]).strip() if values else ""


def _license_files(folder: Folder) -> Iterator[LicenseFile]:
    licenses = folder / "licenses"
    found = list(_walk(licenses, depth=0)) if licenses.is_dir() else []
    loose = [(file, 0) for file in _children(folder) if file.is_file()]
    for file, depth in [*found, *loose][:MAX_LICENSE_FILES]:
        if LICENSE_NAME.search(file.name):
            text = _read(file, MAX_LICENSE_BYTES).decode("utf-8", "replace")
            yield LicenseFile(plain_text(file.name), recognize(text), bundled=depth > 0)


def _walk(folder: Folder, depth: int) -> Iterator[tuple[Folder, int]]:
    for child in _children(folder):
        if child.is_dir():
            if depth < 20:
                yield from _walk(child, depth + 1)
        else:
            yield child, depth


def _children(folder: Folder) -> list[Folder]:
    return sorted(folder.iterdir(), key=lambda child: child.name)


def _read(file: Folder, limit: int) -> bytes:
    with file.open("rb") as stream:
        data = stream.read(limit)
    return data if isinstance(data, bytes) else data.encode()
