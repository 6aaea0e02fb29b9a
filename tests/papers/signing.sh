#!/bin/sh
# `hearth sign` and `hearth verify` against the Python package model-signing, both ways, for a file and a folder.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../cli/tap.sh"
root=$(cd "$here/../.." && pwd)
: "${VENV:=$root/build/venv}"
if ! [ -x "$VENV/bin/model_signing" ]; then echo "Bail out! no $VENV: tools/venv makes it"; exit 1; fi
tap_begin 65
cd "$TAP_TMP" || exit 1
umask 022
call() { out=$("$HEARTH" "$@" 2> err < /dev/null); status=$?; err=$(cat err); }
says() { call "$@"; printf '%s %s%s' "$status" "$out" "$err"; }
theirs() { "$VENV/bin/model_signing" "$@"; }

head -c 300000 /dev/urandom > model.gguf
mkdir -p folder/sub folder/.git folder/a
for f in z.bin sub/a.bin sub.x a/b a.b .hidden .git/config; do echo "$f" > "folder/$f"; done
printf 'ünï\n' > "folder/ünï code.bin"

# ---- keys ----
call sign --new-key key.pem
has "a new key" "$status $out" "0 private key  key.pem"
is "its owner alone can read it" "$(stat -c %a key.pem)" 600
is "openssl reads it" "$(openssl pkey -in key.pem -noout -text 2>&1 | grep -c P-256)" 1
call sign --new-key key.pem
is "no key is overwritten" "$status" 2
openssl pkey -in key.pem -pubout -out pub.pem 2> /dev/null
is "its public half is that" "$(cat key.pem.pub)" "$(cat pub.pem)"
for c in prime256v1 secp384r1 secp521r1 secp256k1; do
    (umask 077; openssl ecparam -name $c -genkey -noout -out $c.pem) 2> /dev/null
    openssl pkey -in $c.pem -pubout -out $c.pub 2> /dev/null
done

# ---- ours, theirs; each tampered ----
for m in model.gguf folder; do
    call sign $m --key key.pem -o $m.ours
    has "$m: signed" "$status $out" "0 $m.ours: "
    ok "$m: model-signing accepts our signature" theirs verify key $m --public_key key.pem.pub --signature $m.ours
    has "$m: we accept our signature" "$(says verify $m --signature $m.ours --key key.pem.pub)" "0 good: "
    ok "$m: model-signing signs" theirs sign key $m --private_key key.pem --signature $m.theirs
    has "$m: we accept its signature" "$(says verify $m --signature $m.theirs --key key.pem.pub)" "0 good: "
    has "$m: not with another key" "$(says verify $m --signature $m.theirs --key prime256v1.pub)" "1 hearth: $m.theirs: signed by the key "
    not_ok "$m: nor does model-signing" theirs verify key $m --public_key prime256v1.pub --signature $m.ours
    for c in secp384r1 secp521r1; do
        theirs sign key $m --private_key $c.pem --signature $m.$c > /dev/null 2>&1
        has "$m: theirs on $c" "$(says verify $m --signature $m.$c --key $c.pub)" "0 good: "
        call sign $m --key $c.pem -o $m.$c
        ok "$m: ours on $c" theirs verify key $m --public_key $c.pub --signature $m.$c
    done
done
is "the two say the same of the folder" "$("$VENV/bin/python" - <<'P'
import base64, json
def statement(path):
    return json.loads(base64.b64decode(json.load(open(path))["dsseEnvelope"]["payload"]))
a, b = statement("folder.ours"), statement("folder.theirs")
for s in (a, b):
    s["predicate"]["serialization"]["ignore_paths"].sort()
print(a == b)
P
)" True
mkdir signed && cp -r folder signed/in && call sign signed/in --key key.pem -o signed/in/model.sig
ok "a signature in the folder itself: model-signing accepts" theirs verify key signed/in --public_key key.pem.pub --signature signed/in/model.sig
has "... and so do we" "$(says verify signed/in --signature signed/in/model.sig --key key.pem.pub)" "0 good: "

