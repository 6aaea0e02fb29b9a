"""disk.py - uploads and files that are sent, over a disk that stands still: nobody else waits for it, no deadline runs meanwhile, and every
byte arrives when it goes on."""
import os
import sys
import tempfile
import threading
import time

sys.path.insert(0, sys.path[0])
from wire import ROUTES, Server, done, read_all, result, same, until  # noqa: E402

folder = tempfile.TemporaryDirectory(prefix="hearth-test.")
SLOW, SENT = os.path.join(folder.name, "slow"), os.path.join(folder.name, "sent")
BYTES = os.urandom(3 << 20)
with open(SENT, "wb") as f:
    f.write(BYTES)
s = Server(ROUTES, "127.0.0.1:0", "--hurry", "40", "--stop", "20", env={"SLOW_DISK": SLOW, "SENT_FILE": SENT})


def stand_still():
    open(SLOW, "w").close()


def go_on():
    os.unlink(SLOW)


def summed(data):
    x = 0
    for b in data:
        x = (x * 31 + b) & (1 << 64) - 1
    return x >> 1


def post(data, chunked=False):
    """A connection on which an upload has been sent, or is being."""
    c = s.connect()
    head = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(data)}"
    text = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (data[i:i + 5000] for i in range(0, len(data), 5000))) + b"0\r\n\r\n" if chunked else data

    def send():
        try:
            c.sendall(f"POST /upload HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{head}\r\n\r\n".encode() + text)
        except OSError:
            pass
    t = threading.Thread(target=send)
    t.start()
    return c, t


def get(query):
    c = s.connect()
    c.sendall(f"GET /file?{query} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    return c


def whole(c):
    head, _, body = read_all(c).partition(b"\r\n\r\n")
    return int(head.split()[1]) if head else 0, body


def slowest(seconds):
    """The longest that somebody else waits for an answer meanwhile."""
    worst, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        if s.ask("GET", "/state")[0] != 200:
            return 99
        worst = max(worst, time.monotonic() - began)
        time.sleep(0.02)
    return worst


def nothing_is_lost():
    up = BYTES[:1 << 20]
    for chunked in (False, True):
        c, t = post(up, chunked)
        status, answer = whole(c)
        t.join()
        same(f"an upload, chunked {chunked}", (status, eval(answer)), (200, {"bytes": len(up), "counted": len(up), "sum": summed(up)}))
    for n in (0, 1, 1000):
        c, t = post(BYTES[:n])
        same(f"one of {n} bytes", eval(whole(c)[1])["counted"], n)
        t.join()
    for at, n in ((0, len(BYTES)), (len(BYTES) - 1, 1), (12345, 300000)):
        same(f"{n} bytes of a file from {at} on", whole(get(f"at={at}&n={n}")) == (200, BYTES[at:at + n]), True)
    result(len(whole(get(f"at=0&n={len(BYTES) + 5}"))[1]) <= len(BYTES), "a file that has become shorter breaks off")


def nobody_waits():
    """More of them than there are threads for the disk; their own deadlines (half a second here) have long passed."""
    stand_still()
    ups = [post(BYTES[:700000]) for _ in range(6)]
    downs = [get(f"at={i}&n=1000000") for i in range(6)]
    left = get("at=0&n=1000000")
    worst = slowest(2)
    result(worst < 1, "others are answered while the disk stands still", worst)
    same("and routes run", s.ask("GET", "/block?seconds=0.01")[0], 200)
    left.close()
    go_on()
    want = summed(BYTES[:700000])
    same("uploads are whole", [(eval(whole(c)[1])["sum"], t.join())[0] for c, t in ups], [want] * 6)
    same("so are files", [whole(c) == (200, BYTES[i:i + 1000000]) for i, c in enumerate(downs)], [True] * 6)
    result(until(lambda: '"open":1,' in s.ask("GET", "/state")[2].replace(" ", "")), "who left is gone")
    same("no upload is left", os.listdir(os.path.join(s.home, "models", "partial")), [])


def refused_meanwhile():
    """A body that turns out to be too large while a piece of it is on its way to the disk."""
    stand_still()
    c, t = post(BYTES + BYTES, chunked=True)
    time.sleep(0.3)
    go_on()
    same("is refused", whole(c)[0] in (413, 0), True)
    c.close()
    t.join()
    c, t = post(BYTES[:1000])
    same("and others are not", whole(c)[0], 200)
    t.join()


def the_end():
    """Who is under way when the server is told to stop."""
    stand_still()
    c, t = post(BYTES[:700000])
    d = get("at=0&n=1000000")
    time.sleep(0.5)
    s.process.terminate()
    time.sleep(0.3)
    go_on()
    same("a file is sent to its end", whole(d) == (200, BYTES[:1000000]), True)
    status = whole(c)[0]
    t.join()
    result(status in (200, 503), "an upload has an answer", status)
    same("and the server ends", s.process.wait(20), 0)


nothing_is_lost()
nobody_waits()
refused_meanwhile()
the_end()
done()
