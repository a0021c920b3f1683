"""Real processes, real signals, a real backend on the loopback: what was ended before the end is never lost.

The application writes the name of each span into a ledger of its own once ``end()`` has returned. The ledger, the
backend's count and the spool's accounts are three independent numbers, compared exactly.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider

from tests.exporters.backend_server import ILLS, BackendServer
from wftrace.exporters.otlp_http import OtlpAddress
from wftrace.exporters.spool import Spool, destination
from wftrace.exporters.spool_accounts import Accounts
from wftrace.exporters.spool_folder import accounts_of

APPLICATION = """
import os, sys, threading, time
from pathlib import Path
from opentelemetry.sdk.trace import TracerProvider
from wftrace.exporters.otlp_http import OtlpAddress
from wftrace.exporters.spool import Spool

url, root, ledger, prefix = sys.argv[1:5]
log = os.open(ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
provider = TracerProvider()
spool = Spool(OtlpAddress(url), folder=Path(root))
provider.add_span_processor(spool)
tracer = provider.get_tracer("application")

def end(name):
    span = tracer.start_span(name)
    span.end()
    os.write(log, f"{name}\\n".encode())
"""
MANY = "\nfor number in range(1000): end(f'{prefix}{number}')\n"
ENDLESS = "\nnumber = 0\nwhile True:\n    end(f'{prefix}{number}'); number += 1\n"

ENDS = {
    "SIGKILL": "os.kill(os.getpid(), 9)",
    "SIGTERM": "os.kill(os.getpid(), 15); time.sleep(60)",
    "os._exit": "os._exit(0)",
    "exit": "",
    "exception": "raise SystemExit(3)",
}


@pytest.fixture
def backend() -> Iterator[BackendServer]:
    """A backend that is well."""
    made = BackendServer()
    yield made
    made.close()


class Scene:
    """An application, its ledger, its spool, and a backend."""

    def __init__(self, folder: Path, backend: BackendServer) -> None:
        self.backend = backend
        self.root = folder / "spool"
        self.ledger = folder / "ledger"
        self.address = OtlpAddress(backend.url)
        self.place = destination(self.address, folder=self.root).folder

    def start(self, code: str, prefix: str = "s") -> subprocess.Popen[bytes]:
        """Start the application."""
        arguments = [self.backend.url, str(self.root), str(self.ledger), prefix]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        return subprocess.Popen([sys.executable, "-c", APPLICATION + code, *arguments], env=environment)

    def run(self, code: str, prefix: str = "s") -> None:
        """Run the application to its end."""
        self.start(code, prefix).wait(60)

    def ended(self) -> list[str]:
        """The spans that the application knows to have ended."""
        return self.ledger.read_text().split() if self.ledger.exists() else []

    def deliver(self) -> None:
        """The next process that traces to the same place."""
        spool = Spool(self.address, folder=self.root)
        assert spool.force_flush(30_000)
        assert spool.close(10)

    def check(self, unfinished: int = 0) -> None:
        """Everything that was ended has arrived; the accounts agree. ``unfinished`` writes may have been under way."""
        ended = self.ended()
        assert len(ended) == len(set(ended))
        assert set(ended) <= set(self.backend.taken)
        assert len(self.backend.taken) <= len(ended) + unfinished
        accounts = accounts_of(self.place)
        assert accounts == Accounts(delivered=len(self.backend.taken))


@pytest.fixture
def scene(tmp_path: Path, backend: BackendServer) -> Scene:
    """Where it happens."""
    return Scene(tmp_path, backend)


def until(condition: Callable[[], object], what: str) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


@pytest.mark.parametrize("ill", ["", "503", "hang"], ids=["up", "down", "hanging"])
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_no_end_of_a_process_loses_a_span(scene: Scene, end: str, ill: str) -> None:
    """Whatever the backend does meanwhile, the next process delivers what is left."""
    scene.backend.ill = ill
    scene.run(MANY + end)
    assert len(scene.ended()) == 1000
    waiting = accounts_of(scene.place)
    assert (waiting.delivered + waiting.waiting, waiting.dropped, waiting.refused) == (1000, {}, 0)
    scene.backend.ill = ""
    scene.backend.released.set()
    scene.deliver()
    scene.check()


STOCK = """
import os, sys
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(sys.argv[1])))
for number in range(1000): provider.get_tracer("t").start_span(f"s{number}").end()
os.kill(os.getpid(), 9)
"""


def test_the_stock_processor_loses_what_a_kill_finds_in_its_queue(backend: BackendServer) -> None:
    """So the tests above can fail: the same 1 000 spans, the same end, another processor."""
    subprocess.run([sys.executable, "-c", STOCK, backend.url], check=False, timeout=60)
    assert len(backend.taken) < 1000


@pytest.mark.parametrize("after", [1, 20, 333, 700, 1500, 4000])
def test_killed_at_any_moment_nothing_that_was_ended_is_lost(scene: Scene, after: int) -> None:
    """While spans are written and delivered at once; nothing damaged is delivered either."""
    with scene.start(ENDLESS) as process:
        until(lambda: len(scene.ended()) >= after, "no spans")
        process.kill()
    scene.deliver()
    scene.check(unfinished=1)


@pytest.mark.parametrize("ill", ["", "503"], ids=["up", "down"])
def test_the_child_of_a_fork_loses_nothing(scene: Scene, ill: str) -> None:
    """Neither a child that ends by ``os._exit`` nor its parent; the parent delivers what the child has left."""
    scene.backend.ill = ill
    forking = """
