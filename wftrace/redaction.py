"""What a secret looks like: the names of keys that hold one, and the shapes of its text.

All patterns are bounded, so that the time they take grows with the length of the text and no faster. Each is tried only
where a word of it occurs, for most texts have none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

REDACTED = "[redacted]"

Redact = Callable[[str, Any], Any]
"""A user's own judgement: the path of a value and the value, to what may be shown of it."""

_WORDS = (
    r"password|passwd|pwd|passphrase|secrets?|token|api[_\-]?key|access[_\-]?key|private[_\-]?key|"
    r"authorization|auth|cookie|credentials?|session[_\-]?key"
)
_SECRET_KEY = re.compile(
    rf"(?:^|[_.\-\s])(?:{_WORDS})\d{{0,3}}(?=$|[_.\-\s])"
    r"(?![_.\-\s](?:counts?|type|limit|usage|length|policy|method)(?:$|[_.\-\s]))",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_HINTS = ("pass", "pwd", "secret", "token", "key", "auth", "cookie", "credential", "sig")
_WORD = (
    rf"(?:(?<![A-Za-z0-9])(?i:{_WORDS})"
    r"|(?<=[a-z0-9])(?:Password|Passwd|Passphrase|Secrets?|Token|ApiKey|AccessKey|PrivateKey|Authorization|Credentials?))"
)
_QUOTED = r"b?(?:\\{0,2}\"[^\"\n]{1,2048}(?:\"|$)|\\{0,2}'[^'\n]{1,2048}(?:'|$))"
_IN_QUERY = (
    r"(?P<keep>[?&;])(?i:(?:x-amz-|access_|refresh_|id_|auth_|client_|private_|api_?)?"
    r"(?:token|key|password|passwd|pwd|secret|sig|signature|credential))=[^\s&#;\"'<>]{1,2048}"
)
_ASSIGNED = (
    r"(?P<keep>(?<![A-Za-z0-9])(?i:password|passwd|pwd|api_?key|access_token|client_secret|secret_access_key)=)"
    r"(?![\"'])[^\s&#;,\"'<>()]{1,1024}"
)
_NAMED = (
    rf"(?P<keep>{_WORD}\d{{0,3}}(?:\s{{0,4}}=|\\{{0,2}}[\"']\s{{0,8}}:)\s{{0,8}}(?:[\[({{]\s{{0,4}}){{0,3}})"
    rf"{_QUOTED}"
)

_SHAPES: tuple[tuple[tuple[str, ...], re.Pattern[str]], ...] = tuple(
    (hints, re.compile(shape))
    for hints, shape in (
        (
            ("private key-----",),
            r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?:[\s\S]*?-----END [A-Z ]{0,40}PRIVATE KEY-----|[\s\S]*)",
        ),
        (("sk-",), r"sk-(?<!\wsk-)[A-Za-z0-9_\-]{16,512}"),
        (("k_live_", "k_test_"), r"[rs]k_(?<!\w[rs]k_)(?:live|test)_[A-Za-z0-9]{10,255}"),
        (("akia",), r"AKIA(?<!\wAKIA)[A-Z0-9]{16}\b"),
        (("asia",), r"ASIA(?<!\wASIA)[A-Z0-9]{16}\b"),
        (("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"gh[pousr]_(?<!\wgh._)[A-Za-z0-9]{20,255}\b"),
        (("github_pat_",), r"github_pat_[A-Za-z0-9_]{20,255}\b"),
        (("xox",), r"xox[abprs]-[A-Za-z0-9\-]{10,255}"),
        (("glpat-",), r"glpat-[A-Za-z0-9_\-]{16,255}"),
        (("aiza",), r"AIza(?<!\wAIza)[A-Za-z0-9_\-]{30,60}"),
        (("eyj",), r"eyJ(?<!\weyJ)[A-Za-z0-9_\-]{8,2048}\.[A-Za-z0-9_\-]{8,4096}\.[A-Za-z0-9_\-]{4,2048}"),
        (("://",), r"(?P<keep>://)[^\s/:@]{0,256}:[^\s/@]{1,256}(?=@)"),
        (("bearer ",), r"(?P<keep>earer )[A-Za-z0-9._~+/\-]{8,4096}=*"),
        (("uthorization: basic ",), r"(?P<keep>uthorization: Basic )[A-Za-z0-9+/=]{4,4096}"),
        (("api-key: ",), r"(?i:(?P<keep>api-key: ))[^\s,;\"']{4,2048}"),
        (("cookie: ",), r"(?P<keep>ookie: )[^\s=;]{1,256}=[^\n]{1,4096}"),
        (_HINTS, _IN_QUERY),
        (_HINTS, _ASSIGNED),
        (_HINTS, _NAMED),
    )
)


def redact_text(text: str) -> str:
    """The text with everything that has the shape of a secret replaced.

    >>> redact_text("see https://joe:hunter2@example.org/?token=abc&x=1")
    'see https://[redacted]@example.org/?[redacted]&x=1'
    >>> redact_text("refused: {'user': 'joe', 'db_password': 'hunter2'}")
    "refused: {'user': 'joe', 'db_password': [redacted]}"
    """
    lower = text.lower()
    for hints, shape in _SHAPES:
        if any(hint in lower for hint in hints):
            text = shape.sub(_hidden, text)
    return text


def is_secret_key(key: str) -> bool:
    """Whether a key's name says that its value is a secret.

    >>> is_secret_key("openai_api_key"), is_secret_key("dbPassword"), is_secret_key("tokenizer")
    (True, True, False)
    """
    return _SECRET_KEY.search(_CAMEL.sub("_", key)) is not None


def _hidden(found: re.Match[str]) -> str:
    return found.groupdict().get("keep", "") + REDACTED
