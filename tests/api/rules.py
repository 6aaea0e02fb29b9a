"""rules.py - who may ask the server what, and in which form: routes, Host, Origin, bodies, headers."""
import json
import socket
import sys
import threading

from wire import ROUTES, Server, done, has, lacks, parse, result, same

s = Server(ROUTES, "127.0.0.1:0", "--origin", "https://app.example", "--host-name", "teacher.lan")
HERE = f"http://localhost:{s.port}"


def routes():
    status, headers, body = s.ask("GET", "/state")
    same("a route answers", (status, headers["content-type"]), (200, "application/json"))
    same("every answer forbids guessing its type, keeping it and using it from elsewhere",
         (headers["x-content-type-options"], headers["cache-control"], headers["cross-origin-resource-policy"], headers["vary"]),
         ("nosniff", "no-store", "same-origin", "Origin"))
    lacks("without an Origin nothing is said about one", headers, "access-control-allow-origin")
    status, headers, body = s.ask("HEAD", "/state")
    same("HEAD is GET without the body", (status, body, headers["content-length"] > "0"), (200, "", True))
    same("an unknown path, plain", s.ask("GET", "/none")[0::2], (404, "there is nothing at GET /none\n"))
    same("an unknown path of OpenAI's", json.loads(s.ask("GET", "/v1/none")[2]),
         {"error": {"message": "there is nothing at GET /v1/none", "type": "not_found_error", "param": None, "code": None}})
    same("an unknown path of Ollama's", json.loads(s.ask("GET", "/api/none")[2]), {"error": "there is nothing at GET /api/none"})
    status, headers, body = s.ask("GET", "/v1/object")
    same("another method: 405 with Allow, in the route's dialect", (status, headers["allow"], json.loads(body)["error"]["type"]),
         (405, "POST, OPTIONS", "invalid_request_error"))
    same("DELETE", s.ask("DELETE", "/state")[0], 200)
    same("a method nobody knows", s.ask("BREW", "/state")[0], 405)
    same("the rest of a path", json.loads(s.ask("GET", "/v1/things/a%2Fb/c?x=1")[2])["rest"], "a/b/c")
    same("a query is no part of a path", json.loads(s.ask("GET", "/state?a=/x&b")[2])["path"], "/state")
    same("a query with %00", s.ask("GET", "/state?a=%00")[0], 400)
    same("a path with %00", s.ask("GET", "/state%00x")[0], 400)
    same("a path with a newline", s.ask("GET", "/v1/things/a%0Ab")[0], 400)
    same("a path that is not UTF-8", s.ask("GET", "/v1/things/%ff")[0], 400)
    same("a path of 3000 bytes", s.ask("GET", "/v1/things/" + "a" * 3000)[0], 400)
    same("a target that is no path", s.ask("GET", "http:")[0], 400)
    same("../ is only text", json.loads(s.ask("GET", "/v1/things/../../etc/passwd")[2])["rest"], "../../etc/passwd")
    same("a route that does not answer gets an answer", s.ask("GET", "/forget")[0], 500)


def hosts():
    for h in ("localhost", "LOCALHOST.", f"127.0.0.1:{s.port}", "127.0.0.1", "[::1]:80", "a.localhost", "teacher.lan", "Teacher.LAN:1",
              socket.gethostname(), socket.gethostname() + ".local"):
        same(f"Host {h}", s.ask("GET", "/state", host=h)[0], 200)
    for h in ("evil.example", f"evil.example:{s.port}", "127.0.0.1.evil.example", "localhost.evil.example", "0.0.0.0", "8.8.8.8", "[::2]",
              "teacher.lan.evil.example"):
        same(f"Host {h} is not ours", s.ask("GET", "/state", host=h)[0], 403)
    for h in ("[::1", "localhost:99999", "localhost:x", "a b", "user@localhost", "a,localhost", "localhost/"):
        same(f"Host {h} is none", s.ask("GET", "/state", host=h)[0], 400)
    same("an empty Host", s.ask("GET", "/state", host=" ")[0], 400)
    same("no Host in HTTP/1.1", parse(s.raw(b"GET /state HTTP/1.1\r\nConnection: close\r\n\r\n"))[0], 400)
    same("no Host in HTTP/1.0", parse(s.raw(b"GET /state HTTP/1.0\r\n\r\n"))[0], 200)
    same("two Hosts", s.ask("GET", "/state", "Host: localhost")[0], 400)
    same("the Host is checked before the route", s.ask("GET", "/none", host="evil.example")[0], 403)
    same("and of a preflight", s.ask("OPTIONS", "/state", "Origin: http://evil.example", host="evil.example")[0], 403)
    status, _, body = s.ask("POST", "/v1/object", "Content-Type: application/json", body="{}", host="evil.example")
    same("a rebound name cannot post", (status, json.loads(body)["error"]["code"]), (403, "host_not_allowed"))


