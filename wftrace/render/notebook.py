"""What a notebook shows: one thing in several formats, each complete without a network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def bundle(parts: Mapping[str, str], include: Iterable[str] | None, exclude: Iterable[str] | None) -> dict[str, str]:
    """The formats that a notebook asks ``_repr_mimebundle_`` for: those to include, less those to exclude.

    >>> bundle({"text/plain": "a", "image/svg+xml": "b"}, None, ["image/svg+xml"])
    {'text/plain': 'a'}
    """
    wanted = set(parts) if include is None else set(include)
    unwanted = set(exclude or ())
    return {name: text for name, text in parts.items() if name in wanted and name not in unwanted}
