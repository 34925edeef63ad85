"""Workers that meet over real sockets, in threads."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from backends import once
from processes import free_ports

from kerasnorm.distribute._cluster import Cluster
from kerasnorm.distribute._rendezvous import meet

pytestmark = once


def clusters(count):
    addresses = tuple(f"127.0.0.1:{port}" for port in free_ports(count))
    return [Cluster(addresses, index) for index in range(count)]


def met(members, timeout=10):
    with ThreadPoolExecutor(len(members)) as threads:
        return list(threads.map(lambda each: meet(each, timeout, {"seed": each.index}), members))


@pytest.mark.parametrize("count", [2, 5])
def test_all_meet_and_hear_the_chief(count):
    assert [meeting.word for meeting in met(clusters(count))] == [{"seed": 0}] * count


def test_one_that_ends_is_missed_by_the_chief_and_the_chief_by_all():
    chief, *others = met(clusters(3))
    lost, known = [], threading.Event()

    def lose(which):
        lost.append(which)
        known.set()

    chief.watch(lose)
    for peer in others[1]._peers.values():
        peer.close()
    assert known.wait(5)
    assert lost == ["worker 2"]
    known.clear()
    others[0].watch(lose)
    for peer in chief._peers.values():
        peer.shutdown(socket.SHUT_RDWR)
    assert known.wait(5)
    assert lost[1] == "the chief"


def test_a_worker_that_never_comes_is_named_in_time():
    chief, worker, _ = clusters(3)
    begin = time.monotonic()
    with ThreadPoolExecutor(2) as threads:
        waits = [threads.submit(meet, each, 1.0, {}) for each in (chief, worker)]
        errors = [str(wait.exception()) for wait in waits]
    assert time.monotonic() - begin < 5
    assert f"Waited 1 s for worker 2 at '{chief.addresses[2]}'. Start the same" in errors[0]
    assert f"for the chief at '{chief.addresses[0]}'" in errors[1]
    assert isinstance(waits[0].exception(), ConnectionError)


def test_a_port_in_use_is_named():
    first, second = clusters(2)
    for member in (first, second):
        port = int(member.addresses[member.index].rpartition(":")[2])
        with socket.socket() as other:
            other.bind(("", port))
            other.listen()
            with pytest.raises(ConnectionError, match=f"cannot listen .*:{port}.*another port"):
                meet(member, 5, {})


def test_strangers_and_other_jobs_do_not_count():
    """Neither noise, nor a process of another cluster, nor a second one of the same number."""
    first, second = clusters(2)
    address = ("127.0.0.1", int(first.addresses[0].rpartition(":")[2]))
    with ThreadPoolExecutor(2) as threads:
        chief = threads.submit(meet, first, 20, {"seed": 1})
        time.sleep(0.3)
        other_job = threads.submit(meet, Cluster((first.addresses[0], "x:1"), 1), 0.5, {})
        for noise in (b"GET / HTTP/1.1\r\n\r\n", b"[]\n", b""):
            with socket.create_connection(address) as stranger:
                stranger.sendall(noise)
        assert isinstance(other_job.exception(), ConnectionError)
        assert not chief.done()
        worker = threads.submit(meet, second, 10, {})
        assert chief.result(10).word == worker.result(10).word == {"seed": 1}
