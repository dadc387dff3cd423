"""manyfold: a container's work with one of everything that a move has to carry, each checked by content.

    python3 -I -S manyfold.py PORT [DIR [SECONDS]]

Listens on TCP PORT (0: any, printed). Each line `check` on a connection makes it verify everything it holds and answers
one JSON line:
    {"ok": bool, "checks": {NAME: "ok" or what is wrong}, "counter": N, "checked": how often, "pid": N}
A check puts back what it takes, so it can be asked again. Connections may stay open over a move. DIR (default /tmp) takes
the named socket and a few files. What should happen has SECONDS (default 10) to happen. Needs only what Debian's
python3-minimal has.
"""

import fcntl
import hashlib
import json
import os
import select
import signal
import socket
import struct
import sys
import threading
import time

PATTERN = hashlib.sha512(b"manyfold").digest()
MEMORY_BYTES = 8 * 1024 * 1024
PIPE_BYTES = 5000
FILE_BYTES = 300_000  # below criu's limit of 1 MiB for deleted files
FILE_POSITION = 123_456
EVENT_VALUE = 41
TIMER_SECONDS = 0.5
THREADS = 3
WAIT_SECONDS = 10


def pattern(length, salt):
    """Bytes that tell their place: content of one thing cannot pass for that of another."""
    block = hashlib.sha512(PATTERN + salt.encode()).digest()
    return (block * (length // len(block) + 1))[:length]


class Wrong(Exception):
    """Something is not what it was."""


def must(condition, words):
    if not condition:
        raise Wrong(words)


def must_equal(found, wanted, what):
    must(found == wanted, f"{what}: {found!r:.80} instead of {wanted!r:.80}")


def read_exactly(fd, length):
    """Takes `length` bytes that must be there or come soon."""
    data = b""
    while len(data) < length:
        ready, _, _ = select.select([fd], [], [], WAIT_SECONDS)
        must(ready, f"only {len(data)} of {length} bytes are there")
        piece = os.read(fd, length - len(data))
        must(piece, f"ended after {len(data)} of {length} bytes")
        data += piece
    return data


def must_be_empty(fd):
    ready, _, _ = select.select([fd], [], [], 0)
    must(not ready, "more is there than was put in")


class Pipe:
    """A pipe whose data nobody has read yet."""

    def __init__(self):
        self.reader, self.writer = os.pipe()
        os.write(self.writer, pattern(PIPE_BYTES, "pipe"))

    def check(self):
        must_equal(read_exactly(self.reader, PIPE_BYTES), pattern(PIPE_BYTES, "pipe"), "data in the pipe")
        must_be_empty(self.reader)
        os.write(self.writer, pattern(PIPE_BYTES, "pipe"))


class Fifo(Pipe):
    """The same by a name in the file system."""

    def __init__(self, directory):
        path = f"{directory}/manyfold.fifo"
        remove(path)
        os.mkfifo(path)
        self.reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.writer = os.open(path, os.O_WRONLY)
        os.write(self.writer, pattern(PIPE_BYTES, "pipe"))


class StreamPair:
    """Two ends of a stream with data on the way in both directions."""

    def __init__(self, ends):
        self.ends = ends
        for index, end in enumerate(self.ends):
            end.sendall(pattern(3000, f"end {index}"))

    def check(self):
        for index, end in enumerate(self.ends):
            other = self.ends[1 - index]
            must_equal(read_exactly(other.fileno(), 3000), pattern(3000, f"end {index}"), f"what end {index} sent")
            must_be_empty(other.fileno())
            end.sendall(pattern(3000, f"end {index}"))


class Datagrams:
    """A named unix socket with messages in flight: their number, order and bounds count."""

    def __init__(self, directory):
        self.path = f"{directory}/manyfold.dgram"
        remove(self.path)
        self.receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.receiver.bind(self.path)
        self.sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sender.connect(self.path)
        self.send()

    def send(self):
        for length in (1, 700, 30):
            self.sender.send(pattern(length, "message"))

    def check(self):
        for length in (1, 700, 30):
            ready, _, _ = select.select([self.receiver], [], [], 0)
            must(ready, f"the message of {length} bytes is gone")
            must_equal(self.receiver.recv(4096), pattern(length, "message"), "message")
        must_be_empty(self.receiver.fileno())
        must(os.path.exists(self.path), "the socket's name is gone")
        self.send()


class Listener:
    """A listening TCP socket, tried with a fresh connection each time, and one that was made before."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(4)
        self.port = self.socket.getsockname()[1]
        self.pair = StreamPair(self.connect())
        self.names = self.names_of(self.pair)

    def connect(self):
        client = socket.create_connection(("127.0.0.1", self.port), WAIT_SECONDS)
        client.settimeout(None)
        return client, self.socket.accept()[0]

    def names_of(self, pair):
        return [(end.getsockname(), end.getpeername()) for end in pair.ends]

    def check(self):
        must_equal(self.names_of(self.pair), self.names, "addresses of the old connection")
        self.pair.check()
        fresh = StreamPair(self.connect())
        fresh.check()
        for end in fresh.ends:
            end.close()


class DeletedFile:
    """An open file without a name, with its position and content."""

    def __init__(self, directory):
        path = f"{directory}/manyfold.deleted"
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        os.unlink(path)
        os.write(self.fd, pattern(FILE_BYTES, "file"))
        os.lseek(self.fd, FILE_POSITION, os.SEEK_SET)

    def check(self):
        must_equal(os.lseek(self.fd, 0, os.SEEK_CUR), FILE_POSITION, "position")
        must_equal(os.fstat(self.fd).st_nlink, 0, "names of the deleted file")
        must_equal(os.pread(self.fd, FILE_BYTES + 1, 0), pattern(FILE_BYTES, "file"), "content")
        must_equal(os.read(self.fd, 100), pattern(FILE_BYTES, "file")[FILE_POSITION:][:100], "content at the position")
        os.lseek(self.fd, FILE_POSITION, os.SEEK_SET)


class LockedFile:
    """A named file, locked: nobody else must get the lock."""

    def __init__(self, directory):
        self.path = f"{directory}/manyfold.locked"
        self.fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        fcntl.flock(self.fd, fcntl.LOCK_EX)

    def check(self):
        other = os.open(self.path, os.O_RDWR)
        try:
            must_equal(os.fstat(other).st_ino, os.fstat(self.fd).st_ino, "file behind the name")
            try:
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            raise Wrong("the lock is gone")
        finally:
            os.close(other)


class Event:
    """An eventfd with a value, watched by an epoll."""

    def __init__(self):
        self.fd = os.eventfd(EVENT_VALUE, os.EFD_NONBLOCK)
        self.epoll = select.epoll()
        self.epoll.register(self.fd, select.EPOLLIN)

    def check(self):
        must_equal(self.epoll.poll(0), [(self.fd, select.EPOLLIN)], "what epoll says of the eventfd")
        must_equal(os.eventfd_read(self.fd), EVENT_VALUE, "value of the eventfd")
        must_equal(self.epoll.poll(0), [], "what epoll says of the empty eventfd")
        os.eventfd_write(self.fd, EVENT_VALUE)


class Timer:
    """A timerfd that a thread arms again after each tick. Not a periodic one: when that expires while its reader is
    frozen, criu (4.2.1) saves a remaining time of zero, which disarms it in the restore for ever."""

    def __init__(self):
        self.fd = os.timerfd_create(time.CLOCK_MONOTONIC)
        self.ticks = 0
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            os.timerfd_settime(self.fd, initial=TIMER_SECONDS)
            self.ticks += struct.unpack("Q", os.read(self.fd, 8))[0]

    def check(self):
        before = self.ticks
        wait_until(lambda: self.ticks > before, "the timer does not tick any more")
        remaining, _ = os.timerfd_gettime(self.fd)
        must(remaining <= TIMER_SECONDS, f"remaining time {remaining}")


class Memory:
    """Anonymous memory with a known content, and a memfd shared with a child."""

    def __init__(self, shared):
        self.data = bytearray(pattern(MEMORY_BYTES, "memory"))
        self.shared = shared

    def check(self):
        must_equal(hashlib.sha256(self.data).digest(), hashlib.sha256(pattern(MEMORY_BYTES, "memory")).digest(), "memory")
        must_equal(os.pread(self.shared, 4096, 4096), pattern(4096, "memfd"), "shared memory")


class Threads:
    """Threads that count, each in its own variable and with a local copy that must agree."""

    def __init__(self):
        self.counts = [0] * THREADS
        self.broken = []
        for index in range(THREADS):
            threading.Thread(target=self.run, args=(index,), daemon=True).start()

    def run(self, index):
        own = 0
        while True:
            if self.counts[index] != own:
                self.broken.append(f"thread {index} left {own} and found {self.counts[index]}")
                own = self.counts[index]
            own += 1
            self.counts[index] = own
            time.sleep(0.01)

    def check(self):
        must(not self.broken, "; ".join(self.broken[:3]))
        before = list(self.counts)
        for index in range(THREADS):
            wait_until(lambda: self.counts[index] > before[index], f"thread {index} does not count any more")


class Worker:
    """A child process: answers over pipes, counts signals, and writes a counter that must never step back."""

    def __init__(self, shared):
        self.shared = shared
        self.last = 0
        self.signals = 0
        to_child, self.writer = os.pipe()
        self.reader, from_child = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.writer)
            os.close(self.reader)
            worker(to_child, from_child, shared)
        os.close(to_child)
        os.close(from_child)
        self.ask()

    def counter(self):
        return struct.unpack("<Q", os.pread(self.shared, 8, 0))[0]

    def ask(self):
        os.write(self.writer, b"?" * 8)
        pid, parent, signals, back = struct.unpack("<qqqq", read_exactly(self.reader, 32))
        must_equal(pid, self.pid, "the child's own pid")
        must_equal(parent, os.getpid(), "the child's parent")
        must_equal(back, 0, "steps back of the counter, seen by the child")
        return signals

    def check(self):
        now = self.counter()
        must(now >= self.last, f"the counter stepped back from {self.last} to {now}")
        self.last = now
        wait_until(lambda: self.counter() > now, "the counter does not count any more")
        must_equal(self.ask(), self.signals, "signals the child got before")
        os.kill(self.pid, signal.SIGUSR1)
        self.signals += 1
        wait_until(lambda: self.ask() == self.signals, "a signal did not arrive")


def worker(reader, writer, shared):
    """The child's whole life; it ends with its parent's end of the pipe."""
    signals = 0

    def count(_number, _frame):
        nonlocal signals
        signals += 1

    signal.signal(signal.SIGUSR1, count)
    own, back = 0, 0
    while True:
        found = struct.unpack("<Q", os.pread(shared, 8, 0))[0]
        if found != own:
            back += 1
            own = found
        own += 1
        os.pwrite(shared, struct.pack("<Q", own), 0)
        ready, _, _ = select.select([reader], [], [], 0.005)
        if ready:
            if not os.read(reader, 8):
                os._exit(0)
            os.write(writer, struct.pack("<qqqq", os.getpid(), os.getppid(), signals, back))


class Place:
    """Who and where the process is."""

    def __init__(self):
        self.facts = self.read()

    def read(self):
        umask = os.umask(0)
        os.umask(umask)
        return os.getpid(), os.getppid(), os.getpgrp(), os.getsid(0), os.getuid(), os.getcwd(), umask, os.uname().nodename

    def check(self):
        must_equal(self.read(), self.facts, "pid, parent, group, session, user, directory, umask, host name")


def wait_until(done, problem):
    end = time.monotonic() + WAIT_SECONDS
    while not done():
        must(time.monotonic() < end, problem)
        time.sleep(0.005)


def remove(path):
    if os.path.exists(path):
        os.unlink(path)


def make(directory):
    """One of everything. The worker comes first: it must not inherit the other things."""
    shared = os.memfd_create("manyfold")
    os.pwrite(shared, struct.pack("<Q", 0) + bytes(4088) + pattern(4096, "memfd"), 0)
    child = Worker(shared)
    things = {
        "worker": child,
        "memory": Memory(shared),
        "threads": Threads(),
        "pipe": Pipe(),
        # As a container's init on its own tmpfs: under the one kernel of a lab, a FIFO on the shared root is the same
        # object on both nodes, and the frozen source still holds what was put in.
        "fifo": Fifo("/dev" if os.getpid() == 1 else directory),
        "socketpair": StreamPair(socket.socketpair()),
        "datagrams": Datagrams(directory),
        "tcp": Listener(),
        "deleted file": DeletedFile(directory),
        "file lock": LockedFile(directory),
        "eventfd": Event(),
        "place": Place(),
    }
    if hasattr(os, "timerfd_create"):
        things["timerfd"] = Timer()
    return child, things


def check(things):
    results = {}
    for name, thing in things.items():
        try:
            thing.check()
            results[name] = "ok"
        except (Wrong, OSError) as problem:
            results[name] = f"{type(problem).__name__}: {problem}"
    return results


def serve(port, directory):
    child, things = make(directory)
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("0.0.0.0", port))
    server.listen(16)
    poll = select.poll()
    poll.register(server, select.POLLIN)
    clients, checked = {}, 0
    if port == 0:
        print(server.getsockname()[1], flush=True)
    while True:
        for fd, _ in poll.poll():
            if fd == server.fileno():
                client = server.accept()[0]
                clients[client.fileno()] = (client, b"")
                poll.register(client, select.POLLIN)
                continue
            client, pending = clients[fd]
            try:
                data = client.recv(4096)
                *lines, pending = (pending + data).split(b"\n")
                for line in lines:
                    checked += 1
                    client.sendall(answer(line, things, child, checked))
                clients[fd] = (client, pending[:4096])
            except OSError:
                data = b""
            if not data:
                poll.unregister(fd)
                client.close()
                del clients[fd]


def answer(line, things, child, checked):
    if line.strip() != b"check":
        return b'{"ok": false, "problem": "the only question is: check"}\n'
    results = check(things)
    ok = all(result == "ok" for result in results.values())
    reply = {"ok": ok, "checks": results, "counter": child.counter(), "checked": checked, "pid": os.getpid()}
    return json.dumps(reply).encode() + b"\n"


if __name__ == "__main__":
    # As a container's init it would not die of these otherwise; SIGPWR is how LXC asks an init to end.
    for number in (signal.SIGTERM, signal.SIGPWR):
        signal.signal(number, lambda *_: os._exit(0))
    if len(sys.argv) > 3:
        WAIT_SECONDS = float(sys.argv[3])
    serve(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "/tmp")
