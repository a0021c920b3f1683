"""``wftrace watch``: a page that follows the runs in trace files while they grow."""

from __future__ import annotations

import time
from pathlib import Path

import click

from .errors import INTERRUPTED, CommandError, closest
from .speech import Speech, say, speech_options

LOOK_EVERY = 0.25


@click.command()
@click.argument("path", type=click.Path(path_type=Path), default=".", metavar="[PATH]")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port; any free one, unless given.")
@click.option("--open", "opens", is_flag=True, help="Open the page in the browser.")
@speech_options
@click.pass_obj
def watch(speech: Speech, path: Path, port: int, opens: bool) -> int:
    """Follow the runs in a trace file, or in the *.jsonl files of a folder, on a page in the browser.

    PATH is the current folder unless given; a file that is not there yet is waited for. The page is for this machine
    only, at an address that nobody can guess. Ctrl-C ends it.

    \b
    wftrace watch run.otlp.jsonl
    wftrace watch traces --open
    """
    _check(path)
    from wftrace.watch.board import Board  # the report and its pictures, which take their time to load
    from wftrace.watch.follow import Follower
    from wftrace.watch.server import WatchServer

    board = Board()
    server = WatchServer(board, str(path.resolve()), port=port)
    follower = Follower(path, board)
    server.start()
    try:
        say(server.url)
        speech.note(f"following {path}; Ctrl-C ends it")
        if opens:
            click.launch(server.url)
        while True:
            follower.poll()
            time.sleep(LOOK_EVERY)
    except KeyboardInterrupt:
        speech.note("\nended")
        return INTERRUPTED
    finally:
        server.close()


def _check(path: Path) -> None:
    """Refuse a place where no trace can come to be."""
    if path.exists() or path.parent.is_dir():
        return
    likely = closest(path.parent.name, [each.name for each in Path().iterdir() if each.is_dir()])
    raise CommandError(f"there is no folder {path.parent}", cure=f"wftrace watch {likely or '.'}")
