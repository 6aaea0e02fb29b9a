// The ledger seen by somebody else's code: Go's sumdb/note and sumdb/tlog, which guard Go's own module checksums, read our keys,
// checkpoints, tiles and proofs, and refuse them when a bit is changed.  LEDGER_TOOL is tests/tools/ledger.c, built.
package tests

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// 70,000: tiles of three levels, the example of the tlog-tiles specification.
const size = 70000

var home, dir string

func tool(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.Command(os.Getenv("LEDGER_TOOL"), args...).Output()
	if err != nil {
		if e, ok := err.(*exec.ExitError); ok {
			t.Fatalf("%v: %v: %s", args, err, e.Stderr)
		}
		t.Fatalf("%v: %v", args, err)
	}
	return string(out)
}

func TestMain(m *testing.M) {
	var err error
	if home, err = os.MkdirTemp("", "hearth-go"); err != nil {
		panic(err)
	}
	dir = filepath.Join(home, "ledger")
	out, err := exec.Command(os.Getenv("LEDGER_TOOL"), "append", dir, strconv.Itoa(size), "20000").CombinedOutput()
	if err != nil {
		fmt.Printf("LEDGER_TOOL: %v: %s\n", err, out)
		os.Exit(1)
	}
	status := m.Run()
	os.RemoveAll(home)
	os.Exit(status)
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func verifier(t testing.TB) note.Verifier {
	t.Helper()
	v, err := note.NewVerifier(strings.TrimSpace(tool(t, "vkey", dir)))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// checkpoint opens a signed checkpoint with Go's code and reads its three lines.
func checkpoint(t testing.TB, text []byte, v ...note.Verifier) (tlog.Tree, error) {
	n, err := note.Open(text, note.VerifierList(v...))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 4 || lines[0] != v[0].Name() || lines[3] != "" {
		t.Fatalf("not three lines: %q", n.Text)
	}
	count, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		t.Fatal(err)
	}
	return tlog.Tree{N: count, Hash: root}, nil
}

func tree(t testing.TB) tlog.Tree {
	t.Helper()
	c, err := checkpoint(t, read(t, "checkpoint"), verifier(t))
	if err != nil {
		t.Fatal(err)
	}
	if c.N != size {
		t.Fatalf("%d entries", c.N)
	}
	return c
}

// tiles reads our files; spoil may change what was read.
type tiles struct {
	t     testing.TB
	spoil func(tile tlog.Tile, data []byte) []byte
}

func (r tiles) Height() int                                { return 8 }
func (r tiles) SaveTiles(tiles []tlog.Tile, data [][]byte) {}
func (r tiles) ReadTiles(want []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range want {
		// Go's names begin with tile/8/, C2SP's do without the height; both write the same behind it.
		data := read(r.t, "tile/"+strings.TrimPrefix(tile.Path(), "tile/8/"))
		if r.spoil != nil {
			data = r.spoil(tile, data)
		}
		all = append(all, data)
	}
	return all, nil
}

func entries(t testing.TB) [][]byte {
	t.Helper()
	var all [][]byte
	for n := int64(0); n*256 < size; n++ {
		tile := tlog.Tile{H: 8, L: -1, N: n, W: 256}
		if size-n*256 < 256 {
			tile.W = int(size - n*256)
		}
		name := strings.Replace(tile.Path(), "tile/8/data/", "tile/entries/", 1)
		for data := read(t, name); len(data) > 0; {
			length := int(binary.BigEndian.Uint16(data))
			all = append(all, data[2:2+length])
			data = data[2+length:]
		}
	}
	return all
}

func TestCheckpoint(t *testing.T) {
	tree(t)
}

// Every bit of the text, and of the signature but its last two, which base64 has over.
func TestTamperedCheckpoint(t *testing.T) {
	good, v := read(t, "checkpoint"), verifier(t)
	for i := 0; i < len(good)-4; i++ {
		for bit := 0; bit < 8; bit++ {
			bad := append([]byte(nil), good...)
			bad[i] ^= 1 << bit
			if _, err := note.Open(bad, note.VerifierList(v)); err == nil {
				t.Fatalf("bit %d of byte %d changed, and accepted", bit, i)
			}
		}
	}
	_, other, err := note.GenerateKey(nil, v.Name())
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := note.NewVerifier(other)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := note.Open(good, note.VerifierList(stranger)); err == nil {
		t.Fatal("another key of the same name accepts it")
	}
}

func TestTiles(t *testing.T) {
	c, all := tree(t), entries(t)
	if len(all) != size {
		t.Fatalf("%d entries", len(all))
	}
	r := tlog.TileHashReader(c, tiles{t: t})
	root, err := tlog.TreeHash(size, r)
	if err != nil || root != c.Hash {
		t.Fatalf("root %v, %v; the checkpoint's is %v", root, err, c.Hash)
	}
	var index []int64
	for i, entry := range all {
		if string(entry) != fmt.Sprintf("entry %d", i) {
			t.Fatalf("entry %d: %q", i, entry)
		}
		index = append(index, tlog.StoredHashIndex(0, int64(i)))
	}
	hashes, err := r.ReadHashes(index)
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		if hashes[i] != tlog.RecordHash(all[i]) {
			t.Fatalf("leaf %d", i)
		}
	}
}

