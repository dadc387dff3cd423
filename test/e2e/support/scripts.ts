// Programs that the lab's own tests run in nodes.

/** Python: sends a line every 20 ms to whoever connects to port 5000. */
export const ticker = `
import socket, time
server = socket.create_server(("", 5000))
print("listening")
peer, _ = server.accept()
while True:
    peer.sendall(b"tick\\n")
    time.sleep(0.02)
`;

/** Python: prints what n2 sends from port 5000. */
export const listener = `
import socket
for line in socket.create_connection(("n2", 5000)).makefile("r"):
    print(line, end="")
`;

/** Node: port 5001 answers one byte after it got 4 MB, port 5002 sends 4 MB. */
export const bulkServer = `
const net = require('node:net');
const size = 4000000;
net.createServer((socket) => {
  let got = 0;
  socket.on('data', (chunk) => { got += chunk.length; if (got >= size) socket.end('x'); });
}).listen(5001, () => {
  net.createServer((socket) => socket.end(Buffer.alloc(size))).listen(5002, () => console.log('listening'));
});
`;

/** Leaves a task behind that sits frozen in a control group, as the source of a move does. */
export const frozenTask = `
v1=/sys/fs/cgroup/freezer; v2=/sys/fs/cgroup
if [ -d $v1 ]; then dir=$v1/ice; else dir=$v2/ice; fi
mkdir $dir
setsid sleep 1000 </dev/null >/dev/null 2>&1 & pid=$!
# Not before it has let go of our standard streams: frozen with them, it would keep the exec waiting for ever.
until grep -q sleep /proc/$pid/comm; do sleep 0.01; done
echo $pid >$dir/cgroup.procs
if [ -d $v1 ]; then
  echo FROZEN >$dir/freezer.state
  until grep -q FROZEN $dir/freezer.state; do sleep 0.01; done
else
  echo 1 >$dir/cgroup.freeze
  until grep -q 'frozen 1' $dir/cgroup.events; do sleep 0.01; done
fi
`;

/** Puts a program that only waits in the place of godwit-agent. */
export const fakeAgent = `
rm /usr/local/bin/godwit-agent
cat >/usr/local/bin/godwit-agent <<'AGENT'
#!/bin/sh
echo "agent with fault \${GODWIT_FAULT:-none}"
exec sleep 1000
AGENT
chmod 755 /usr/local/bin/godwit-agent
`;

/** Starts the LXC container c1 on /srv/godwit/c1; it counts in /data/count. */
export const startContainer = `
mkdir -p /var/lib/lxc/c1
cat >/var/lib/lxc/c1/config <<'CONFIG'
lxc.uts.name = c1
lxc.rootfs.path = dir:/srv/godwit/c1
lxc.init.cmd = /init /bin/sh -c "i=0; while :; do i=$((i+1)); echo $i >/data/new; mv /data/new /data/count; sleep 0.05; done"
lxc.autodev = 1
lxc.console.path = none
lxc.tty.max = 0
lxc.mount.auto = proc:mixed sys:ro cgroup:mixed
lxc.net.0.type = veth
lxc.net.0.link = br0
lxc.net.0.flags = up
lxc.net.0.ipv4.address = 10.77.1.5/16
CONFIG
lxc-start -n c1 </dev/null >/dev/null 2>&1
until [ -s /srv/godwit/c1/data/count ]; do sleep 0.02; done
`;

/** Dumps c1 with the LXC tools and so stops it. */
export const dumpContainer = `
mkdir /run/images
lxc-checkpoint -s -n c1 -D /run/images -v </dev/null >/dev/null 2>&1 || { tail -n 20 /run/images/dump.log >&2; exit 1; }
lxc-wait -n c1 -s STOPPED -t 10
`;

/** Restores c1 from what dumpContainer wrote. */
export const restoreContainer = `
lxc-checkpoint -r -n c1 -D /run/images -d </dev/null >/dev/null 2>&1 || { tail -n 20 /run/images/restore.log >&2; exit 1; }
`;
