"""private.py - a server in a network namespace of its own, where there is nothing but loopback: a hundred requests of every kind are answered,
and the kernel counts no packet, nor any attempt at one, that was meant for elsewhere.

Where no namespace may be made (some containers) nothing can be counted; then it is the filter that the server has put on itself which must
be in force (what it refuses: tests/unit/test_sandbox.c)."""
import ctypes
import fcntl
import json
import os
import socket
import struct

from model_server import ModelServer
from wire import done, result, same

NEWUSER, NEWNET = 0x10000000, 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


def enter():
    """This process and its children into a namespace of their own; loopback is brought up.  Whether that could be."""
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.geteuid(), os.getegid()
    if user != 0 or libc.unshare(NEWNET) != 0:
        if libc.unshare(NEWUSER | NEWNET) != 0:
            return False
        for name, line in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as f:
                f.write(line)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        want = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(s, SIOCGIFFLAGS, want))[1]
        fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))
    return True


def outward():
    """Attempts to send to where no route leads, in IPv4 and IPv6, and packets that left by anything but loopback."""
    with open("/proc/net/snmp", encoding="ascii") as f:
        names, values = [line.split() for line in f if line.startswith("Ip:")]
    attempts = int(values[names.index("OutNoRoutes")])
    with open("/proc/net/snmp6", encoding="ascii") as f:
        attempts += sum(int(line.split()[1]) for line in f if line.startswith("Ip6OutNoRoutes"))
    with open("/proc/net/dev", encoding="ascii") as f:
        packets = sum(int(line.split(":")[1].split()[9]) for line in f if ":" in line and not line.strip().startswith("lo:"))
    return attempts, packets


def attempt():
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
        try:
            s.connect(("192.0.2.1", 80))
        except OSError:
            pass


def asked(s):
    say = json.dumps({"model": "tiny", "max_tokens": 4, "messages": [{"role": "user", "content": "hello"}]})
    write = json.dumps({"model": "tiny", "max_tokens": 4, "prompt": "hello", "stream": True})
    embed = json.dumps({"model": "tiny", "input": ["hello", "there"]})
    statuses = {}
    for i in range(100):
        method, path, body = (("POST", "/v1/chat/completions", say), ("POST", "/v1/completions", write), ("POST", "/v1/embeddings", embed),
                              ("GET", "/v1/models", None), ("GET", "/", None), ("GET", "/health", None), ("GET", "/metrics", None),
                              ("GET", "/ui/index.html", None))[i % 8]
        statuses.setdefault((method, path), set()).add(s.ask(method, path, "Content-Type: application/json", body=body)[0])
    return statuses


counted = enter()
before = outward()
attempt()
result(not counted or outward()[0] > before[0], "an attempt to reach another machine is counted", before, outward())
for way in ((), ("--unconfined",)):
    s = ModelServer(*way)
    begun = outward()
    with open(f"/proc/{s.process.pid}/status", encoding="ascii") as f:
        filtered = "Seccomp:\t2" in f.read()
    wrong = {k: v for k, v in asked(s).items() if v != {200}}
    same("a hundred requests are answered" + (", unconfined too" if way else ""), wrong, {})
    same("it ends well", s.stop(), 0)
    result(outward() == begun if counted else filtered or way, "and nothing was meant for elsewhere", counted, filtered, begun, outward())
done()