func TestTamperedTiles(t *testing.T) {
	c, random := tree(t), rand.New(rand.NewSource(1))
	for i := 0; i < 200; i++ {
		leaf, changed := random.Int63n(size), 0
		r := tlog.TileHashReader(c, tiles{t, func(tile tlog.Tile, data []byte) []byte {
			if tile.L == i%3 {
				data[random.Intn(len(data))] ^= 1 << random.Intn(8)
				changed++
			}
			return data
		}})
		if _, err := r.ReadHashes([]int64{tlog.StoredHashIndex(0, leaf)}); err == nil {
			t.Fatalf("entry %d: %d tiles of level %d changed, and accepted", leaf, changed, i%3)
		}
	}
}

func hashes(t testing.TB, text string) []tlog.Hash {
	t.Helper()
	var all []tlog.Hash
	for _, line := range strings.Fields(text) {
		h, err := tlog.ParseHash(line)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, h)
	}
	return all
}

func same(a, b []tlog.Hash) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

var sizes = []int64{1, 2, 3, 255, 256, 257, 511, 4096, 65535, 65536, 65537, 69999, size}

func TestInclusion(t *testing.T) {
	r := tlog.TileHashReader(tree(t), tiles{t: t})
	for _, n := range sizes {
		root, err := tlog.TreeHash(n, r)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range []int64{0, n / 3, n / 2, n - 1} {
			ours := tlog.RecordProof(hashes(t, tool(t, "inclusion", dir, fmt.Sprint(i), fmt.Sprint(n))))
			theirs, err := tlog.ProveRecord(n, i, r)
			if err != nil || !same(ours, theirs) {
				t.Fatalf("entry %d of %d: %v, %v", i, n, ours, err)
			}
			leaf := tlog.RecordHash([]byte(fmt.Sprintf("entry %d", i)))
			if err := tlog.CheckRecord(ours, n, root, i, leaf); err != nil {
				t.Fatal(err)
			}
			if tlog.CheckRecord(ours, n, root, i, tlog.RecordHash([]byte("another"))) == nil {
				t.Fatal("accepts another entry")
			}
			for k := range ours {
				ours[k][k%32] ^= 1
				if tlog.CheckRecord(ours, n, root, i, leaf) == nil {
					t.Fatal("accepts another hash")
				}
				ours[k][k%32] ^= 1
			}
		}
	}
}

func TestConsistency(t *testing.T) {
	r := tlog.TileHashReader(tree(t), tiles{t: t})
	for k, n := range sizes {
		root, err := tlog.TreeHash(n, r)
		if err != nil {
			t.Fatal(err)
		}
		for _, old := range sizes[:k] {
			oldRoot, err := tlog.TreeHash(old, r)
			if err != nil {
				t.Fatal(err)
			}
			ours := tlog.TreeProof(hashes(t, tool(t, "consistency", dir, fmt.Sprint(old), fmt.Sprint(n))))
			if err := tlog.CheckTree(ours, n, root, old, oldRoot); err != nil {
				t.Fatalf("%d to %d: %v", old, n, err)
			}
			if tlog.CheckTree(ours, n, root, old, root) == nil || tlog.CheckTree(ours, n, oldRoot, old, oldRoot) == nil {
				t.Fatal("accepts another root")
			}
			for i := range ours {
				ours[i][i%32] ^= 0x10
				if tlog.CheckTree(ours, n, root, old, oldRoot) == nil {
					t.Fatal("accepts another hash")
				}
				ours[i][i%32] ^= 0x10
			}
		}
	}
}

