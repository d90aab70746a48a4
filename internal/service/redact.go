package service

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/secret"
)

// A Redactor strikes secrets out of text. It is made once for the secrets of a
// request, and is safe for concurrent use. A nil one knows no secret.
type Redactor struct {
	secrets []*secret.Secret
	pieces  map[uint64]bool // every run of 6 bytes of a secret or of its base64, in lower case
	short   []*regexp.Regexp
}

// NewRedactor returns a redactor for the given secrets, of which empty ones do
// not count.
func NewRedactor(secrets ...secret.Secret) *Redactor {
	r := &Redactor{pieces: map[uint64]bool{}}
	for _, s := range secrets {
		if s == "" {
			continue
		}
		r.secrets = append(r.secrets, &s)
		text := string(s)
		if len(text) < piece {
			r.short = append(r.short, regexp.MustCompile(`(^|[^A-Za-z0-9])`+regexp.QuoteMeta(text)+`($|[^A-Za-z0-9])`))
			continue
		}
		r.learn(text)
		for offset := range 3 { // base64 writes a text in three ways, by where it stands
			padded := append(make([]byte, offset), text...)
			encoded := base64.RawStdEncoding.EncodeToString(padded)
			encoded = encoded[(offset*8+5)/6 : len(padded)*8/6] // what depends on the text alone
			r.learn(encoded)
			r.learn(strings.NewReplacer("+", "-", "/", "_").Replace(encoded))
		}
	}
	return r
}

func (r *Redactor) learn(text string) {
	for i := range len(text) - piece + 1 {
		r.pieces[packed(text[i:])] = true
	}
}

// packed is the first 6 bytes of text in lower case.
func packed(text string) uint64 {
	var n uint64
	for i := range piece {
		c := text[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		n = n<<8 | uint64(c)
	}
	return n
}

// struck stands for a secret, or a piece of one.
const struck = "[key]"

// Strike replaces every piece of a secret, or of its base64, of 6 bytes or more,
// in any case. A secret that is shorter is replaced where it stands alone.
func (r *Redactor) Strike(text string) string {
	if r == nil || len(r.secrets) == 0 {
		return text
	}
	var b strings.Builder
	kept := 0 // what is before it is in b, or struck
	for i := 0; i+piece <= len(text); i++ {
		if !r.pieces[packed(text[i:])] {
			continue
		}
		end := i + piece
		for end < len(text) && r.pieces[packed(text[end-piece+1:])] {
			end++
		}
		b.WriteString(text[kept:i])
		b.WriteString(struck)
		kept, i = end, end-1
	}
	if kept > 0 {
		text = b.String() + text[kept:]
	}
	for _, s := range r.short {
		text = s.ReplaceAllString(text, "${1}"+struck+"${2}")
	}
	return text
}

// StrikeWhole replaces whole secrets only, of 6 bytes or more: it is for a
// model's answer, which may hold any piece of a secret by chance.
func (r *Redactor) StrikeWhole(text string) string {
	if r == nil {
		return text
	}
	for _, s := range r.secrets {
		if len(*s) >= piece {
			text = strings.ReplaceAll(text, string(*s), struck)
		}
	}
	return text
}

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

// Code returns a service's error code if it is one: a short word that holds no
// piece of a secret, and is no address, port or id. Else it returns "".
func (r *Redactor) Code(code string) string {
	if !slug.MatchString(code) || keylike.MatchString(code) || r.Strike(code) != code ||
		longID.MatchString(code) && strings.ContainsAny(code, "0123456789") {
		return ""
	}
	return code
}

// Text makes what a service or the network says fit for a message or a log: it
// strikes out secrets and what looks like one, makes white space single blanks
// and cuts the text to so many characters.
func (r *Redactor) Text(text string, most int) string {
	return cut(r.keys(text), most)
}

// Scrub is Text for what must tell nothing of machines and requests either: it
// strikes out addresses, ports and ids too. host is the endpoint's, which nothing
// else tells from a word.
func (r *Redactor) Scrub(text, host string, most int) string {
	text = r.keys(text)
	text = urls.ReplaceAllString(text, "[address]")
	text = bracket6.ReplaceAllString(text, "[address]")
	text = hostPort.ReplaceAllString(text, "[address]")
	text = ipv4.ReplaceAllString(text, "[address]")
	if strings.Contains(host, ".") {
		text = strings.ReplaceAll(text, host, "[address]")
	}
	text = longID.ReplaceAllString(text, "[id]")
	return cut(text, most)
}

func (r *Redactor) keys(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	text = keylike.ReplaceAllString(text, struck) // masked ones too, while they are whole
	text = r.Strike(text)
	return bearer.ReplaceAllString(text, struck)
}

// cut makes white space single blanks and cuts text to so many characters.
func cut(text string, most int) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) <= most {
		return text
	}
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most])
	}
	return text
}

// Err returns err, or, where its text holds a piece of a secret, an error that is
// the same to errors.Is without that piece. Nil gives nil.
func (r *Redactor) Err(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	if clean := r.Strike(text); clean != text {
		return &struckError{clean, err}
	}
	return err
}

// A struckError is an error whose text held a piece of a secret. It gives the
// error away to nobody, and so has no Unwrap.
type struckError struct {
	text string
	err  error
}

func (e *struckError) Error() string        { return e.text }
func (e *struckError) Is(target error) bool { return errors.Is(e.err, target) }

// Format implements fmt.Formatter: no verb shows more than the text.
func (e *struckError) Format(s fmt.State, verb rune) {
	if verb == 'q' {
		_, _ = fmt.Fprintf(s, "%q", e.text)
		return
	}
	_, _ = io.WriteString(s, e.text)
}
