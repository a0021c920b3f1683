"""The policy file: which licences are allowed, which a human must look at, which are refused."""

import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from packaging.utils import canonicalize_name
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from .expression import Term, Verdict, canonical, parse, verdict
from .sources import AuditError


class Waiver(BaseModel):
    """One distribution may have one licence that the lists do not allow, for a reason."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    license: str
    reason: str = Field(min_length=1)

    @field_validator("license")
    @classmethod
    def _spell(cls, text: str) -> str:
        return _known(text)


class Policy(BaseModel):
    """Lists of SPDX ids, ``*`` allowed at the end of one; ``unlisted`` is for a licence that is in no list."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1]
    allow: tuple[str, ...] = ()
    review: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    unlisted: Literal["allow", "review", "deny"] = "review"
    exceptions: dict[str, Waiver] = Field(default_factory=dict)

    @field_validator("allow", "review", "deny")
    @classmethod
    def _spell_all(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_known(text) for text in texts)

    @field_validator("exceptions")
    @classmethod
    def _spell_names(cls, waivers: dict[str, Waiver]) -> dict[str, Waiver]:
        return {canonicalize_name(name): waiver for name, waiver in waivers.items()}

    @model_validator(mode="after")
    def _one_list_each(self) -> "Policy":
        seen: set[str] = set()
        for text in (*self.allow, *self.review, *self.deny):
            if text in seen:
                raise ValueError(f"{text} is listed twice; keep it in one list")
            seen.add(text)
        return self

    def verdict(self, expression: str) -> Verdict:
        """What the lists say about a whole expression."""
        return verdict(parse(expression), self._of_term)

    def waiver(self, distribution: str, expression: str) -> Waiver | None:
        """The exception for this distribution, as long as it still has the licence that the exception is for."""
        waiver = self.exceptions.get(canonicalize_name(distribution))
        return waiver if waiver and waiver.license == expression else None

    def _of_term(self, term: Term) -> Verdict:
        lists = {Verdict.DENY: self.deny, Verdict.REVIEW: self.review, Verdict.ALLOW: self.allow}
        for name in dict.fromkeys((str(term), term.license)):
            for exact in (True, False):
                for result, entries in lists.items():
                    if any(name == entry if exact else fnmatchcase(name, entry) for entry in entries):
                        return result
        return Verdict[self.unlisted.upper()]


def load_policy(path: Path) -> Policy:
    """Read a policy file. Raises ``AuditError`` that says what is wrong with it and where."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise AuditError(f"the policy {path} cannot be read ({error.strerror}); name a TOML file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AuditError(f"the policy {path} is not TOML: {error}") from error
    try:
        return Policy.model_validate(document)
    except ValidationError as error:
        problems = "; ".join(_problem(item["loc"], item["msg"]) for item in error.errors(include_url=False))
        raise AuditError(f"the policy {path} is broken: {problems}") from error


def _problem(place: tuple[int | str, ...], message: str) -> str:
    return ": ".join(part for part in (".".join(map(str, place)), message.removeprefix("Value error, ")) if part)


def _known(text: str) -> str:
    """A licence as SPDX spells it; patterns stay as they are."""
    if text.endswith("*"):
        return text
    spelled = canonical(text)
    if not spelled:
        raise ValueError(f"{text!r} is no SPDX licence; look it up at spdx.org/licenses, or end a pattern with *")
    return spelled
