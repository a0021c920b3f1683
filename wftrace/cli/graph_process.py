"""A process of its own that loads one workflow and writes its graph.

``wftrace diff`` starts ``python -m wftrace.cli.graph_process TARGET FILE`` in the tree of another commit.
"""

from __future__ import annotations

import sys
from pathlib import Path

from wftrace.engine.workflow import graph_of

from .errors import OK, CommandError
from .speech import Speech, complain, prepare_streams
from .target import Finder


def main(target: str, answer: str) -> int:
    """Write the graph of a target as JSON; the exit code of the error when it cannot be loaded."""
    prepare_streams()
    try:
        graph = graph_of(Finder(Speech(), "wftrace diff").find(target).flow)
    except CommandError as error:
        complain(error)
        return error.exit_code
    Path(answer).write_text(graph.to_json(), encoding="utf-8")
    return OK


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
