"""Connects the workers of a job before TensorFlow waits for them, and keeps them connected.

TensorFlow's own servers wait forever for a missing worker, and notice a killed one after a minute
or never. So the workers first connect to the chief's address, each with a deadline; the connections
stay open, and a broken one shows at once that a worker has ended.
"""

import contextlib
import json
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator

from kerasnorm.distribute._cluster import Cluster

_PAUSE = 0.2  # seconds between two attempts
_PATIENCE = 5.0  # seconds that a stranger may take to say nothing


class Meeting:
    """Open connections: of the chief to all workers, or of a worker to the chief.

    Attributes:
        word: What the chief has said to all.
    """

    def __init__(self, peers: dict[int, socket.socket], word: dict):
        self._peers, self.word = peers, word

    def watch(self, lost: Callable[[str], None]) -> None:
        """Calls `lost` with the name of a process, from a thread, once it ends, however it does."""
        threading.Thread(target=self._listen, args=(lost,), daemon=True).start()

    def _listen(self, lost):
        with selectors.DefaultSelector() as selector:
            for index, peer in self._peers.items():
                selector.register(peer, selectors.EVENT_READ, index)
            (key, _), *_ = selector.select()
            lost(_name(key.data))


def meet(cluster: Cluster, timeout: float, word: dict) -> Meeting:
    """Waits until all workers of a job are there.

    Args:
        cluster: The job.
        timeout: Seconds to wait.
        word: What the chief says to all, for JSON; others' does not count.

    Raises:
        ConnectionError: If the address of this process is in use, or one does not come in time. It
            says which.
    """
    deadline = time.monotonic() + timeout
    with _listening(cluster.addresses[cluster.index]) as listener:
        if cluster.is_chief:
            return _receive_all(listener, cluster, deadline, timeout, word)
    return _go_to_chief(cluster, deadline, timeout)


@contextlib.contextmanager
def _listening(address: str) -> Iterator[socket.socket]:
    host, port = _split(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("::" if family == socket.AF_INET6 else "", port))
            listener.listen()
        except OSError as error:
            raise ConnectionError(
                f"This worker cannot listen at its address in TF_CONFIG, '{address}': "
                f"{error.strerror}. Is a worker of an earlier job still running? Stop it, or name "
                "another port in the TF_CONFIG of all workers."
            ) from error
        yield listener


def _receive_all(listener, cluster, deadline, timeout, word):
    peers: dict[int, socket.socket] = {}
    awaited = {*range(1, len(cluster.addresses))}
    while missing := awaited - peers.keys():
        listener.settimeout(max(deadline - time.monotonic(), 0.001))
        try:
            peer, _ = listener.accept()
        except TimeoutError as error:
            names = [f"{_name(i)} at '{cluster.addresses[i]}'" for i in sorted(missing)]
            raise ConnectionError(
                f"Waited {timeout:g} s for {', '.join(names)}. Start the same command on every "
                "machine, each with its own index in TF_CONFIG, and see that they can reach "
                f"'{cluster.addresses[0]}'."
            ) from error
        index = _introduced(peer, cluster)
        if index in missing:
            _keep_alive(peer)
            peers[index] = peer
        else:
            peer.close()
    for peer in peers.values():
        peer.sendall(json.dumps(word).encode() + b"\n")
    return Meeting(peers, word)


def _introduced(peer: socket.socket, cluster: Cluster) -> int | None:
    """Returns which worker of the job this is; None for a stranger."""
    peer.settimeout(_PATIENCE)
    try:
        said = json.loads(_received(peer))
    except ValueError:
        return None
    known = isinstance(said, dict) and said.get("addresses") == list(cluster.addresses)
    return said.get("index") if known else None


def _go_to_chief(cluster, deadline, timeout):
    chief = _split(cluster.addresses[0])
    said = {"addresses": cluster.addresses, "index": cluster.index}
    while True:
        left = deadline - time.monotonic()
        try:
            peer = socket.create_connection(chief, timeout=max(left, 0.001))
            peer.sendall(json.dumps(said).encode() + b"\n")
            if answer := _received(peer):
                _keep_alive(peer)
                return Meeting({0: peer}, json.loads(answer))
        except OSError:
            pass
        if left < _PAUSE:
            raise ConnectionError(
                f"Waited {timeout:g} s for the chief at '{cluster.addresses[0]}' and the other "
                "workers. Start the same command on every machine, each with its own index and "
                "all with the same addresses in TF_CONFIG, and see that they can reach the chief."
            )
        time.sleep(_PAUSE)


def _received(peer: socket.socket) -> bytes:
    """Returns a line, or b"" if the connection broke off."""
    line = b""
    try:
        while not line.endswith(b"\n"):
            part = peer.recv(4096)
            if not part:
                return b""
            line += part
    except OSError:
        return b""
    return line


def _keep_alive(peer: socket.socket) -> None:
    """Lets the system notice within half a minute that a machine has gone without a word."""
    peer.settimeout(None)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, option):
            peer.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def _name(index: int) -> str:
    return "the chief" if index == 0 else f"worker {index}"
