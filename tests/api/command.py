"""command.py - `hearth serve` as a person, a script or a service manager starts it."""
import json
import os
import pty
import signal
import socket
import ssl
import stat
import subprocess
import sys
import tempfile
import time
import warnings

from wire import BUILD, HEARTH, ROUTES, Server, done, has, parse, read_all, result, same, until

folder = tempfile.TemporaryDirectory(prefix="hearth-test.")
HERE = os.path.dirname(os.path.abspath(__file__))


def fails(name, status, words, *args, env=None, program=HEARTH):
    clean = {k: v for k, v in os.environ.items() if k not in ("HEARTH_HOST", "OLLAMA_HOST")}
    r = subprocess.run([program, "serve", *args], capture_output=True, text=True, timeout=20, env=dict(clean, HEARTH_HOME=folder.name, **(env or {})))
    result(r.returncode == status and words in r.stderr and not r.stdout, name, r.returncode, r.stdout, r.stderr)


def start(*args, **more):
    return Server(HEARTH, "serve", *args, home=folder.name, **more)


def places():
    s = start("--port", "0")
    same("one line with the URL", s.line, f"hearth serves at http://127.0.0.1:{s.port}")
    same("/health", s.ask("GET", "/health")[0::2], (200, '{"status":"ok"}'))
    fails("a port in use is named with its process", 1, f"127.0.0.1:{s.port}: the port is in use by hearth (process {s.process.pid})", "--port", str(s.port))
    same("and the first goes on", s.ask("GET", "/health")[0], 200)
    same("SIGTERM ends it well", s.stop(), 0)
    s = start(env={"OLLAMA_HOST": "http://127.0.0.1:0/"})
    same("OLLAMA_HOST", s.ask("GET", "/health")[0], 200)
    same("SIGINT ends it well", s.stop(signal.SIGINT), 0)
    s = start(env={"HEARTH_HOST": "127.0.0.2:0", "OLLAMA_HOST": "127.0.0.1:1"})
    has("HEARTH_HOST goes first", s.line, "http://127.0.0.2:")
    s.stop()
    s = start("--host", "127.0.0.3", "--port", "0", env={"HEARTH_HOST": "nonsense::x"})
    has("options go before both", s.line, "http://127.0.0.3:")
    s.stop()
    try:
        socket.socket(socket.AF_INET6).bind(("::1", 0))
        s = start("--host", "::1", "--port", "0")
        with socket.create_connection(("::1", s.port)) as c:
            c.sendall(b"GET /health HTTP/1.1\r\nHost: [::1]\r\nConnection: close\r\n\r\n")
            same("an IPv6 address", (s.line.split("//")[1][:5], parse(read_all(c))[0]), ("[::1]", 200))
        s.stop()
    except OSError:
        fails("an IPv6 address where there is no IPv6", 1, "[::1]:0", "--host", "::1", "--port", "0")


def mistakes():
    fails("the network without a key", 2, "so it needs a key: `hearth key add NAME` makes one", "--host", "0.0.0.0", "--port", "0")
    fails("IPv6's network too", 2, "so it needs a key", "--host", "::", "--port", "0")
    fails("--require-key without a key", 2, "hearth key add NAME", "--require-key", "--port", "0")
    fails("a name for an address", 2, "is no address", "--host", "example.org")
    fails("HEARTH_HOST of nonsense", 2, 'HEARTH_HOST is "a:b", which is no address', env={"HEARTH_HOST": "a:b"})
    fails("a port that is none", 2, "--port", "--port", "65536")
    fails("a time that is none", 2, '--keep-alive: "soon" is no time', "--keep-alive", "soon")
    fails("an amount that is none", 2, '--memory: "much" is no amount', "--memory", "much")
    fails("an origin that is none", 2, '"example.org" is no origin', "--origin", "example.org", "--port", "0")
    fails("every origin", 2, '"*" is no origin', "--origin", "*", "--port", "0")
    fails("a host name that is none", 2, '"a b" is no name of a host', "--host-name", "a b", "--port", "0")
    fails("half of TLS", 2, "belong together", "--tls-cert", "x")
    fails("an argument too many", 2, "serve takes at most 0 arguments", "smollm2")
    fails("a build without libmicrohttpd", 1, "built without libmicrohttpd, so it cannot serve", "--port", "0", program=os.path.join(BUILD, "hearth-bare"))



