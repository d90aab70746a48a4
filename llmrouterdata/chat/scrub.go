package chat

import (
	"regexp"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/secret"
)

var (
	slug     = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_\-]{0,63}$`) // no dot: it is no address either
	urls     = regexp.MustCompile(`[a-zA-Z][a-zA-Z0-9+.\-]*://[^\s"'<>]+`)
	bearer   = regexp.MustCompile(`(?i)\bbearer\s+\S+`)
	keylike  = regexp.MustCompile(`\b(sk|pk|rk|nvapi|gsk|hf|xai|pplx|r8)[-_][A-Za-z0-9_\-*.]{4,}|\S*\*{3,}\S*`)
	bracket6 = regexp.MustCompile(`\[[0-9a-fA-F:.]*:[0-9a-fA-F:.]*(%[^\]]*)?\](:\d+)?`)
	hostPort = regexp.MustCompile(`\b[A-Za-z0-9_.\-]+:\d{2,5}\b`)
	ipv4     = regexp.MustCompile(`\b\d{1,3}(\.\d{1,3}){3}\b`)
	longID   = regexp.MustCompile(`\b[0-9A-Fa-f]{8}[0-9A-Fa-f\-]{8,}\b|\b[A-Za-z0-9_\-]{32,}\b`)
)

// cleanCode returns a service's error code if it is one: a short word that
// holds no piece of the key, and is no address, port or id.
func cleanCode(code string, key secret.Secret) string {
	if !slug.MatchString(code) || keylike.MatchString(code) || strikeKey(code, string(key)) != code ||
		longID.MatchString(code) && strings.ContainsAny(code, "0123456789") {
		return ""
	}
	return code
}

// scrub strikes out of text what identifies a key, a machine or a request. host
// is the endpoint's, which nothing else tells from a word.
func scrub(text string, key secret.Secret, host string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	text = keylike.ReplaceAllString(text, "[key]") // masked ones too, while they are whole
	text = strikeKey(text, string(key))
	text = urls.ReplaceAllString(text, "[address]")
	text = bearer.ReplaceAllString(text, "[key]")
	text = bracket6.ReplaceAllString(text, "[address]")
	text = hostPort.ReplaceAllString(text, "[address]")
	text = ipv4.ReplaceAllString(text, "[address]")
	if strings.Contains(host, ".") {
		text = strings.ReplaceAll(text, host, "[address]")
	}
	text = longID.ReplaceAllString(text, "[id]")
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > maxDetail {
		text = string(runes[:maxDetail])
	}
	return text
}

// keyPiece is the length from which a piece of a key counts as the key.
const keyPiece = 6

// strikeKey replaces the key, and the longest beginning and end of it that the
// text holds.
func strikeKey(text, key string) string {
	for n := len(key); n >= min(len(key), keyPiece) && n > 0; n-- {
		text = strings.ReplaceAll(text, key[:n], "[key]")
		text = strings.ReplaceAll(text, key[len(key)-n:], "[key]")
	}
	return text
}
