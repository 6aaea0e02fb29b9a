#!/bin/sh
# `hearth` alone: the page in a browser where somebody sits at a terminal with one, help everywhere else; and what the server says
# about the page to browsers and to others.
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
tap_begin 30
export HEARTH_HOME="$TAP_TMP/home"
unset DISPLAY WAYLAND_DISPLAY OLLAMA_HOST
mkdir -p "$HEARTH_HOME" "$TAP_TMP/bin"
printf '#!/bin/sh\necho "$1" >> "%s/opened"\n' "$TAP_TMP" > "$TAP_TMP/bin/xdg-open"
chmod +x "$TAP_TMP/bin/xdg-open"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export HEARTH_HOST=127.0.0.1:$port TERMINAL_TIMEOUT=20
term() { python3 "$root/tests/tools/terminal.py" "$@"; }
opened() { i=0; while [ ! -s "$TAP_TMP/opened" ] && [ $i -lt 100 ]; do sleep 0.1; i=$((i + 1)); done; cat "$TAP_TMP/opened" 2>&1; rm -f "$TAP_TMP/opened"; }

# ---- where nobody sits ----
out=$("$HEARTH" 2>&1 < /dev/null); is "without a terminal it prints help" "$?" 2
has "as it always did" "$out" "run MODEL"
out=$(PATH="$TAP_TMP/bin:$PATH" term "$HEARTH" < /dev/null)
has "without a screen too" "$out" "exit 2"
out=$(term env DISPLAY=:9 PATH=/nowhere "$HEARTH" < /dev/null)
has "and without xdg-open" "$out" "exit 2"
is "nothing was opened" "$(ls "$TAP_TMP/opened" 2>&1 | grep -c '^/.*opened$')" 0

# ---- where somebody sits ----
export DISPLAY=:9 PATH="$TAP_TMP/bin:$PATH"
mkfifo "$TAP_TMP/keys"
term "$HEARTH" < "$TAP_TMP/keys" > "$TAP_TMP/shown" &
exec 3> "$TAP_TMP/keys"
is "the browser is sent to the page" "$(opened)" "http://127.0.0.1:$port/"
out=$(term "$HEARTH" < /dev/null)
has "a second hearth finds the first" "$out" "hearth serves already; its page is http://127.0.0.1:$port/"
has "and ends well" "$out" "exit 0"
is "with the page again" "$(opened)" "http://127.0.0.1:$port/"

# ---- what the page's routes say ----
cat > "$TAP_TMP/get.py" <<'E2'
import http.client, json, sys
c = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
def ask(method, path, body=None, **headers):
    c.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
    r = c.getresponse()
    return r.status, dict((k.lower(), v) for k, v in r.getheaders()), r.read()
s, h, b = ask("GET", "/ui/index.html")
print("page", s, h["content-type"], h["x-content-type-options"], b"/ui/app.js" in b)
policy = dict((p.split(" ", 1) + [""])[:2] for p in h["content-security-policy"].split("; "))
print("policy", policy["default-src"], policy["script-src"], policy["style-src"], policy["connect-src"], policy["frame-ancestors"], policy["base-uri"], policy["form-action"], policy["require-trusted-types-for"])
print("again", *[f(ask("GET", "/ui/index.html", If_None_Match=h["etag"])) for f in (lambda r: r[0], lambda r: len(r[2]))])
print("other", ask("GET", "/ui/index.html", If_None_Match='"x"')[0])
print("head", *[f(ask("HEAD", "/ui/app.js")) for f in (lambda r: r[0], lambda r: r[1]["content-type"], lambda r: len(r[2]))])
print("none", *[ask("GET", p)[0] for p in ("/ui/", "/ui/nothing.js", "/ui/../serve/page.c", "/ui/%2e%2e/page.c", "/ui/strings")])
print("style", ask("GET", "/ui/style.css")[1]["content-type"], "icon", ask("GET", "/ui/icon.svg")[1]["content-type"])
print("words", *[ask("GET", f"/ui/strings/{l}.js")[0] for l in ("en", "es", "fr", "sw", "zu")])
print("root", ask("GET", "/", Accept="text/html,*/*")[1]["content-type"], ask("GET", "/", Accept="*/*")[2].decode().strip())
m = json.loads(ask("GET", "/hearth/models")[2])
print("models", m["default"], sorted(x["name"] for x in m["models"]), m["models"][0]["here"])
def verdict(**fields):
    s, h, b = ask("POST", "/hearth/feedback", json.dumps(fields), Content_Type="application/json")
    return s, json.loads(b)
