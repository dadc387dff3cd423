"""Asks an HTTP server again and again over one connection that is never made anew; prints `PORT COUNT` for each good reply."""
import http.client
import sys
import time

connection = http.client.HTTPConnection(sys.argv[1], timeout=120)
connection.connect()
count = 0
while True:
    port = connection.sock.getsockname()[1]
    connection.request("GET", "/")
    reply = connection.getresponse()
    body = reply.read()
    if reply.status != 200 or b"nginx" not in body or connection.sock is None:
        sys.exit(f"reply {count}: {reply.status} {body[:80]!r}, connection {connection.sock}")
    count += 1
    print(port, count, flush=True)
    time.sleep(0.1)
