"""SPDX licence expressions: what ``MIT OR (Apache-2.0 WITH LLVM-exception AND BSD-2-Clause)`` asks for."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

MAX_LENGTH = 500


class Verdict(IntEnum):
    """What a policy says about a licence, from good to bad."""

    ALLOW = 0
    REVIEW = 1
    DENY = 2


@dataclass(frozen=True, slots=True)
class Term:
    """One licence, perhaps with an exception that grants more."""

    license: str
    exception: str = ""

    def __str__(self) -> str:
        return f"{self.license} WITH {self.exception}" if self.exception else self.license


@dataclass(frozen=True, slots=True)
class Either:
    """The user chooses one of the options: OR."""

    options: "tuple[Expression, ...]"


@dataclass(frozen=True, slots=True)
class Every:
    """All the parts hold at once: AND."""

    parts: "tuple[Expression, ...]"


Expression = Term | Either | Every


def canonical(text: str) -> str:
    """The expression as SPDX spells it, or an empty text when it is none.

    >>> canonical("mit or apache-2.0"), canonical("see LICENSE")
    ('MIT OR Apache-2.0', '')
    """
    if len(text) > MAX_LENGTH:
        return ""
    try:
        return str(canonicalize_license_expression(text))
    except (InvalidLicenseExpression, RecursionError, MemoryError):
        return ""


def parse(text: str) -> Expression:
    """The expression as a tree; ``text`` comes from ``canonical``. AND binds closer than OR.

    >>> [str(option) for option in parse("MIT OR GPL-2.0-only WITH Classpath-exception-2.0").options]
    ['MIT', 'GPL-2.0-only WITH Classpath-exception-2.0']
    """
    tokens = text.replace("(", "( ").replace(")", " )").split()[::-1]
    return _either(tokens)


def verdict(expression: Expression, of_term: Callable[[Term], Verdict]) -> Verdict:
    """The verdict on the whole: the best of what may be chosen, the worst of what holds together."""
    if isinstance(expression, Either):
        return min(verdict(option, of_term) for option in expression.options)
    if isinstance(expression, Every):
        return max(verdict(part, of_term) for part in expression.parts)
    return of_term(expression)


def _either(tokens: list[str]) -> Expression:
    options = [_every(tokens)]
    while tokens and tokens[-1] == "OR":
        tokens.pop()
        options.append(_every(tokens))
    return options[0] if len(options) == 1 else Either(tuple(options))


def _every(tokens: list[str]) -> Expression:
    parts = [_term(tokens)]
    while tokens and tokens[-1] == "AND":
        tokens.pop()
        parts.append(_term(tokens))
    return parts[0] if len(parts) == 1 else Every(tuple(parts))


def _term(tokens: list[str]) -> Expression:
    token = tokens.pop()
    if token == "(":
        inner = _either(tokens)
        tokens.pop()
        return inner
    if tokens and tokens[-1] == "WITH":
        tokens.pop()
        return Term(token, tokens.pop())
    return Term(token)