def tls_ask(context, server, path):
    with context.wrap_socket(server.connect(), server_hostname="localhost") as c:
        c.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return read_all(c)


def encrypted():
    cert, key = os.path.join(HERE, "tls.cert.pem"), os.path.join(folder.name, "key.pem")
    with open(os.path.join(HERE, "tls.key.pem"), "rb") as f, open(key, "wb") as to:
        to.write(f.read())
    os.chmod(key, 0o644)
    fails("a key that others can read", 1, f"{key}: others can read this key (mode 0644)", "--port", "0", "--tls-cert", cert, "--tls-key", key)
    os.chmod(key, 0o600)
    fails("a certificate that is not there", 1, "nowhere", "--port", "0", "--tls-cert", "nowhere", "--tls-key", key)
    fails("a certificate that is none", 1, "not a PEM file", "--port", "0", "--tls-cert", os.path.join(HERE, "wire.py"), "--tls-key", key)
    fails("a key where the certificate belongs", 1, "no certificate and key that belong together", "--port", "0", "--tls-cert", key, "--tls-key", key)
    s = start("--port", "0", "--tls-cert", cert, "--tls-key", key)
    result(s.line.startswith("hearth serves at https://127.0.0.1:"), "https in its line", s.line)
    context = ssl.create_default_context(cafile=cert)
    with context.wrap_socket(s.connect(), server_hostname="localhost") as c:
        c.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nOrigin: https://localhost:%d\r\nConnection: close\r\n\r\n" % s.port)
        status, headers, body = parse(read_all(c))
        same("TLS", (status, body, headers["access-control-allow-origin"]), (200, '{"status":"ok"}', f"https://localhost:{s.port}"))
        same("of this day", c.version(), "TLSv1.3")
    warnings.simplefilter("ignore")                    # Python's, that nobody should speak what is refused here
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    try:
        old.wrap_socket(s.connect())
        result(False, "TLS 1.1 is refused")
    except (ssl.SSLError, OSError):
        result(True, "TLS 1.1 is refused")
    same("plain HTTP gets nothing there", parse(s.raw(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", 2))[0], 0)
    same("it ends well", s.stop(), 0)
    t = Server(ROUTES, "127.0.0.1:0", "--cert", cert, "--tls-key", key, "--stop", "0.2", "--hurry", "20")
    with t.connect() as c:
        same("one that begins no handshake is closed", read_all(c), b"")
    with t.connect() as c:
        c.sendall(b"\x16\x03\x01\x02\x00\x01")
        same("nor one that does not go on with it", read_all(c), b"")
    c = context.wrap_socket(t.connect(), server_hostname="localhost")
    c.sendall(b"GET /stream?n=100000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
    c.recv(100)
    c.close()
    result(until(lambda: b'"left":1' in tls_ask(context, t, b"/state")), "a client that leaves is noticed under TLS")
    with context.wrap_socket(t.connect(), server_hostname="localhost") as c:
        c.sendall(b"GET /stream?n=100000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        c.recv(100)
        t.process.terminate()
        has("streams end properly under TLS", read_all(c).decode(), "cancelled\n")
    same("and it ends well", t.stop(), 0)


def signals():
    place = os.path.join(folder.name, "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(place)
        manager.settimeout(5)
        s = start("--port", "0", "--log", env={"NOTIFY_SOCKET": place})
        told = manager.recv(200).decode()
        same("the service manager hears that it is ready", told.split("\n")[0], "READY=1")
        s.process.send_signal(signal.SIGHUP)
        told = [manager.recv(200).decode() for _ in range(2)]
        same("that it reads its keys again", [t.split("\n")[0] for t in told], ["RELOADING=1", "READY=1"])
        has("and when", told[0], "MONOTONIC_USEC=")
        file = os.path.join(folder.name, "keys.ini")
        with open(file, "w", encoding="utf-8") as f:
            f.write("[key a]\nnonsense = 1\n")
        os.chmod(file, 0o600)
        s.process.send_signal(signal.SIGHUP)
        result(until(lambda: "the keys stay as they were" in s.text()), "a broken file is told of", s.text())
        same("and it serves on", s.ask("GET", "/health?word=secret")[0], 200)
        os.unlink(file)
        manager.recv(200), manager.recv(200)
        s.process.send_signal(signal.SIGTERM)
        same("and that it stops", manager.recv(200).decode().split("\n")[0], "STOPPING=1")
        same("then it ends well", s.process.wait(10), 0)
    result(until(lambda: " GET /health 200 " in s.text()), "--log: a line a request", s.text())
    result("secret" not in s.text(), "without its query", s.text())
    result(stat.S_ISSOCK(os.stat(place).st_mode), "the manager's socket stays the manager's")
    s = start("--port", "0")
    c = s.connect()
    c.sendall(b"POST /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n")
    time.sleep(0.1)
    s.process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    same("a request that is still coming keeps it for a while", s.process.poll(), None)
    same("a second signal does not wait", s.stop(signal.SIGINT), 130)
    c.close()


def terminal():
    """Started from a terminal that is closed then."""
    env = dict(os.environ, HEARTH_HOME=folder.name, TERM="dumb")
    pid, master = pty.fork()
    if pid == 0:
        os.execve(HEARTH, [HEARTH, "serve", "--host", "127.0.0.1", "--port", "0"], env)
    said = b""
    while b"hearth serves at" not in said:
        said += os.read(master, 1000)
    os.kill(pid, signal.SIGHUP)
    time.sleep(0.2)
    same("SIGHUP at a terminal reads the keys", os.waitpid(pid, os.WNOHANG), (0, 0))
    os.close(master)
    ended = []
    result(until(lambda: ended.append(os.waitpid(pid, os.WNOHANG)) or ended[-1][0] == pid, 8), "the end of the terminal ends it")
    same("and well", ended[-1], (pid, 0))


def comm(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8") as f:
            return f.read().strip()
    except OSError:
        return ""


def confinement():
    def status(s):
        with open(f"/proc/{s.process.pid}/status", encoding="utf-8") as f:
            return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)

    doctor = json.loads(subprocess.run([HEARTH, "doctor", "--json"], capture_output=True, check=True).stdout)
    key = subprocess.run([HEARTH, "key", "add", "first"], capture_output=True, text=True, env=dict(os.environ, HEARTH_HOME=folder.name)).stdout.strip()
    s = start("--port", "0", "--require-key")
    same("no new rights, and a filter where there are any", (status(s)["NoNewPrivs"], status(s)["Seccomp"] == "2"), ("1", doctor["seccomp"]))
    tasks = os.listdir(f"/proc/{s.process.pid}/task")
    result(len(tasks) >= 4, "its threads run", tasks)
    same("a key from before is read", s.ask("GET", "/health", f"X-Api-Key: {key}")[0], 200)
    key = subprocess.run([HEARTH, "key", "add", "second"], capture_output=True, text=True, env=dict(os.environ, HEARTH_HOME=folder.name)).stdout.strip()
    same("one that is made later too", s.ask("GET", "/none", f"X-Api-Key: {key}")[0], 404)
    same("without one there is nothing", s.ask("GET", "/none")[0], 401)
    with open(f"/proc/{s.process.pid}/task/{s.process.pid}/children", encoding="utf-8") as f:
        helpers = f.read().split()
    same("its helper is beside it", [comm(h) for h in helpers], ["hearth-helper"])
    s.process.kill()
    s.process.wait()
    result(until(lambda: comm(helpers[0]) == ""), "and ends with it, however that ends")
    s = start("--port", "0", "--unconfined")
    same("--unconfined keeps the rights", status(s)["NoNewPrivs"], "0")
    same("it ends well", s.stop(), 0)


for part in (places, mistakes, encrypted, signals, terminal, confinement):
    part()
done()