def origins():
    for o in (HERE, f"http://127.0.0.1:{s.port}", f"http://[::1]:{s.port}", "https://app.example"):
        status, headers, _ = s.ask("GET", "/state", f"Origin: {o}")
        same(f"Origin {o}", (status, headers.get("access-control-allow-origin")), (200, o))
        lacks("never with credentials", headers, "access-control-allow-credentials")
    same("a page of this server under its other name", s.ask("GET", "/state", f"Origin: http://teacher.lan:{s.port}", host=f"teacher.lan:{s.port}")[0], 200)
    for o in ("http://evil.example", "null", "https://app.example.evil.example", "http://app.example", f"https://localhost:{s.port}", "http://localhost",
              "http://localhost:1", "file://", f"http://evil.example:{s.port}", "https://app.example:444", "", f"http://teacher.lan:{s.port}", "*"):
        for method, path in (("GET", "/state"), ("POST", "/v1/object"), ("DELETE", "/state"), ("OPTIONS", "/state")):
            status, headers, _ = s.ask(method, path, f"Origin: {o}", "Content-Type: application/json", body="{}", host=f"localhost:{s.port}")
            if status != 403 or "access-control-allow-origin" in headers:
                result(False, f"Origin {o!r} on {method}", status, headers)
                break
        else:
            result(True, f"Origin {o!r} is refused on every method")
    same("two Origins", s.ask("GET", "/state", f"Origin: {HERE}", "Origin: http://evil.example")[0], 403)
    status, headers, body = s.ask("OPTIONS", "/v1/object", "Origin: https://app.example", "Access-Control-Request-Method: POST",
                                  "Access-Control-Request-Headers: authorization, content-type,x-stainless-os, x-stainless-retry-count, x-evil, cookie")
    same("a preflight", (status, headers["access-control-allow-origin"], headers["access-control-allow-headers"], body),
         (204, "https://app.example", "authorization, content-type, x-stainless-os, x-stainless-retry-count", ""))
    has("with its methods", headers["access-control-allow-methods"], "DELETE")
    for kind in ("text/plain", "text/plain; application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx"):
        same(f"a page's {kind} is refused", s.ask("POST", "/v1/object", f"Origin: {HERE}", f"Content-Type: {kind}", body="{}")[0], 415)
    same("a page's request without a type too", s.ask("POST", "/v1/object", f"Origin: {HERE}", body="{}")[0], 415)
    same("a page's JSON is taken", s.ask("POST", "/v1/object", f"Origin: {HERE}", "Content-Type: application/json; charset=utf-8", body="{}")[0], 200)
    same("without an Origin the type is anybody's", s.ask("POST", "/v1/object", "Content-Type: text/plain", body="{}")[0], 200)


def objects():
    def post(body):
        status, _, text = s.ask("POST", "/v1/object", body=body)
        return status, text

    same("an object", json.loads(post('{"a": 1, "b": [2]}')[1])["members"], 2)
    for name, body in (("nothing", ""), ("an array", "[]"), ("a number", "1"), ("half of one", '{"a":'), ("one and more", "{} {}"),
                       ("one with a name twice", '{"a":1,"a":2}'), ("NaN", '{"a": NaN}'), ("a number too large", '{"a": 1e999}'),
                       ("an integer too large", '{"a": 99999999999999999999}'), ("bytes that are not UTF-8", b'{"a": "\xff"}'),
                       ("a NUL", '{"a": "\\u0000"}'), ("a lone surrogate", '{"a": "\\ud800"}'), ("a control character", b'{"a": "\x01"}'),
                       ("nested 65 deep", '{"a":' + "[" * 64 + "]" * 64 + "}"), ("nested a million deep", "[" * 1000000),
                       ("500000 values", '{"a":[' + "1," * 500000 + "1]}"), ("a byte order mark", b"\xef\xbb\xbf{}")):
        status, text = post(body)
        result(status == 400 and json.loads(text)["error"]["message"], f"a body of {name} is a 400 with a sentence", status, text[:300])
    same("nested 64 deep is taken", post('{"a":' + "[" * 63 + "]" * 63 + "}")[0], 200)
    same("Ollama's dialect", list(json.loads(s.ask("POST", "/api/object", body="[]")[2])), ["error"])
    many, got = '{"a":[' + "1," * 390000 + "1]}", []      # 0.8 MB, of which reading makes thirty times as much
    crowd = [threading.Thread(target=lambda: got.append(s.ask("POST", "/v1/object?seconds=3", body=many))) for _ in range(14)]
    for t in crowd:
        t.start()
    for t in crowd:
        t.join()
    statuses = [g[0] for g in got]
    result(set(statuses) == {200, 503} and statuses.count(200) >= 10, "what JSON takes counts as the bodies do: with too much of it at once some are told to try again", statuses)
    same("when", {g[1].get("retry-after") for g in got if g[0] == 503}, {"5"})
    same("and then it is taken", post(many)[0], 200)


