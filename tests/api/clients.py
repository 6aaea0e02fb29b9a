"""clients.py - clients that are slow, never read or leave, and a server that is told to stop meanwhile.  --hurry makes every limit of time
that many times shorter."""
import json
import sys
import threading
import time

from wire import ROUTES, Server, done, has, parse, read_all, result, same, until

s = Server(ROUTES, "127.0.0.1:0", "--hurry", "20")
fast = Server(ROUTES, "127.0.0.1:0", "--hurry", "60")
HEAD = b"Host: localhost\r\n\r\n"


def state(name, server=None):
    return json.loads((server or s).ask("GET", "/state")[2])[name]


def closed_within(c, seconds):
    """Seconds until the server closed c, at most `seconds`."""
    begun = time.monotonic()
    c.settimeout(seconds)
    try:
        while c.recv(65536):
            pass
    except TimeoutError:
        return None
    except OSError:
        pass
    return time.monotonic() - begun


def streams():
    status, headers, body = s.ask("GET", "/stream?n=5")
    same("a stream", (status, body), (200, "".join(f"{i} ........\n" for i in range(5)) + "done\n"))
    same("of HTTP/1.0", parse(s.raw(b"GET /stream?n=2 HTTP/1.0\r\n\r\n"))[2], "0 ........\n1 ........\ndone\n")
    with s.connect() as c:                             # its pieces come when they are put, not at the end
        c.sendall(b"GET /stream?n=3&pause=0.2 HTTP/1.1\r\n" + HEAD)
        first = c.recv(65536)
        result(b"2 ...." not in first, "pieces are not kept back", first)
    result(until(lambda: state("streams") == 0, 8), "that stream is over")
    size = 300000
    body = s.ask("GET", f"/stream?n=3&size={size}")[2]
    same("large pieces", len(body), 3 * (size + 3) + 5)
    same("one piece larger than what is kept for a slow client", len(s.ask("GET", "/stream?n=1&size=3000000")[2]), 3000000 + 3 + 5)
    same("a large answer", len(s.ask("GET", "/large?size=30000000")[2]), 30000000)
    many = []
    threads = [threading.Thread(target=lambda: many.append(s.ask("GET", "/stream?n=20&pause=0.005")[2])) for _ in range(100)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    same("a hundred streams at once are equal", (len(many), len(set(many)), many[0][-5:]), (100, 1, "done\n"))


def kept_alive():
    with fast.connect() as c:
        for _ in range(3):
            c.sendall(b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi")
            got = b""
            while not got.endswith(b"hi"):
                got += c.recv(65536)
        c.sendall((b"GET /state HTTP/1.1\r\n" + HEAD) * 3)
        got = b""
        while got.count(b'"rest"') < 3:
            got += c.recv(65536)
        same("requests one after the other on one connection, also sent at once", got.count(b"HTTP/1.1 200"), 3)
        seconds = closed_within(c, 10)
        result(seconds is not None and seconds > 1, "one that says nothing more is closed, not too soon", seconds)


def leaving():
    before = state("left")
    c = s.connect()
    c.sendall(b"GET /stream?n=100000 HTTP/1.1\r\n" + HEAD)
    c.recv(100)
    c.close()
    result(until(lambda: state("left") >= before + 1, 8), "a client that leaves a stream is noticed")
    c = s.connect()
    c.sendall(b"GET /slow?seconds=100 HTTP/1.1\r\n" + HEAD)
    time.sleep(0.1)
    c.close()
    result(until(lambda: state("left") >= before + 2, 8), "so is one whose answer has not begun")
    c = s.connect()
    c.sendall(b"POST /slow?seconds=100 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc")
    c.close()
    result(until(lambda: state("streams") == 0, 8), "and one that leaves at once")
    before = state("left") - 3                         # that one may have left before its route ran
    c = s.connect()
    c.sendall(b"GET /stream?n=100000&pause=1000 HTTP/1.1\r\n" + HEAD)
    c.recv(100)
    c.close()
    result(until(lambda: state("left") >= before + 4, 8), "and one of a stream that stands still")
    result(until(lambda: state("streams") == 0, 8), "their work ends")
    blocked = [s.connect() for _ in range(60)]
    for c in blocked:
        c.sendall(b"GET /block?seconds=1 HTTP/1.1\r\n" + HEAD)
    begun = time.monotonic()
    same("routes that wait leave others alone", s.ask("GET", "/state")[0], 200)
    result(time.monotonic() - begun < 0.8, "who are answered at once", time.monotonic() - begun)
    for c in blocked:
        c.close()


def never_reading():
    before = state("left")
    c = s.connect(buffer=4096)
    c.sendall(b"GET /stream?n=400&pause=0&size=100000 HTTP/1.1\r\n" + HEAD)
    result(until(lambda: state("left") >= before + 1, 8), "a client that does not read a stream counts as gone", before, s.ask("GET", "/state")[2])
    seconds = closed_within(c, 5)
    result(seconds is not None, "and is cut off", seconds)
    c.close()
    c = fast.connect(buffer=4096)
    c.sendall(b"GET /large?size=10000000 HTTP/1.1\r\n" + HEAD)
    time.sleep(0.2)
    result(state("open", fast) == 2, "a large answer waits for its client")
    result(until(lambda: state("open", fast) == 1, 8), "one that does not read it is let go")
    c.close()


def drip(c, data, every):
    """Sends a byte at a time until the server closes; seconds it took, None: all was sent."""
    begun = time.monotonic()
    c.setblocking(False)
    for i in range(len(data)):
        try:
            c.send(data[i:i + 1])
            if c.recv(100) == b"":
                return time.monotonic() - begun
        except BlockingIOError:
            pass
        except OSError:
            return time.monotonic() - begun
        time.sleep(every)
    return None


def dripping():
    took = {}

    def slowly(name, data, prefix=b""):
        with s.connect() as c:
            c.sendall(prefix)
            took[name] = drip(c, data, 0.05)

    post = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"
    threads = [threading.Thread(target=slowly, args=a) for a in (
        ("headers, a byte at a time", b"GET /state HTTP/1.1\r\nX: " + b"a" * 300), ("a body, a byte at a time", b"a" * 300, post))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for name, seconds in sorted(took.items()):
        result(seconds is not None and seconds < 4, name + ": closed", seconds)
    same("a slow body that is fast enough is taken", s.ask("POST", "/echo", body="x" * 3000000)[0], 200)


def crowding():
    silent = []
    try:
        for _ in range(600):                           # more than may be connected at once
            silent.append(fast.connect())
    except OSError:
        pass
    begun = time.monotonic()
    same("a crowd that says nothing keeps nobody out for long", fast.ask("GET", "/state")[0], 200)
    result(time.monotonic() - begun < 8, "a request waits until the crowd is let go", time.monotonic() - begun)
    for c in silent:
        c.close()


def stopping():
    t = Server(ROUTES, "127.0.0.1:0", "--stop", "5")
    c = t.connect()
    c.sendall(b"GET /stream?n=20&pause=0.02 HTTP/1.1\r\n" + HEAD)
    idle = t.connect()
    c.recv(10)
    t.process.terminate()
    got = read_all(c)
    result(got.endswith(b"done\n\r\n0\r\n\r\n"), "a stopped server lets an answer finish", got)
    result(closed_within(idle, 3) is not None, "and closes what is idle")
    same("then ends well", t.stop(), 0)

    t = Server(ROUTES, "127.0.0.1:0", "--stop", "0.3")
    streams_ = [t.connect() for _ in range(10)]
    for c in streams_:
        c.sendall(b"GET /stream?n=1000000&pause=0.01 HTTP/1.1\r\n" + HEAD)
        c.recv(10)
    silent = t.connect()
    silent.sendall(b"GET /slow?seconds=1000 HTTP/1.1\r\n" + HEAD)
    time.sleep(0.05)
    begun = time.monotonic()
    t.process.terminate()
    ends = {read_all(c)[-18:] for c in streams_}
    same("past its time every stream ends with its last event", ends, {b"\ncancelled\n\r\n0\r\n\r\n"[-18:]})
    same("and what had not begun with an error", parse(read_all(silent))[0], 503)
    same("it ends well", t.stop(), 0)
    result(time.monotonic() - begun < 3, "and soon", time.monotonic() - begun)

    t = Server(ROUTES, "127.0.0.1:0", "--stop", "0.2", "--hurry", "20")
    c = t.connect(buffer=4096)
    c.sendall(b"GET /large?size=20000000 HTTP/1.1\r\n" + HEAD)
    time.sleep(0.1)
    same("a client that never reads does not keep it", t.stop(seconds=9), 0)
    c.close()


for part in (streams, kept_alive, leaving, never_reading, dripping, crowding):
    begun = time.monotonic()
    part()
    print(f"# {part.__name__}: {time.monotonic() - begun:.1f} s")
result(until(lambda: state("open") == 1), "nothing is left open", state("open"))
has("the log says who left", s.text(), ", the client left")
same("it ends well", (s.stop(), fast.stop()), (0, 0))
stopping()
done()
