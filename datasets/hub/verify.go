package hub

import (
	"crypto/sha1" // git's object names, an announced checksum, not a protection
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"strings"
)

// Hashes by which content is known.
const (
	algorithmSHA256 = "sha256"
	algorithmGit    = "git-sha1" // of the git object that holds the content
	algorithmSHA1   = "sha1"     // of the content, as artifact servers have it
)

// sum is a hash that the content should have.
type sum struct {
	algorithm, want string
	hash            hash.Hash
}

// verifier hashes content and compares it with what is known of it. Where
// several hashes are, one that is right is enough: they are readings of one
// ETag, which does not say what it is.
type verifier struct {
	t    target
	size int64
	sums []*sum // empty where there is nothing to compare with
}

// newVerifier makes one for the content that m describes and that the commit's
// listing, where there is one, knows as listed. The SHA-256 of a large file in the
// listing decides alone. Without it the hub's ETag is the SHA-256 or the name of
// the git object, which for small files the listing has too; an artifact
// server's may be the SHA-1 of the content. Any other ETag says nothing.
func newVerifier(t target, m meta, listed treeFile) *verifier {
	v := &verifier{t: t, size: m.size}
	expect := func(algorithm, want string, digits int) bool {
		if !isHex(want, digits) {
			return false
		}
		v.sums = append(v.sums, &sum{algorithm: algorithm, want: strings.ToLower(want)})
		return true
	}
	if !expect(algorithmSHA256, listed.LFSSHA256, 64) {
		expect(algorithmSHA256, m.etag.tag, 64)
		if !expect(algorithmGit, listed.BlobID, 40) && expect(algorithmGit, m.etag.tag, 40) {
			expect(algorithmSHA1, m.etag.tag, 40)
		}
	}
	v.reset()
	return v
}

// known tells whether there is anything to compare the content with.
func (v *verifier) known() bool { return len(v.sums) > 0 }

// reset starts over.
func (v *verifier) reset() {
	for _, s := range v.sums {
		switch s.algorithm {
		case algorithmSHA256:
			s.hash = sha256.New()
		case algorithmGit:
			s.hash = sha1.New()
			fmt.Fprintf(s.hash, "blob %d\x00", v.size)
		default:
			s.hash = sha1.New()
		}
	}
}

// Write takes the next bytes of the content.
func (v *verifier) Write(p []byte) (int, error) {
	for _, s := range v.sums {
		_, _ = s.hash.Write(p)
	}
	return len(p), nil
}

// check compares after the last byte.
func (v *verifier) check() error {
	var wrong *ChecksumError
	for _, s := range v.sums {
		got := hex.EncodeToString(s.hash.Sum(nil))
		if got == s.want {
			return nil
		}
		if wrong == nil {
			wrong = &ChecksumError{Repo: v.t.repo, Path: v.t.shownPath(), Algorithm: s.algorithm, Want: v.t.secrets.Strike(s.want), Got: got}
		}
	}
	if wrong == nil {
		return nil // nothing is known
	}
	return wrong
}

// checkFile compares a file of the cache.
func (v *verifier) checkFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return v.checkAll(f)
}

// checkAll compares all of the content, which r reads.
func (v *verifier) checkAll(r io.Reader) error {
	v.reset()
	if _, err := io.Copy(v, r); err != nil {
		return err
	}
	return v.check()
}
