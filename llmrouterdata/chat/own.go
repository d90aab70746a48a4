package chat

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/textproto"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/options"
	"github.com/llmrouter-go/llmrouter/internal/secret"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// ResolveOptions says what all candidates ask for; what a candidate says itself
// comes first. Nil and the zero value ask for nothing.
type ResolveOptions struct {
	// Lookup finds the value of an environment variable, which header values
	// name as ${NAME}; os.LookupEnv is one. Nil: none is known.
	Lookup func(name string) (value string, ok bool)
	// Params are fields of the request's JSON, by name, beside the candidate's
	// own.
	Params map[string]json.RawMessage
	// Headers are sent with each request, beside the candidate's own. A value of
	// a header that carries a secret must be of the form ${NAME}.
	Headers map[string]string
	// Timeout bounds one attempt, ConnectTimeout the making of its connection, and
	// FirstByteTimeout, of a streamed answer, the time to its first byte. From 0
	// up; 0: Timeout is that of [Options], ConnectTimeout 10 s, and the first byte
	// has no limit of its own. ConnectTimeout holds where Options.Transport is nil.
	Timeout, ConnectTimeout, FirstByteTimeout time.Duration
	// Workers bounds a candidate's attempts in flight, RequestsPerMinute the
	// attempts started and TokensPerMinute the tokens used in any 60 s. From 0 up;
	// 0: no bound but those of [Options].
	Workers, RequestsPerMinute, TokensPerMinute int
	// Processes is how many processes share the candidates, from 1; 0: 1. Each has
	// its part, rounded down, of Workers, RequestsPerMinute and TokensPerMinute, a
	// candidate's own included; what is less than Processes is an error.
	Processes int
	// StrictModel makes an answer a failure whose model has another name than the
	// one asked for.
	StrictModel bool
}

// validate returns a copy of o that is checked.
func (o *ResolveOptions) validate() (*ResolveOptions, error) {
	v, f := options.Begin(o, "chat: ResolveOptions")
	options.Number(f, "Timeout", &v.Timeout, 0, 0, 0)
	options.Number(f, "ConnectTimeout", &v.ConnectTimeout, 0, 0, 0)
	options.Number(f, "FirstByteTimeout", &v.FirstByteTimeout, 0, 0, 0)
	options.Number(f, "Workers", &v.Workers, 0, 0, 0)
	options.Number(f, "RequestsPerMinute", &v.RequestsPerMinute, 0, 0, 0)
	options.Number(f, "TokensPerMinute", &v.TokensPerMinute, 0, 0, 0)
	options.Number(f, "Processes", &v.Processes, 1, 1, 0)
	if v.Lookup == nil {
		v.Lookup = func(string) (string, bool) { return "", false }
	}
	return &v, f.Err()
}

// own is what a candidate asks for beside its model. Whatever may be a secret is
// held by pointer, so that fmt does not show it.
type own struct {
	params                      map[string]json.RawMessage
	headers                     []header
	query                       *secret.Secret // nil: none
	timeout, connect, firstByte time.Duration
	workers, requests, tokens   int
	strict                      bool

	secret  bool   // headers or query hold something of the environment
	keyed   bool   // one of them carries a key
	meaning []byte // what enters the fingerprint of requests; nil: nothing
	id      [sha256.Size]byte
}

// header is one that is sent with each request.
type header struct {
	name   string // canonical
	value  *secret.Secret
	secret bool
}

// forCandidate returns what a candidate asks for, its own wishes before those of
// all. What is wrong goes to fault.
func (o *ResolveOptions) forCandidate(c *llmrouterdata.Candidate, query string, fault func(field string, err error)) *own {
	seconds := func(s float64, all time.Duration) time.Duration {
		return cmp.Or(time.Duration(s*float64(time.Second)), all)
	}
	w := &own{
		params:  maps.Clone(o.Params),
		timeout: seconds(c.Timeout, o.Timeout), connect: seconds(c.ConnectTimeout, o.ConnectTimeout), firstByte: seconds(c.FirstByteTimeout, o.FirstByteTimeout),
		workers: cmp.Or(c.Workers, o.Workers), requests: cmp.Or(c.RequestsPerMinute, o.RequestsPerMinute), tokens: cmp.Or(c.TokensPerMinute, o.TokensPerMinute),
		strict: c.StrictModel || o.StrictModel,
	}
	w.divide(o.Processes, fault)
	if len(c.Params) > 0 {
		if w.params == nil {
			w.params = map[string]json.RawMessage{}
		}
		maps.Copy(w.params, c.Params)
	}
	for _, name := range slices.Sorted(maps.Keys(w.params)) {
		if err := checkParam(name, w.params[name]); err != nil {
			fault("params."+name, err)
		}
	}
	w.addHeaders(o, c.Headers, fault)
	w.addQuery(o, query, fault)
	w.means(query)
	w.identify()
	return w
}

