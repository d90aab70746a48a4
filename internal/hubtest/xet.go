package hubtest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// xetToken is what the hub gives for the content server's Xet part; it expires
// in the year 2100.
const (
	xetToken   = "xet_pretendToken"
	xetExpires = 4102444800
)

// xetChunk is how many bytes of a file go into a chunk, at most.
const xetChunk = 64 << 10

// xetHash names a file in Xet storage. The real name is the root of a tree of
// hashes; to those who download it is a name.
func xetHash(content string) string { return SHA256("xet of " + content) }

// serveXetToken says where Xet storage is, and gives the token for it.
func (r *Repo) serveXetToken(w http.ResponseWriter) {
	w.Header().Set("X-Xet-Cas-Url", r.hub.CDN)
	w.Header().Set("X-Xet-Access-Token", xetToken)
	w.Header().Set("X-Xet-Token-Expiration", strconv.Itoa(xetExpires))
	writeJSON(w, map[string]any{"casUrl": r.hub.CDN, "accessToken": xetToken, "exp": xetExpires})
}

// serveXet answers /v1/reconstructions/{hash}, how a file is put together, and
// /xorbs/{hash}, which serves its chunks: each file has a xorb of its own.
func (h *Hub) serveXet(w http.ResponseWriter, req *http.Request) {
	verb, hash, _ := strings.Cut(strings.TrimPrefix(req.URL.Path, "/"), "/")
	if verb == "v1" {
		hash = strings.TrimPrefix(hash, "reconstructions/")
	}
	content, ok := h.xetContent(hash)
	if !ok { // also for the second version of the API, after which clients try the first
		http.Error(w, "NoSuchKey", http.StatusNotFound)
		return
	}
	body, chunks := xorb(content)
	switch {
	case verb == "xorbs":
		serveContent(w, req, body)
	case req.Header.Get("Authorization") != "Bearer "+xetToken:
		http.Error(w, "no token", http.StatusUnauthorized)
	case startsPast(req.Header.Get("Range"), len(content)):
		http.Error(w, "past the end", http.StatusRequestedRangeNotSatisfiable)
	default:
		type span struct {
			Start int `json:"start"`
			End   int `json:"end"`
		}
		all := span{0, chunks}
		writeJSON(w, map[string]any{
			"offset_into_first_range": 0,
			"terms":                   []any{map[string]any{"hash": hash, "unpacked_length": len(content), "range": all}},
			"fetch_info": map[string]any{hash: []any{map[string]any{
				"range": all, "url": h.CDN + "/xorbs/" + hash, "url_range": span{0, len(body) - 1},
			}}},
		})
	}
}

// startsPast tells whether the range "bytes=first-last" begins at size or later:
// clients ask for the next part of a file until they are told so.
func startsPast(header string, size int) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(header, "bytes="), "-")
	n, err := strconv.Atoi(first)
	return err == nil && n > 0 && n >= size
}

// xetContent finds what has the hash in Xet storage.
func (h *Hub) xetContent(hash string) (string, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.repos {
		for _, files := range r.trees {
			for _, content := range files {
				if r.xet && xetHash(content) == hash {
					return content, true
				}
			}
		}
	}
	return "", false
}

// xorb packs content as chunks without compression: a version, the length
// stored in three bytes (the lowest first), the kind of compression, the length
// unpacked.
func xorb(content string) (body string, chunks int) {
	var b strings.Builder
	for len(content) > 0 {
		n := min(len(content), xetChunk)
		size := string([]byte{byte(n), byte(n >> 8), byte(n >> 16)})
		fmt.Fprintf(&b, "\x00%s\x00%s%s", size, size, content[:n])
		content = content[n:]
		chunks++
	}
	return b.String(), chunks
}
