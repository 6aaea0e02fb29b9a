// Proofs, growth and cosignatures as `hearth ledger` writes them, read by other people's code: golang.org/x/mod's note and tlog,
// and cosignature/v1 written here from its specification with Go's own Ed25519.  A witness of ours is asked from Go, one in Go by us.
//
// HEARTH is the program, MAKE_RECEIPTS the tool that fills a ledger with made-up receipts.
package proof

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	mrand "math/rand"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// ---- the program ----

type home struct {
	t   *testing.T
	dir string
}

func program(t *testing.T, variable string) string {
	path := os.Getenv(variable)
	if path == "" {
		t.Fatalf("%s is not set: which program is tested?", variable)
	}
	return path
}

func newHome(t *testing.T, receipts int) *home {
	h := &home{t, t.TempDir()}
	h.grow(receipts)
	return h
}

func (h *home) command(path string, args ...string) *exec.Cmd {
	c := exec.Command(path, args...)
	c.Env = append(os.Environ(), "HEARTH_HOME="+h.dir)
	return c
}

func (h *home) grow(n int) {
	h.t.Helper()
	if out, err := h.command(program(h.t, "MAKE_RECEIPTS"), strconv.Itoa(n)).CombinedOutput(); err != nil {
		h.t.Fatalf("make_receipts: %v: %s", err, out)
	}
}

// try gives what `hearth ledger ...` prints, and its complaint as an error.
func (h *home) try(args ...string) ([]byte, error) {
	c := h.command(program(h.t, "HEARTH"), append([]string{"ledger"}, args...)...)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		return nil, errors.New(strings.TrimSpace(errs.String()))
	}
	return out.Bytes(), nil
}

func (h *home) ledger(args ...string) []byte {
	h.t.Helper()
	out, err := h.try(args...)
	if err != nil {
		h.t.Fatalf("hearth ledger %v: %v", args, err)
	}
	return out
}

