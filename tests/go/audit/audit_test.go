// An audit pack seen by somebody else's code, as docs/accountability.md says an auditor without hearth can do it: the manifest's
// signature, the files' digests, each receipt's proof, that none is left out.
package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// The lot of tests/receipt_maker.c has an answer a minute from 2026-01-01 on; the pack is of the first hour of the second day.
const (
	receipts = 3000
	begin    = "2026-01-02T00:00:00Z"
	end      = "2026-01-02T01:00:00Z"
	first    = 24*60 - 1
	last     = 24*60 + 60
)

func checkManifest(pack string, v note.Verifier) error {
	signed, err := os.ReadFile(filepath.Join(pack, "manifest.note"))
	if err != nil {
		return err
	}
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil {
		return err
	}
	manifest, err := os.ReadFile(filepath.Join(pack, "manifest.json"))
	if err != nil {
		return err
	}
	if n.Text != fmt.Sprintf("hearth audit pack\nsha256 %x manifest.json\n", sha256.Sum256(manifest)) {
		return errors.New("manifest.json is not what was signed")
	}
	var listed struct {
		Files []struct {
			Name, Sha256 string
			Bytes        int
		}
	}
	if err := json.Unmarshal(manifest, &listed); err != nil {
		return err
	}
	for _, f := range listed.Files {
		data, err := os.ReadFile(filepath.Join(pack, f.Name))
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		if hex.EncodeToString(sum[:]) != f.Sha256 || len(data) != f.Bytes {
			return fmt.Errorf("%s is not what the manifest says", f.Name)
		}
	}
	return nil
}

func checkpoint(signed []byte, v note.Verifier) (tree tlog.Tree, err error) {
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil {
		return tree, err
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 4 || lines[0] != v.Name() {
		return tree, fmt.Errorf("no checkpoint of %s: %q", v.Name(), n.Text)
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return tree, err
	}
	tree.Hash, err = tlog.ParseHash(lines[2])
	return tree, err
}

// One tlog-proof: head, extra, index, hashes, an empty line, the signed checkpoint.
func checkProof(text string, line []byte, v note.Verifier) (index int64, err error) {
	head, signed, found := strings.Cut(text, "\n\n")
	if !found {
		return 0, errors.New("no checkpoint in the proof")
	}
	tree, err := checkpoint([]byte(signed), v)
	if err != nil {
		return 0, err
	}
	var proof tlog.RecordProof
	for _, l := range strings.Split(head, "\n")[1:] {
		if strings.HasPrefix(l, "extra ") {
			continue
		}
		if n, _ := fmt.Sscanf(l, "index %d", &index); n == 1 {
			continue
		}
		hash, err := tlog.ParseHash(l)
		if err != nil {
			return 0, err
		}
		proof = append(proof, hash)
	}
	return index, tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(line))
}

func checkPack(pack string, v note.Verifier) error {
	if err := checkManifest(pack, v); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(pack, "receipts.jsonl"))
	if err != nil {
		return err
	}
	proofs, err := os.ReadFile(filepath.Join(pack, "proofs.tlog"))
	if err != nil {
		return err
	}
	lines := bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
	parts := strings.Split(string(proofs), "c2sp.org/tlog-proof@v1\n")[1:]
	if len(lines) != len(parts) {
		return fmt.Errorf("%d receipts and %d proofs", len(lines), len(parts))
	}
	for i, line := range lines {
		index, err := checkProof("c2sp.org/tlog-proof@v1\n"+parts[i], line, v)
		if err != nil {
			return fmt.Errorf("receipt %d: %w", i, err)
		}
		if index != first+int64(i) {
			return fmt.Errorf("entry %d where %d must be", index, first+i)
		}
		var r struct{ Time time.Time }
		if err := json.Unmarshal(line, &r); err != nil {
			return err
		}
		from, _ := time.Parse(time.RFC3339, begin)
		to, _ := time.Parse(time.RFC3339, end)
		inside := !r.Time.Before(from) && r.Time.Before(to)
		if inside != (i > 0 && i < len(lines)-1) {
			return fmt.Errorf("entry %d of %s at place %d of %d", index, r.Time, i, len(lines))
		}
	}
	if len(lines) != last-first+1 {
		return fmt.Errorf("%d receipts, wanted %d", len(lines), last-first+1)
	}
	return nil
}

func TestAuditPack(t *testing.T) {
	where := t.TempDir()
	env := append(os.Environ(), "HEARTH_HOME="+where)
	run := func(name string, args ...string) {
		c := exec.Command(name, args...)
		c.Env = env
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%s %v: %v: %s", name, args, err, out)
		}
	}
	pack := filepath.Join(where, "pack")
	run(os.Getenv("MAKE_RECEIPTS"), fmt.Sprint(receipts))
	run(os.Getenv("HEARTH"), "audit", "--from", begin, "--to", end, "-o", pack)
	key, err := os.ReadFile(filepath.Join(where, "keys", "ledger.vkey"))
	if err != nil {
		t.Fatal(err)
	}
	v, err := note.NewVerifier(strings.TrimSpace(string(key)))
	if err != nil {
		t.Fatal(err)
	}
	if err := checkPack(pack, v); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"receipts.jsonl", "proofs.tlog", "report.html", "summary.json", "manifest.json", "manifest.note"} {
		path := filepath.Join(pack, name)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		spoilt := append([]byte(nil), data...)
		spoilt[len(spoilt)/2] ^= 1
		os.WriteFile(path, spoilt, 0o600)
		if checkPack(pack, v) == nil {
			t.Errorf("%s was changed, and nobody noticed", name)
		}
		os.WriteFile(path, data, 0o600)
	}
	if err := checkPack(pack, v); err != nil {
		t.Fatal(err)
	}
}