both_refuse() { # both_refuse NAME MODEL WORDS: neither takes either signature
    for s in ours theirs; do
        is "$1: we refuse $s" "$(says verify $2 --signature ${2%/}.$s --key key.pem.pub)" "1 hearth: $2: not as it was signed: $3"
        not_ok "$1: model-signing refuses $s" theirs verify key $2 --public_key key.pem.pub --signature ${2%/}.$s
    done
}
cp model.gguf kept; printf X | dd of=model.gguf bs=1 seek=1000 conv=notrunc 2> /dev/null
both_refuse "a byte changed" model.gguf "the file has changed"
cp kept model.gguf
echo more >> folder/sub/a.bin
both_refuse "a file changed" folder "sub/a.bin has changed"
echo sub/a.bin > folder/sub/a.bin; touch folder/extra
both_refuse "a file added" folder "extra was not signed"
rm folder/extra; mv folder/z.bin kept.z
both_refuse "a file gone" folder "z.bin is missing"
mv kept.z folder/z.bin

# ---- bundles that are none, changed, cut, or another model's ----
edit() { "$VENV/bin/python" - "$@" <<'P'
import base64, json, sys
bundle = json.load(open("folder.ours"))
envelope = bundle["dsseEnvelope"]
statement = json.loads(base64.b64decode(envelope["payload"]))
exec(sys.argv[1])
if "statement" in sys.argv[1]:
    envelope["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
json.dump(bundle, open("edited.sig", "w"))
P
}
refused() { edit "$2"; has "$1" "$(says verify folder --signature edited.sig --key key.pem.pub)" "1 hearth: edited.sig: $3"; }
refused "a digest changed in the bundle" 'statement["predicate"]["resources"][0]["digest"] = 64 * "0"' "the signature is not this key's, or what was signed has been changed"
refused "a signature changed" 'envelope["signatures"][0]["sig"] = base64.b64encode(b"no").decode()' "the signature is not this key's"
refused "two signatures" 'envelope["signatures"] *= 2' "dsseEnvelope.signatures is "
refused "another media type" 'bundle["mediaType"] = "application/json"' 'mediaType is "application/json", allowed: application/vnd.dev.sigstore.bundle.v0.3+json'
refused "no key in it" 'del bundle["verificationMaterial"]["publicKey"]' "verificationMaterial.publicKey is missing, allowed: a key"
refused "a payload that is not base64" 'envelope["payload"] = "***"' "dsseEnvelope.payload is not base64"
head -c 200 folder.ours > cut.sig
has "a bundle cut off" "$(says verify folder --signature cut.sig --key key.pem.pub)" "1 hearth: cut.sig: line "
has "another model's bundle" "$(says verify model.gguf --signature folder.ours --key key.pem.pub)" "1 hearth: model.gguf: not as it was signed: the file was not signed"
has "no bundle" "$(says verify model.gguf --signature gone.sig --key key.pem.pub)" "1 hearth: gone.sig: "

# ---- keys that are refused; nothing is written then ----
chmod 644 secp384r1.pem
has "a key that others can read" "$(says sign model.gguf --key secp384r1.pem -o no.sig)" "1 hearth: secp384r1.pem: others can read this key (mode 0644)"
is "another curve" "$(says sign model.gguf --key secp256k1.pem -o no.sig)" "1 hearth: secp256k1.pem: a key on the curve secp256k1, allowed: P-256, P-384 and P-521"
is "another curve, to verify" "$(says verify model.gguf --signature model.gguf.ours --key secp256k1.pub)" "1 hearth: secp256k1.pub: a key on the curve secp256k1, allowed: P-256, P-384 and P-521"
(umask 077; openssl genpkey -algorithm ed25519 -out ed.pem 2> /dev/null; openssl pkey -in key.pem -aes256 -passout pass:x -out locked.pem; cp key.pem.pub wrong.pem; echo hello > none.pem)
has "another kind of key" "$(says sign model.gguf --key ed.pem -o no.sig)" "1 hearth: ed.pem: a key of the kind "
has "a key with a passphrase" "$(says sign model.gguf --key locked.pem -o no.sig)" "1 hearth: locked.pem: this key is locked with a passphrase"
has "the public key to sign" "$(says sign model.gguf --key wrong.pem -o no.sig)" "1 hearth: wrong.pem: this is a public key"
has "the private key to verify" "$(says verify model.gguf --signature model.gguf.ours --key key.pem)" "1 hearth: key.pem: this is a private key"
has "no key at all" "$(says sign model.gguf --key none.pem -o no.sig)" "1 hearth: none.pem: no key in PEM form"
ln -s /etc/hostname folder/link
is "a link in the folder" "$(says sign folder --key key.pem -o no.sig)" "1 hearth: $TAP_TMP/folder/link: a link, allowed: files and folders (what it points to can change unseen)"
is "nothing was written" "$(ls no.sig 2>&1 | grep -c 'No such')" 1
tap_end
