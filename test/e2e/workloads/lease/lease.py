"""Holds a lease at a service outside: lease.py HOST PORT NAME TICK_MS.

Every tick counts one up and renews the lease with the count, in one datagram that is never sent again: a count comes once, and
never a smaller one after it, unless this process runs twice or was set back. `holder` tells apart two starts of the program.
"""
import os
import socket
import sys
import time

host, port, name, tick = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]) / 1000
holder = os.urandom(6).hex()
service = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
service.setblocking(False)
count = 0
while True:
    count += 1
    try:
        service.sendto(f"{name} {holder} {count}".encode(), (host, port))
    except OSError:
        # A network that is locked or gone loses datagrams; the count goes on.
        pass
    time.sleep(tick)