for number in range(100): end(f'before{number}')
children = []
for child in range(3):
    pid = os.fork()
    if not pid:
        for number in range(100): end(f'child{child}-{number}')
        os._exit(0)
    children.append(pid)
for number in range(100): end(f'after{number}')
for pid in children: os.waitpid(pid, 0)
"""
    scene.run(forking)
    assert len(scene.ended()) == 500
    if not ill:
        scene.check()
    scene.backend.ill = ""
    scene.deliver()
    scene.check()
    assert set(scene.backend.taken.values()) == {1}


def test_the_child_of_a_fork_delivers_its_own(scene: Scene) -> None:
    """It has a thread of its own, and need not wait for its parent."""
    forking = """
end('parent')
pid = os.fork()
if not pid:
    end('child')
    os._exit(0 if spool.force_flush(20000) else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    with scene.start(forking) as process:
        assert process.wait(50) == 0
    scene.check()


def test_a_child_that_lives_on_does_not_hold_what_its_dead_parent_left(scene: Scene) -> None:
    """The lock of the parent dies with the parent."""
    scene.backend.ill = "503"
    forking = """
end('parent')
if not os.fork():
    os.write(log, b'child\\n')
    time.sleep(20)
    os._exit(0)
time.sleep(20)
"""
    with scene.start(forking) as process:
        until(lambda: len(scene.ended()) == 2, "no child")
        process.kill()
    scene.backend.ill = ""
    scene.deliver()
    assert scene.backend.taken == {"parent": 1}


def test_a_fork_while_another_thread_writes_does_not_hang_the_child(scene: Scene) -> None:
    """Locks that the parent's threads hold are made anew in the child."""
    forking = """
go = True
def busy():
    number = 0
    while go:
        end(f'busy{threading.get_ident()}-{number}'); number += 1
threads = [threading.Thread(target=busy) for _ in range(3)]
for thread in threads: thread.start()
for child in range(20):
    pid = os.fork()
    if not pid:
        end(f'child{child}')
        os._exit(0)
    os.waitpid(pid, 0)
go = False
for thread in threads: thread.join()
"""
    with scene.start(forking) as process:
        assert process.wait(50) == 0
    scene.deliver()
    assert {f"child{child}" for child in range(20)} <= set(scene.backend.taken)
    scene.check()


def test_two_processes_share_a_folder(scene: Scene) -> None:
    """Each delivers its own, and what the other left when it was killed; nothing comes twice."""
    scene.backend.ill = "503"
    with scene.start(ENDLESS, "one-") as one, scene.start(ENDLESS, "two-") as two:
        until(lambda: {name[:3] for name in scene.ended()} == {"one", "two"}, "no spans")
        one.kill()
        one.wait()
        scene.backend.ill = ""
        until(lambda: any(name.startswith("two-") for name in scene.backend.taken), "nothing arrives")
        two.kill()
    scene.deliver()
    scene.check(unfinished=2)


def test_two_that_take_over_at_once_deliver_once(scene: Scene) -> None:
    """The lock of a dead writer has one owner."""
    scene.backend.ill = "503"
    scene.run(MANY + ENDS["SIGKILL"])
    scene.backend.ill = ""
    threads = [threading.Thread(target=scene.deliver) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    scene.check()
    assert set(scene.backend.taken.values()) == {1}


@pytest.mark.parametrize("ill", ["503", "hang", "close"])
def test_the_exit_is_not_held_up(scene: Scene, ill: str) -> None:
    """A process ends on its own although its backend is down: it is not killed by the limit of this test."""
    scene.backend.ill = ill
    with scene.start(MANY) as process:
        assert process.wait(30) == 0
    assert accounts_of(scene.place) == Accounts(waiting=1000)


@pytest.mark.parametrize("ill", [ill for ill in ILLS if ill not in ("413", "partial")])
def test_an_ill_backend_that_recovers_gets_everything(scene: Scene, ill: str) -> None:
    """Over real HTTP: no answer but a receipt is taken for one."""
    scene.backend.ill = ill
    address = OtlpAddress(scene.backend.url, timeout=0.5)
    spool = Spool(address, folder=scene.root)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(spool)
    for number in range(50):
        provider.get_tracer("t").start_span(f"s{number}").end()
    assert not spool.force_flush(10_000)
    assert scene.backend.requests
    assert spool.accounts() == Accounts(waiting=50)
    scene.backend.ill = ""
    scene.backend.released.set()
    assert spool.force_flush(10_000)
    assert spool.accounts() == Accounts(delivered=50)
    assert len(scene.backend.taken) == 50
    assert spool.close()


def test_other_headers_are_another_destination(scene: Scene) -> None:
    """What waits for one tenant is never delivered in the name of another."""
    scene.backend.ill = "503"
    scene.run(MANY + ENDS["SIGKILL"])
    scene.backend.ill = ""
    other = Spool(OtlpAddress(scene.backend.url, {"x-tenant": "other"}), folder=scene.root)
    assert other.force_flush(10_000)
    assert other.close()
    assert not scene.backend.taken
    scene.deliver()
    scene.check()


def test_signals_are_the_applications_own(scene: Scene) -> None:
    """A handler that ends a span in the middle of another one's end loses neither, and does not hang."""
    handling = """
import itertools, signal
count = itertools.count()
def handler(*_): end(f'handler{next(count)}')
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
for number in range(3000): end(f'{prefix}{number}')
signal.setitimer(signal.ITIMER_REAL, 0)
"""
    with scene.start(handling) as process:
        assert process.wait(50) == 0
    assert any(name.startswith("handler") for name in scene.ended())
    scene.deliver()
    scene.check()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