said = dict(messages=[{"role": "user", "content": "q"}], answer="a")
print("kept", *verdict(verdict="good", receipt=None, **said))
print("bad", *(f(verdict(verdict="fine", **said)) for f in (lambda r: r[0], lambda r: r[1]["error"]["message"])))
print("strange", verdict(verdict="good", receipt=99, **said)[0], verdict(verdict="good", file="/etc/passwd", **said)[0], ask("POST", "/hearth/feedback", "[" * 100000)[0], ask("GET", "/hearth/feedback")[0])
print("foreign", ask("POST", "/hearth/feedback", json.dumps(dict(verdict="good", **said)), Origin="https://evil.example")[0], ask("GET", "/ui/index.html", Host="evil.example")[0])
E2
python3 "$TAP_TMP/get.py" "$port" > "$TAP_TMP/said" 2>&1
said() { grep "^$1 " "$TAP_TMP/said" || cat "$TAP_TMP/said"; }
is "the page" "$(said page)" "page 200 text/html; charset=utf-8 nosniff True"
is "may use nothing but this server" "$(said policy)" "policy 'none' 'self' 'self' 'self' 'none' 'none' 'none' 'script'"
is "is not sent twice" "$(said again)" "again 304 0"
is "but is when it is another" "$(said other)" "other 200"
is "HEAD has no body" "$(said head)" "head 200 text/javascript; charset=utf-8 0"
is "there are no other files" "$(said none)" "none 404 404 404 404 404"
is "types" "$(said style)" "style text/css; charset=utf-8 icon image/svg+xml"
is "five languages" "$(said words)" "words 200 200 200 200 200"
is "a browser gets the page, a client Ollama's text" "$(said root)" "root text/html; charset=utf-8 Ollama is running"
is "the models that could be here" "$(said models)" "models smollm2 ['embeddinggemma', 'gemma3-270m-base', 'minilm', 'smollm2'] False"
is "a verdict without a receipt" "$(said kept)" "kept 200 {'kept': True, 'decision': None}"
is "a bad one is refused" "$(said bad)" "bad 400 verdict: should be \"good\", \"wrong\" or \"corrected\""
is "strange ones too" "$(said strange)" "strange 404 400 400 405"
is "and other people's pages" "$(said foreign)" "foreign 403 403"
is "what was kept is exported as a conversation" "$("$HEARTH" feedback export)" '{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]}'
is "nothing was corrected, so there are no pairs" "$("$HEARTH" feedback export --form preference)" ""
"$HEARTH" feedback export -o "$TAP_TMP/pairs.jsonl"
is "into a file for its owner" "$(stat -c %a "$TAP_TMP/pairs.jsonl") $(wc -l < "$TAP_TMP/pairs.jsonl")" "600 1"
has "which is never replaced" "$("$HEARTH" feedback export -o "$TAP_TMP/pairs.jsonl" 2>&1; echo $?)" "File exists"
has "another word is a mistake" "$("$HEARTH" feedback list 2>&1; echo $?)" "there is: export"
printf 'keys \\x03\n' >&3
exec 3>&-
wait
has "Ctrl-C ends the server" "$(cat "$TAP_TMP/shown")" "exit 0"

# ---- another program at the port ----
python3 -c '
import http.server, threading, subprocess, sys, os
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self): self.send_response(200); self.end_headers(); self.wfile.write(b"Ollama is running")
    def log_message(self, *a): pass
s = http.server.HTTPServer(("127.0.0.1", 0), H)
threading.Thread(target=s.serve_forever, daemon=True).start()
os.environ["HEARTH_HOST"] = "127.0.0.1:%d" % s.server_port
print(subprocess.run([sys.executable, sys.argv[1], sys.argv[2]], stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout)
' "$root/tests/tools/terminal.py" "$HEARTH" > "$TAP_TMP/other"
has "another program at the port is named as such" "$(cat "$TAP_TMP/other")" "and it is not hearth"
tap_end