// divide leaves one of so many processes its part of the bounds.
func (w *own) divide(processes int, fault func(field string, err error)) {
	for _, bound := range []struct {
		field string
		n     *int
	}{{"workers", &w.workers}, {"requests_per_minute", &w.requests}, {"tokens_per_minute", &w.tokens}} {
		if err := divide(bound.n, processes); err != nil {
			fault(bound.field, err)
		}
	}
}

// identify sets the id, by which equal wishes are the same.
func (w *own) identify() {
	text := fmt.Appendf(nil, "%d %d %d %d %d %d %t %d ", w.timeout, w.connect, w.firstByte, w.workers, w.requests, w.tokens, w.strict, len(w.meaning))
	text = append(text, w.meaning...)
	for _, h := range w.headers {
		text = fmt.Appendf(text, "%q: %q ", h.name, string(*h.value))
	}
	if w.query != nil {
		text = append(text, *w.query...)
	}
	w.id = sha256.Sum256(text)
}

// checkParam says what a candidate cannot ask for.
func checkParam(name string, value json.RawMessage) error {
	var n float64
	switch {
	case !json.Valid(value):
		return errors.New("not JSON")
	case slices.Contains([]string{"model", "messages", "stream", "stream_options"}, name):
		return errors.New("is set for every request; it cannot be a candidate's own")
	case name == "n" && (json.Unmarshal(value, &n) != nil || n != 1):
		return errors.New("want 1: one answer is read, and all are paid for")
	case (name == "max_tokens" || name == "max_completion_tokens") && string(value) != "null" &&
		(json.Unmarshal(value, &n) != nil || !(n >= 1 && n <= maxTokens)):
		return fmt.Errorf("want a number from 1 to %d", int(maxTokens))
	}
	return nil
}

// maxTokens returns the most tokens that an answer may have, where the request
// allows so many.
func (w *own) maxTokens(asked int) int {
	if w == nil || len(w.params) == 0 {
		return asked
	}
	for _, name := range []string{"max_completion_tokens", "max_tokens"} {
		value, own := w.params[name]
		var n float64
		switch {
		case !own:
		case json.Unmarshal(value, &n) == nil && n >= 1 && n <= maxTokens:
			return int(n)
		default: // null: neither is sent
			return unboundedTokens
		}
	}
	return asked
}

var (
	headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
	// secretName is the name of a header or a parameter of a query string that
	// carries a secret.
	secretName = regexp.MustCompile(`(?i)authorization|cookie|(^|[-_])(api)?-?_?key$|apikey|token$|secret|password|credential|signature|^sig$|^key$`)
	variable   = regexp.MustCompile(`\$\{([^}]*)\}`)
)

// fixedHeaders are those that the client sets, or the connection.
var fixedHeaders = []string{
	"Host", "Content-Length", "Content-Type", "Content-Encoding", "Accept", "Accept-Encoding", "Connection", "Transfer-Encoding", "Trailer", "Te", "Upgrade", "User-Agent",
}

