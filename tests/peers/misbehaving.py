"""Servers that answer with bytes as a test says, slowly or for ever; what no library of servers would do."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Answering = Callable[[socket.socket], None]


@contextmanager
def bytes_server(answer: Answering | bytes) -> Iterator[str]:
    """Its address. Each connection is read up to the end of a request's head, and then answered."""
    ended = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                head += (more := connection.recv(65536))
                if not more:
                    return
            if isinstance(answer, bytes):
                connection.sendall(answer)
            else:
                answer(connection)
            # what is still on its way in would make a reset of the end
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(1.0)
            while connection.recv(65536):
                pass

    def accept() -> None:
        while not ended.is_set():
            with suppress(TimeoutError):
                connection, _ = listening.accept()
                threads.append(threading.Thread(target=serve, args=(connection,)))
                threads[-1].start()

    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.05)
        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            ended.set()
            thread.join()
            for one in threads:
                one.join()


def dripping(whole: bytes, every_s: float) -> Answering:
    """One byte at a time, with a pause before each."""

    def answer(connection: socket.socket) -> None:
        for k in range(len(whole)):
            time.sleep(every_s)
            connection.sendall(whole[k : k + 1])

    return answer