// A log that grows one commit at a time: each checkpoint is good and contains the one before.
func TestGrowth(t *testing.T) {
	was := dir
	defer func() { dir = was }()
	dir = filepath.Join(home, "growing", "ledger")
	var before tlog.Tree
	for i, more := range []int{1, 1, 200, 53, 1, 1, 300, 1} {
		if i == 0 {
			if err := os.Mkdir(filepath.Dir(dir), 0700); err != nil {
				t.Fatal(err)
			}
		}
		tool(t, "append", dir, strconv.Itoa(more), "1000")
		now, err := checkpoint(t, read(t, "checkpoint"), verifier(t))
		if err != nil || now.N != before.N+int64(more) {
			t.Fatalf("%d entries after %d and %d more: %v", now.N, before.N, more, err)
		}
		root, err := tlog.TreeHash(now.N, tlog.TileHashReader(now, tiles{t: t}))
		if err != nil || root != now.Hash {
			t.Fatalf("tiles of %d: %v", now.N, err)
		}
		if before.N > 0 {
			ours := tlog.TreeProof(hashes(t, tool(t, "consistency", dir, fmt.Sprint(before.N), fmt.Sprint(now.N))))
			if err := tlog.CheckTree(ours, now.N, now.Hash, before.N, before.Hash); err != nil {
				t.Fatal(err)
			}
		}
		before = now
	}
}

// cosigner is C2SP's cosignature/v1, which x/mod does not have: a note.Verifier by Go's own Ed25519.
type cosigner struct {
	name string
	id   uint32
	key  ed25519.PublicKey
	at   uint64
}

func (c *cosigner) Name() string    { return c.name }
func (c *cosigner) KeyHash() uint32 { return c.id }
func (c *cosigner) Verify(msg, sig []byte) bool {
	if len(sig) != 72 {
		return false
	}
	c.at = binary.BigEndian.Uint64(sig)
	return ed25519.Verify(c.key, []byte(fmt.Sprintf("cosignature/v1\ntime %d\n%s", c.at, msg)), sig[8:])
}

func TestCosignature(t *testing.T) {
	out := tool(t, "cosign", dir, filepath.Join(home, "witness.key"), "witness.example/w1", "1679315147")
	vkey, signed, _ := strings.Cut(out, "\n")
	part := strings.SplitN(vkey, "+", 3)
	id, err := strconv.ParseUint(part[1], 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	key, err := base64.StdEncoding.DecodeString(part[2])
	if err != nil || len(key) != 33 || key[0] != 4 {
		t.Fatalf("witness's key %q", vkey)
	}
	w := &cosigner{name: part[0], id: uint32(id), key: key[1:]}
	n, err := note.Open([]byte(signed), note.VerifierList(verifier(t), w))
	if err != nil || len(n.Sigs) != 2 || w.at != 1679315147 {
		t.Fatalf("%v, %d signatures, time %d", err, len(n.Sigs), w.at)
	}
	bad := bytes.Replace([]byte(signed), []byte("\n70000\n"), []byte("\n70001\n"), 1)
	if _, err := note.Open(bad, note.VerifierList(w)); err == nil {
		t.Fatal("accepts another size")
	}
}

// The other way round: notes and keys that Go made.
func TestGoNotes(t *testing.T) {
	skey, vkey, err := note.GenerateKey(nil, "go.example/log")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	text, err := note.Sign(&note.Note{Text: "A text of Go's.\n\nWith an empty line.\n"}, signer)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(home, "note")
	accepts := func(data []byte) bool {
		if err := os.WriteFile(file, data, 0600); err != nil {
			t.Fatal(err)
		}
		return exec.Command(os.Getenv("LEDGER_TOOL"), "note", vkey, file).Run() == nil
	}
	if !accepts(text) {
		t.Fatal("Go's note is refused")
	}
	for i := 0; i < len(text); i += 3 {
		bad := append([]byte(nil), text...)
		bad[i] ^= 4
		if accepts(bad) {
			t.Fatalf("byte %d changed, and accepted", i)
		}
	}
}

// A checkpoint's key as a file of ours is a signer's key of Go's.
func TestOurKeyInGo(t *testing.T) {
	skey, err := os.ReadFile(filepath.Join(home, "keys", "ledger.key"))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(strings.TrimSpace(string(skey)))
	if err != nil {
		t.Fatal(err)
	}
	text, err := note.Sign(&note.Note{Text: "signed by Go\n"}, signer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := note.Open(text, note.VerifierList(verifier(t))); err != nil {
		t.Fatal(err)
	}
}