// addHeaders takes in the headers of all candidates and those of this one.
func (w *own) addHeaders(o *ResolveOptions, own map[string]string, fault func(field string, err error)) {
	all := map[string]string{}
	for _, headers := range []map[string]string{o.Headers, own} {
		for _, name := range slices.Sorted(maps.Keys(headers)) {
			all[textproto.CanonicalMIMEHeaderKey(name)] = headers[name]
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		field := "headers." + name
		value, expanded, err := o.expand(name, all[name])
		switch {
		case !headerName.MatchString(name):
			fault(field, errors.New("not the name of a header"))
		case slices.Contains(fixedHeaders, name):
			fault(field, errors.New("is set for every request; it cannot be a candidate's own"))
		case err != nil:
			fault(field, err)
		case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r > '~' }):
			fault(field, errors.New("holds a character that an HTTP header cannot carry"))
		default:
			w.headers = append(w.headers, header{name, new(secret.Secret(value)), expanded})
			w.secret = w.secret || expanded
			w.keyed = w.keyed || secretName.MatchString(name)
		}
	}
}

// expand puts the environment's values in the place of ${NAME}. A secret must
// come from there: what is written in a candidate file is in many hands. Errors
// name the variable and no value.
func (o *ResolveOptions) expand(name, text string) (value string, expanded bool, err error) {
	expanded = variable.MatchString(text)
	if secretName.MatchString(name) {
		// A word such as "Bearer" may stand before it.
		rest := strings.TrimSpace(variable.ReplaceAllString(text, ""))
		if !expanded || strings.ContainsAny(rest, "0123456789") || len(rest) > len("Bearer") {
			return "", false, errors.New("carries a secret: want ${NAME}, the name of an environment variable, and not the secret itself")
		}
	}
	value = variable.ReplaceAllStringFunc(text, func(match string) string {
		env := match[2 : len(match)-1]
		v, ok := o.Lookup(env)
		if (!ok || v == "") && err == nil {
			err = fmt.Errorf("the environment variable %s is not set", env)
		}
		return strings.TrimSpace(v)
	})
	return value, expanded, err
}

// addQuery takes in the query string of the endpoint.
func (w *own) addQuery(o *ResolveOptions, query string, fault func(field string, err error)) {
	if query == "" {
		return
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		fault("api_endpoint", errors.New("the URL's query string is not valid"))
		return
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		for i, text := range values[name] {
			value, expanded, err := o.expand(name, text)
			if err != nil {
				fault("api_endpoint", fmt.Errorf("%q in the query string: %w", name, err))
			}
			values[name][i] = value
			w.secret = w.secret || expanded
			w.keyed = w.keyed || secretName.MatchString(name)
		}
	}
	w.query = new(secret.Secret(values.Encode()))
}

// harmless are the parameters of a query string that do not change what is asked.
var harmless = regexp.MustCompile(`(?i)^(api[-_]?)?version$`)

// means notes what enters the fingerprint.
func (w *own) means(query string) {
	add := func(name string, value []byte) {
		for _, s := range [][]byte{[]byte(name), value} {
			w.meaning = binary.BigEndian.AppendUint64(w.meaning, uint64(len(s)))
			w.meaning = append(w.meaning, s...)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(w.params)) {
		var v any
		if json.Unmarshal(w.params[name], &v) == nil {
			text, _ := json.Marshal(v) // in one spelling
			add("param "+name, text)
		}
	}
	values, _ := url.ParseQuery(query)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		for _, value := range values[name] {
			if !harmless.MatchString(name) && !secretName.MatchString(name) {
				add("query "+name, []byte(value))
			}
		}
	}
}

// authorized reports whether a header or the query string carries a key.
func (w *own) authorized() bool { return w.keyed }

// secrets are what must not be shown.
func (w *own) secrets() []secret.Secret {
	var list []secret.Secret
	for _, h := range w.headers {
		if h.secret {
			list = append(list, *h.value)
			if _, after, ok := strings.Cut(string(*h.value), " "); ok {
				list = append(list, secret.Secret(after))
			}
		}
	}
	if w.query != nil && w.secret {
		values, _ := url.ParseQuery(string(*w.query))
		for name, each := range values {
			if secretName.MatchString(name) {
				for _, v := range each {
					list = append(list, secret.Secret(v))
				}
			}
		}
	}
	return list
}

// asked are the candidate's own bounds, nil where it has none.
func (w *own) asked() *asked {
	if w.workers == 0 && w.requests == 0 && w.tokens == 0 {
		return nil
	}
	return &asked{workers: w.workers, requests: slidingWindow{limit: w.requests}, tokens: slidingWindow{limit: w.tokens}}
}
