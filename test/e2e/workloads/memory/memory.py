"""Memory with a known content and a writer: memory.py PORT MIB.

Every page of MIB MiB carries its number in each of its words but the first, which counts how often it was written. One
connection at a time may ask, a line each:  write PAGES_PER_SECOND OVER_MIB COST_US  |  check
`check` looks at every word and answers with JSON; it also tells the longest time this process was not running.
"""
import json
import select
import socket
import struct
import sys
import time

PAGE = 4096
STEP = 0.005
port, mib = int(sys.argv[1]), int(sys.argv[2])
count = mib * 256
# A small python has no mmap; so much at once comes from one of its own, and each word below is in one page.
memory = bytearray(count * PAGE)
written = [0] * count
writer = {"rate": 0.0, "over": 1, "next": 0, "owed": 0.0, "cost": 0, "writes": 0}
seen = {"last": time.time(), "gap": 0.0, "wrong": 0}


def work(turns):
    for _ in range(turns):
        pass


def turns_in_a_second():
    # Once, for the clock of a process' CPU time starts anew when it is restored.
    began = time.process_time()
    work(200_000)
    return 200_000 / (time.process_time() - began)


def rest_of(page):
    return struct.pack("<Q", page * 0x9E3779B97F4A7C15 % 2**64) * 511


def write_some():
    now = time.time()
    gap, seen["last"] = now - seen["last"], now
    seen["gap"] = max(seen["gap"], gap)
    # A frozen writer owes nothing for the time in which it stood still.
    writer["owed"] = min(writer["owed"] + writer["rate"] * min(gap, 0.1), writer["rate"])
    until = now + STEP
    while writer["owed"] >= 1 and time.time() < until:
        page = writer["next"] % writer["over"]
        (before,) = struct.unpack_from("<Q", memory, page * PAGE)
        if before != written[page]:
            seen["wrong"] += 1
        written[page] += 1
        struct.pack_into("<Q", memory, page * PAGE, written[page])
        writer["next"] += 1
        writer["writes"] += 1
        writer["owed"] -= 1
        work(writer["cost"])


def check():
    wrong = 0
    for page in range(count):
        at = page * PAGE
        if memory[at : at + PAGE] != struct.pack("<Q", written[page]) + rest_of(page):
            wrong += 1
    answer = {"pages": count, "wrong": wrong + seen["wrong"], "writes": writer["writes"], "longestGapMs": seen["gap"] * 1000}
    seen.update(last=time.time(), gap=0.0)
    return answer


def obey(words):
    if words[0] == "write":
        writer.update(rate=float(words[1]), over=max(1, int(words[2]) * 256), cost=int(float(words[3]) / 1e6 * speed), owed=0.0)
        return {}
    return check()


for number in range(count):
    memory[number * PAGE : (number + 1) * PAGE] = struct.pack("<Q", 0) + rest_of(number)
speed = turns_in_a_second()
listener = socket.create_server(("0.0.0.0", port))
client, buffered = None, b""
seen["last"] = time.time()
while True:
    ready, _, _ = select.select([listener] if client is None else [client], [], [], STEP)
    if listener in ready:
        client, buffered = listener.accept()[0], b""
    elif client in ready:
        chunk = client.recv(4096)
        buffered += chunk
        if not chunk:
            client.close()
            client = None
        while b"\n" in buffered:
            line, buffered = buffered.split(b"\n", 1)
            client.sendall(json.dumps(obey(line.decode().split())).encode() + b"\n")
    write_some()
