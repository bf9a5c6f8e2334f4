"""Work for each number up to a count, done by several processes that share this one's memory."""

from __future__ import annotations

import multiprocessing
import os
import signal
import warnings
from collections.abc import Callable, Generator
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess

MOST_PROCESSES = 256
PARENT_SECONDS = 5  # that a worker may take to die


def cores() -> int:
    """The processors that this process may use."""
    return os.process_cpu_count() or 1


def outcomes[R](count: int, work: Callable[[int], R], processes: int) -> Generator[tuple[int, R | None]]:
    """Each number below `count` with the answer of `work`, in the order in which they end.

    The processes are forks: what `work` reads is shared, neither copied nor pickled; only its answers are. A process that dies
    leaves None for its number, and another one takes its place. An exception of `work` ends its process. Closing the iterator,
    or an exception such as Ctrl-C, ends all processes. With one process everything happens in this one.
    """
    if processes == 1 or count <= 1:
        for index in range(count):
            yield index, work(index)
        return
    crew = _Crew(work)
    try:
        waiting, ended = iter(range(count)), 0
        for _ in range(min(processes, count, MOST_PROCESSES)):
            crew.start(next(waiting))
        while ended < count:
            for connection in wait(list(crew.busy)):
                assert isinstance(connection, Connection)  # noqa: S101 - nothing else is waited for
                index, answer, lives = crew.answer(connection)
                following = next(waiting, None)
                if following is not None:
                    crew.next(connection, following) if lives else crew.start(following)
                ended += 1
                yield index, answer
    finally:
        crew.end()


class _Crew[R]:
    """Processes and the number that each works on."""

    def __init__(self, work: Callable[[int], R]) -> None:
        self.work = work
        self.busy: dict[Connection, int] = {}
        self.processes: dict[Connection, ForkProcess] = {}

    def start(self, index: int) -> None:
        """Start a process with its first number. A Ctrl-C meanwhile waits until the process ignores it."""
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(ours, theirs, self.work, index), daemon=True)
        held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message=".*fork", category=DeprecationWarning)  # threads of BLAS, which sleep
                process.start()
            self.processes[ours], self.busy[ours] = process, index
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)
            theirs.close()

    def next(self, connection: Connection, index: int) -> None:
        self.busy[connection] = index
        with suppress(BrokenPipeError):  # it has died since; its end is read as an answer
            connection.send(index)

    def answer(self, connection: Connection) -> tuple[int, R | None, bool]:
        """The number that has ended, its answer, and whether the process goes on."""
        index = self.busy.pop(connection)
        try:
            return index, connection.recv(), True
        except (EOFError, ConnectionResetError):
            self.processes.pop(connection).join()
            connection.close()
            return index, None, False

    def end(self) -> None:
        for process in self.processes.values():
            process.kill()  # it has nothing to put in order
        for connection, process in self.processes.items():
            process.join(PARENT_SECONDS)
            connection.close()


def _serve[R](parents: Connection, connection: Connection, work: Callable[[int], R], first: int) -> None:
    """A worker: it leaves Ctrl-C to its parent, and ends behind its number if the parent is gone.

    A copy of the parent's end would keep the pipe open. Workers that were forked later hold one too, and end first.
    """
    parents.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    index = first
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            connection.send(work(index))
            index = connection.recv()
