package hub

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
)

// etag is what a server says names the content of a file: of the hub a hash, of
// a mirror or a proxy any text.
type etag struct {
	tag  string // without quotes; hashes in lower case
	weak bool   // equal tags may stand for other bytes
}

var errNoETag = errors.New("the answer has no usable ETag")

// parseETag reads the header ETag. Quotes may be missing, as some servers leave
// them out. Nothing at all is an error, and so is what no header may hold.
func parseETag(s string) (etag, error) {
	s, weak := strings.CutPrefix(strings.TrimSpace(s), "W/")
	if s == "" || strings.ContainsFunc(s, isControl) {
		return etag{}, errNoETag
	}
	tag := strings.TrimSuffix(strings.TrimPrefix(s, `"`), `"`)
	if isHex(tag, 40) || isHex(tag, 64) {
		tag = strings.ToLower(tag)
	}
	return etag{tag, weak}, nil
}

// isHash tells whether the tag has the form of a hash of the content: a SHA-256
// or a SHA-1.
func (e etag) isHash() bool { return isHex(e.tag, 40) || isHex(e.tag, 64) }

// blob names the blob of the file at path. A hash is the name, as other clients
// have it. Any other tag tells apart the states of one file alone, such as the
// time and size that web servers make it of, and may hold what no file's name
// can: the name is then made of both.
func (e etag) blob(path string) string {
	if e.isHash() {
		return e.tag
	}
	sum := sha256.Sum256([]byte(path + "\x00" + e.tag))
	return "etag-" + hex.EncodeToString(sum[:])
}

// continues tells whether a part of a body that came with tag e goes on where
// one with the tag of another answer ended.
func (e etag) continues(header string) bool {
	other, err := parseETag(header)
	return err == nil && !e.weak && other == e
}
