package hub

import (
	"crypto/sha1" // git's object names, an announced checksum, not a protection
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
)

// verifier hashes content as the hub did for its ETag: SHA-256 of a large
// file's content, SHA-1 of the git object of a small one. For the ETags of
// mirrors that are neither, only the size is compared.
type verifier struct {
	t         target
	want      string
	size      int64
	algorithm string
	hash      hash.Hash // nil where there is nothing to compare with
}

func newVerifier(t target, m meta) *verifier {
	v := &verifier{t: t, want: m.etag, size: m.size}
	v.reset()
	return v
}

// reset starts over.
func (v *verifier) reset() {
	switch {
	case isHex(v.want, 64):
		v.algorithm, v.hash = "sha256", sha256.New()
	case isHex(v.want, 40):
		v.algorithm, v.hash = "git-sha1", sha1.New()
		fmt.Fprintf(v.hash, "blob %d\x00", v.size)
	}
}

// Write takes the next bytes of the content.
func (v *verifier) Write(p []byte) (int, error) {
	if v.hash != nil {
		_, _ = v.hash.Write(p)
	}
	return len(p), nil
}

// check compares after the last byte.
func (v *verifier) check() error {
	if v.hash == nil {
		return nil
	}
	if got := hex.EncodeToString(v.hash.Sum(nil)); got != v.want {
		return &ChecksumError{Repo: v.t.repo, Path: v.t.path, Algorithm: v.algorithm, Want: v.want, Got: got}
	}
	return nil
}