def sizes():
    same("a body comes back as it was", s.ask("POST", "/echo", body="x" * 100000)[2], "x" * 100000)
    same("101 bytes where 100 are allowed", s.ask("POST", "/small", body="x" * 101)[0::2],
         (413, '{"error":"a request to /small may have 100 bytes, and this one has 101"}'))
    chunked = b"POST /small HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    same("chunks are counted", parse(s.raw(chunked + b"65\r\n" + b"x" * 101 + b"\r\n0\r\n\r\n"))[0], 413)
    same("chunks that fit", parse(s.raw(chunked + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"))[0::2], (200, "abcde"))
    same("a body that is announced too large is not waited for",
         parse(s.raw(b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 17000000\r\n\r\n"))[0], 413)
    same("nor one that wants to be asked", parse(s.raw(b"POST /small HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 101\r\n\r\n"))[0], 413)
    for name, head in (("a length of letters", b"Content-Length: x"), ("a negative length", b"Content-Length: -5"),
                       ("a length that wraps", b"Content-Length: 18446744073709551616")):
        answer = s.raw(b"POST /echo HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n\r\nhello")
        result(parse(answer)[0] in (0, 400, 413), name, answer)
    answer = s.raw(b"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nhello\r\n0\r\n\r\n")
    result(parse(answer)[0] in (0, 400), "a bad chunk", answer)
    answer = s.raw(b"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\nhello\r\n0\r\n\r\n")
    result(parse(answer)[0] in (0, 400, 413), "a chunk of 2^80 bytes", answer)
    smuggled = b"GET /state HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for name, heads in (("length and chunks", b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n"),
                        ("two lengths", b"Content-Length: 0\r\nContent-Length: %d\r\n" % len(smuggled)),
                        ("another coding", b"Transfer-Encoding: gzip, chunked\r\n"), ("an unknown coding", b"Transfer-Encoding: xchunked\r\n"),
                        ("a space before the colon", b"Content-Length : %d\r\n" % len(smuggled)), ("a tab there", b"Transfer-Encoding\t: chunked\r\n"),
                        ("a folded length", b"Content-Length:\r\n %d\r\n" % len(smuggled)), ("a folded coding", b"Transfer-Encoding:\r\n chunked\r\n"),
                        ("a length in a folded line", b"X: a\r\n Content-Length: %d\r\n" % len(smuggled)), ("in a bare CR", b"X: a\rContent-Length: %d\r\n" % len(smuggled)),
                        ("in another's name", b"X[]: 1\r\nContent-Length\x0b: 5\r\n"), ("among too many", b"".join(b"X-%d: y\r\n" % i for i in range(200)) + b"Content-Length : 5\r\n")):
        answer = s.raw(b"POST /echo HTTP/1.1\r\nHost: localhost\r\n" + heads + b"\r\n" + smuggled)
        result(parse(answer)[0] in (400, 431) and answer.count(b"HTTP/1.1") == 1, f"{name}: no request hides in another", answer)
    same("a header of 100 kB", parse(s.raw(b"GET /state HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 100000 + b"\r\n\r\n"))[0], 431)
    same("200 headers", s.ask("GET", "/state", *[f"X-{i}: y" for i in range(200)])[0], 431)
    same("200 parameters", s.ask("GET", "/state?" + "&".join(f"a{i}=1" for i in range(200)))[0], 431)
    result(parse(s.raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"))[0] in (0, 400), "TLS on a plain port")
    result(parse(s.raw(b"\r\n" * 10 + b"nonsense\r\n\r\n"))[0] in (0, 400), "nonsense")


def log():
    s.ask("POST", "/v1/object?key=hk-secret", "Authorization: Bearer hk-verysecret", "Content-Type: application/json", body='{"prompt": "my diary"}')
    s.ask("GET", "/none%0d%0a2026-11-28 forged")
    text = s.text()
    has("a line a request", text, "POST /v1/object 200 ")
    for word in ("diary", "secret", "\nforged", "\n2026"):
        lacks(f"no {word!r} in the log", text, word)
    same("after all this the server serves", s.ask("GET", "/state")[0], 200)
    same("nothing is left open", json.loads(s.ask("GET", "/state")[2])["open"], 1)


for part in (routes, hosts, origins, objects, sizes, log):
    part()
same("it ends well", s.stop(), 0)
done()