func (h *home) vkey() string {
	h.t.Helper()
	text, err := os.ReadFile(filepath.Join(h.dir, "keys/ledger.vkey"))
	if err != nil {
		h.t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

func (h *home) verifier() note.Verifier {
	h.t.Helper()
	v, err := note.NewVerifier(h.vkey())
	if err != nil {
		h.t.Fatal(err)
	}
	return v
}

func clone(b []byte) []byte { return append([]byte(nil), b...) }

// ---- tlog-proof, add-checkpoint: the specifications, read in Go ----

type proofFile struct {
	index  int64 // or the old size
	extra  []byte
	hashes []tlog.Hash
	note   []byte
}

func number(line, word string) (int64, error) {
	rest := strings.TrimPrefix(line, word+" ")
	n, err := strconv.ParseInt(rest, 10, 64)
	if rest == line || err != nil || n < 0 || strconv.FormatInt(n, 10) != rest {
		return 0, fmt.Errorf("%q is not %q and a number", line, word)
	}
	return n, nil
}

func parse(data []byte) (*proofFile, string, error) {
	head, rest, ok := strings.Cut(string(data), "\n\n")
	if !ok {
		return nil, "", errors.New("no empty line")
	}
	lines, p, kind, err := strings.Split(head, "\n"), &proofFile{note: []byte(rest)}, "growth", error(nil)
	if lines[0] == "c2sp.org/tlog-proof@v1" {
		kind, lines = "inclusion", lines[1:]
		if len(lines) > 0 && strings.HasPrefix(lines[0], "extra ") {
			if p.extra, err = base64.StdEncoding.Strict().DecodeString(lines[0][6:]); err != nil {
				return nil, "", err
			}
			lines = lines[1:]
		}
		if len(lines) == 0 {
			return nil, "", errors.New("no index")
		}
		p.index, err = number(lines[0], "index")
	} else {
		p.index, err = number(lines[0], "old")
	}
	for _, line := range lines[1:] {
		h, bad := base64.StdEncoding.Strict().DecodeString(line)
		if bad != nil || len(h) != tlog.HashSize {
			return nil, "", fmt.Errorf("%q is no hash", line)
		}
		p.hashes = append(p.hashes, tlog.Hash{})
		copy(p.hashes[len(p.hashes)-1][:], h)
	}
	return p, kind, err
}

func checkpoint(text string) (origin string, tree tlog.Tree, err error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 {
		return "", tree, errors.New("a checkpoint has three lines")
	}
	if tree.N, err = number("size "+lines[1], "size"); err != nil {
		return "", tree, err
	}
	tree.Hash, err = tlog.ParseHash(lines[2])
	return lines[0], tree, err
}

// opened is the proof's checkpoint, signed by every one of these.
func (p *proofFile) opened(by ...note.Verifier) (tlog.Tree, error) {
	n, err := note.Open(p.note, note.VerifierList(by...))
	if err != nil {
		return tlog.Tree{}, err
	}
	if len(n.Sigs) != len(by) {
		return tlog.Tree{}, fmt.Errorf("%d signatures, %d wanted", len(n.Sigs), len(by))
	}
	origin, tree, err := checkpoint(n.Text)
	if err == nil && origin != by[0].Name() {
		err = fmt.Errorf("a checkpoint of %q", origin)
	}
	return tree, err
}

func checkInclusion(data, entry []byte, by ...note.Verifier) error {
	p, kind, err := parse(data)
	if err != nil {
		return err
	}
	if kind != "inclusion" {
		return errors.New("no proof of inclusion")
	}
	tree, err := p.opened(by...)
	if err != nil {
		return err
	}
	if entry == nil {
		entry = p.extra
	}
	return tlog.CheckRecord(tlog.RecordProof(p.hashes), tree.N, tree.Hash, p.index, tlog.RecordHash(entry))
}

// ---- cosignature/v1: Ed25519 over "cosignature/v1\ntime T\n" and the checkpoint ----

type cosigner struct {
	name string
	id   uint32
	key  ed25519.PublicKey
}

func keyID(name string, key ed25519.PublicKey) uint32 {
	sum := sha256.Sum256(append([]byte(name+"\n\x04"), key...))
	return binary.BigEndian.Uint32(sum[:])
}

func parseCosigner(vkey string) (*cosigner, error) {
	part := strings.SplitN(vkey, "+", 3)
	if len(part) != 3 {
		return nil, errors.New("no verifier key")
	}
	id, err := hex.DecodeString(part[1])
	if err != nil || len(id) != 4 {
		return nil, errors.New("no key id")
	}
	key, err := base64.StdEncoding.DecodeString(part[2])
	if err != nil || len(key) != 33 || key[0] != 4 {
		return nil, errors.New("no key of type 4")
	}
	c := &cosigner{part[0], binary.BigEndian.Uint32(id), key[1:]}
	if c.id != keyID(c.name, c.key) {
		return nil, errors.New("the key's id is not that of its name")
	}
	return c, nil
}

func message(t uint64, text []byte) []byte {
	return append([]byte(fmt.Sprintf("cosignature/v1\ntime %d\n", t)), text...)
}

func (c *cosigner) Name() string    { return c.name }
func (c *cosigner) KeyHash() uint32 { return c.id }
func (c *cosigner) Verify(text, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	t := binary.BigEndian.Uint64(sig)
	age := time.Since(time.Unix(int64(t), 0))
	return age > -time.Minute && age < time.Hour && ed25519.Verify(c.key, message(t, text), sig[8:])
}

// ---- proofs ----

func TestProofFiles(t *testing.T) {
	h := newHome(t, 700)
	v := h.verifier()
	for _, i := range []int{0, 1, 254, 255, 256, 257, 511, 512, 698, 699, 333} {
		word := strconv.Itoa(i)
		entry := h.ledger("show", word, "--json")
		if err := checkInclusion(h.ledger("prove", word), entry, v); err != nil {
			t.Errorf("entry %d: %v", i, err)
		}
		if err := checkInclusion(h.ledger("prove", word, "--with-entry"), nil, v); err != nil {
			t.Errorf("entry %d in its proof: %v", i, err)
		}
	}
}

func TestTamperedProofFiles(t *testing.T) {
	h := newHome(t, 300)
	v, good := h.verifier(), h.ledger("prove", "123", "--with-entry")
	file := filepath.Join(t.TempDir(), "proof")
	if err := checkInclusion(good, nil, v); err != nil {
		t.Fatal(err)
	}
	r := mrand.New(mrand.NewSource(1))
	for i := 0; i < 2000; i++ {
		bad := clone(good)
		at := r.Intn(8 * len(bad))
		bad[at/8] ^= 1 << (at % 8)
		if checkInclusion(bad, nil, v) == nil {
			t.Errorf("bit %d of byte %d: x/mod did not notice", at%8, at/8)
		}
		if i%40 != 0 { // the program itself, which takes longer to start
			continue
		}
		if err := os.WriteFile(file, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := h.try("check", file, "--key", h.vkey()); err == nil {
			t.Errorf("bit %d of byte %d: hearth did not notice", at%8, at/8)
		}
	}
}

func TestGrowthFiles(t *testing.T) {
	h := newHome(t, 1)
	v := h.verifier()
	var older [][]byte
	for _, n := range []int{1, 5, 249, 1, 300} { // 2, 7, 256, 257, 557
		now, err := os.ReadFile(filepath.Join(h.dir, "ledger/checkpoint"))
		if err != nil {
			t.Fatal(err)
		}
		older = append(older, now)
		h.grow(n)
	}
	file := filepath.Join(t.TempDir(), "older")
	for _, old := range older {
		if err := os.WriteFile(file, old, 0o600); err != nil {
			t.Fatal(err)
		}
		p, kind, err := parse(h.ledger("prove", "--from", file))
		if err != nil || kind != "growth" {
			t.Fatal(kind, err)
		}
		now, err := p.opened(v)
		if err != nil {
			t.Fatal(err)
		}
		n, err := note.Open(old, note.VerifierList(v))
		if err != nil {
			t.Fatal(err)
		}
		_, then, err := checkpoint(n.Text)
		if err != nil || then.N != p.index {
			t.Fatal(then.N, p.index, err)
		}
		if err := tlog.CheckTree(tlog.TreeProof(p.hashes), now.N, now.Hash, then.N, then.Hash); err != nil {
			t.Errorf("from %d to %d: %v", then.N, now.N, err)
		}
		then.Hash[0] ^= 1
		if tlog.CheckTree(tlog.TreeProof(p.hashes), now.N, now.Hash, then.N, then.Hash) == nil {
			t.Errorf("from %d to %d: another root passes too", then.N, now.N)
		}
	}
}

// ---- our witness, asked from Go ----

func (h *home) witness(args ...string) (url string, c *cosigner) {
	h.t.Helper()
	args = append([]string{"ledger", "witness", "--listen", "127.0.0.1:0", "--state", h.t.TempDir()}, args...)
	cmd := h.command(program(h.t, "HEARTH"), args...)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	var text []byte
	for one := make([]byte, 1); bytes.Count(text, []byte("\n")) < 2; text = append(text, one...) {
		if _, err := io.ReadFull(out, one); err != nil {
			h.t.Fatalf("the witness ended: %s", text)
		}
	}
	lines := strings.Split(string(text), "\n")
	address, _, _ := strings.Cut(strings.TrimPrefix(lines[0], "listening at "), ",")
	if c, err = parseCosigner(lines[1]); err != nil {
		h.t.Fatal(lines[1], err)
	}
	return "http://" + address, c
}

func post(t *testing.T, url string, body []byte) (int, []byte) {
	t.Helper()
	r, err := http.Post(url+"/add-checkpoint", "text/plain", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	answer, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, answer
}

func TestOurWitness(t *testing.T) {
	h := newHome(t, 400)
	url, c := h.witness("--trust", h.vkey(), "--name", "witness.test/go")
	now, err := os.ReadFile(filepath.Join(h.dir, "ledger/checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	status, line := post(t, url, append([]byte("old 0\n\n"), now...))
	if status != 200 {
		t.Fatal(status, string(line))
	}
	n, err := note.Open(append(clone(now), line...), note.VerifierList(h.verifier(), c))
	if err != nil || len(n.Sigs) != 2 {
		t.Fatal("the cosignature does not verify: ", err)
	}
	for i := range line { // any other signature is none
		bad := clone(line)
		bad[i] ^= 1
		if n, err := note.Open(append(clone(now), bad...), note.VerifierList(h.verifier(), c)); err == nil && len(n.Sigs) == 2 {
			t.Errorf("byte %d of the signature line was changed, and it verifies", i)
		}
	}
	if status, size := post(t, url, append([]byte("old 0\n\n"), now...)); status != 409 || string(size) != "400\n" {
		t.Error("an old size it knows better: ", status, string(size))
	}
	h.ledger("witness", url, "--key", fmt.Sprintf("%s+%08x+%s", c.name, c.id, base64.StdEncoding.EncodeToString(append([]byte{4}, c.key...))))
	if err := checkInclusion(h.ledger("prove", "17", "--with-entry"), nil, h.verifier(), c); err != nil {
		t.Error("a proof with its cosignature: ", err)
	}
	origin := sha256.Sum256([]byte(h.verifier().Name()))
	r, err := http.Get(url + "/" + hex.EncodeToString(origin[:]) + "/checkpoint")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	kept, _ := io.ReadAll(r.Body)
	if n, err := note.Open(kept, note.VerifierList(h.verifier(), c)); err != nil || len(n.Sigs) != 2 {
		t.Error("what monitors are given: ", r.Status, err)
	}
}

// ---- a witness in Go, asked by our client ----

type goWitness struct {
	sync.Mutex
	log    note.Verifier
	name   string
	secret ed25519.PrivateKey
	last   tlog.Tree
	spoil  func(line []byte) []byte // what it answers in place of the truth; nil: the truth
}

func (w *goWitness) vkey() string {
	key := w.secret.Public().(ed25519.PublicKey)
	return fmt.Sprintf("%s+%08x+%s", w.name, keyID(w.name, key), base64.StdEncoding.EncodeToString(append([]byte{4}, key...)))
}

func (w *goWitness) ServeHTTP(to http.ResponseWriter, r *http.Request) {
	w.Lock()
	defer w.Unlock()
	body, _ := io.ReadAll(r.Body)
	p, kind, err := parse(body)
	if err != nil || kind != "growth" || r.Method != "POST" || r.URL.Path != "/w/add-checkpoint" {
		http.Error(to, "bad request", 400)
		return
	}
	tree, err := p.opened(w.log)
	switch {
	case err != nil:
		http.Error(to, err.Error(), 403)
	case p.index != w.last.N:
		to.Header().Set("Content-Type", "text/x.tlog.size")
		to.WriteHeader(409)
		fmt.Fprintf(to, "%d\n", w.last.N)
	case w.last.N > 0 && tlog.CheckTree(tlog.TreeProof(p.hashes), tree.N, tree.Hash, w.last.N, w.last.Hash) != nil:
		http.Error(to, "a fork", 422)
	default:
		n, _ := note.Open(p.note, note.VerifierList(w.log))
		w.last = tree
		sig := binary.BigEndian.AppendUint32(nil, keyID(w.name, w.secret.Public().(ed25519.PublicKey)))
		now := uint64(time.Now().Unix())
		sig = binary.BigEndian.AppendUint64(sig, now)
		sig = append(sig, ed25519.Sign(w.secret, message(now, []byte(n.Text)))...)
		line := []byte(fmt.Sprintf("— %s %s\n", w.name, base64.StdEncoding.EncodeToString(sig)))
		if w.spoil != nil {
			line = w.spoil(line)
		}
		to.Write(line)
	}
}

func TestTheirWitness(t *testing.T) {
	h := newHome(t, 40)
	_, secret, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	w := &goWitness{log: h.verifier(), name: "witness.example/go", secret: secret}
	server := httptest.NewServer(w)
	defer server.Close()
	url := server.URL + "/w"
	c, err := parseCosigner(w.vkey())
	if err != nil {
		t.Fatal(err)
	}
	h.ledger("witness", url, "--key", w.vkey())
	h.grow(300)
	h.ledger("witness", url+"/", "--key", w.vkey()) // a slash at the end is no other witness
	if w.last.N != 340 {
		t.Error("it has signed ", w.last.N)
	}
	if err := checkInclusion(h.ledger("prove", "5", "--with-entry"), nil, h.verifier(), c); err != nil {
		t.Error(err)
	}
	stranger := []byte("— somebody.else/w AAAAAAAAAAAAAAAA\n")
	h.grow(1)
	w.spoil = func(line []byte) []byte { return append(stranger, line...) } // lines of unknown keys are passed over
	h.ledger("witness", url, "--key", w.vkey())
	for name, spoil := range map[string]func([]byte) []byte{
		"nothing":            func(line []byte) []byte { return nil },
		"a stranger's line":  func(line []byte) []byte { return stranger },
		"half a line":        func(line []byte) []byte { return line[:len(line)/2] },
		"no newline":         func(line []byte) []byte { return line[:len(line)-1] },
		"a wrong signature":  func(line []byte) []byte { return bytes.Replace(line, line[40:44], []byte("AAAA"), 1) },
		"a page":             func(line []byte) []byte { return []byte("<html>\n\n</html>") },
		"two megabytes":      func(line []byte) []byte { return make([]byte, 2<<20) },
		"control characters": func(line []byte) []byte { return []byte("— \x1b[2J\x00\n") },
	} {
		h.grow(1)
		w.spoil = spoil
		if _, err := h.try("witness", url, "--key", w.vkey()); err == nil {
			t.Errorf("%s in place of a cosignature: it was taken", name)
		} else if strings.Count(err.Error(), "\n") > 0 || !strings.HasPrefix(err.Error(), "hearth: ") {
			t.Errorf("%s in place of a cosignature: not one sentence: %q", name, err)
		}
	}
	w.spoil = nil
	h.ledger("witness", url, "--key", w.vkey()) // and the truth is still taken
	h.ledger("verify")
	w.last.Hash[0] ^= 1 // now it has signed something else
	h.grow(1)
	if _, err := h.try("witness", url, "--key", w.vkey()); err == nil || !strings.Contains(err.Error(), "as a fork") {
		t.Error("a fork: ", err)
	}
}
