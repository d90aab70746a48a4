package chat

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// Target is one candidate, ready to be called: its endpoint is known and its
// keys are found. [Resolve] makes targets.
type Target struct {
	// Name is the candidate's name, which appears in records.
	Name string
	// Model is the model's id as the service knows it, sent as given.
	Model string
	// Service names the provider, "" where the candidate names none.
	Service string
	// Endpoint is the base URL, without a trailing slash.
	Endpoint string
	// InputPrice and OutputPrice are in USD per million tokens.
	InputPrice, OutputPrice float64
	// Workers is the most attempts in flight that the candidate asks for; 0: no
	// bound of its own.
	Workers int

	local bool     // the endpoint is on this machine
	keys  *keyList // nil or empty: none, which only a local one may have
}

// Cost returns the price in USD of a call of so many tokens.
func (t Target) Cost(promptTokens, completionTokens int) float64 {
	return t.cost(promptTokens, completionTokens).dollars()
}

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
	// up; 0: those of [Options].
	Timeout, ConnectTimeout, FirstByteTimeout time.Duration
	// Workers bounds a candidate's attempts in flight, RequestsPerMinute the
	// attempts started and TokensPerMinute the tokens used in any 60 s. From 0 up;
	// 0: no bound but those of [Options].
	Workers, RequestsPerMinute, TokensPerMinute int
	// StrictModel makes an answer a failure whose model has another name than the
	// one asked for.
	StrictModel bool
}

// A ResolveError lists everything that keeps candidates from being called.
type ResolveError struct {
	// Problems names the candidate ("#3" for one without a name) and the field
	// at fault, for example "api_endpoint".
	Problems []*llmrouterdata.CandidateError
}

// Error implements error: one line for each problem.
func (e *ResolveError) Error() string {
	var b strings.Builder
	if len(e.Problems) == 1 {
		b.WriteString("chat:")
	} else {
		fmt.Fprintf(&b, "chat: %d problems with the candidates:\n ", len(e.Problems))
	}
	for i, p := range e.Problems {
		if i > 0 {
			b.WriteString("\n ")
		}
		fmt.Fprintf(&b, " candidate %q: field %q: %v", p.Candidate, p.Field, p.Err)
	}
	return b.String()
}

// Unwrap returns the problems.
func (e *ResolveError) Unwrap() []error {
	errs := make([]error, len(e.Problems))
	for i, p := range e.Problems {
		errs[i] = p
	}
	return errs
}

// Resolve makes a target of every candidate, in order. A candidate's endpoint
// is its own api_endpoint, else fallbackEndpoint (the configuration's; may be
// empty); its keys are those that serve its service. An endpoint on this
// machine (localhost, 127.0.0.0/8, [::1]) needs no key. As in the Python
// pipeline, candidates whose name ends in "_think" are left out.
//
// Nothing is called. Missing names, models, endpoints, services and keys, bad
// URLs, bad prices and duplicate names are reported all at once in a
// [*ResolveError]; no candidate at all is an error too.
func Resolve(candidates []llmrouterdata.Candidate, fallbackEndpoint string, keys Keys, o *ResolveOptions) ([]Target, error) {
	var targets []Target
	var problems []*llmrouterdata.CandidateError
	seen := map[string]bool{}
	for i, c := range candidates {
		if !c.Called() {
			continue
		}
		from := len(problems)
		fault := func(field string, err error) {
			problems = append(problems, &llmrouterdata.CandidateError{Candidate: c.Name, Field: field, Err: err})
		}
		if c.Name == "" {
			fault("name", errors.New("missing"))
		} else if seen[c.Name] {
			fault("name", errors.New("an earlier candidate has the same name"))
		}
		seen[c.Name] = true
		if strings.TrimSpace(c.Model) == "" {
			fault("model", errors.New("missing: the id by which the service knows the model"))
		}
		problems = append(problems, c.PriceErrors()...)
		t := Target{
			Name: c.Name, Model: c.Model, Service: strings.TrimSpace(c.Service),
			InputPrice: c.InputPrice, OutputPrice: c.OutputPrice,
		}
		var err error
		t.Endpoint, t.local, err = parseEndpoint(cmp.Or(strings.TrimSpace(c.APIEndpoint), strings.TrimSpace(fallbackEndpoint)))
		if err != nil {
			fault("api_endpoint", err)
		}
		var known bool
		t.keys, known = keys.forService(t.Service)
		if err == nil && !t.local && t.keys.len() == 0 {
			fault("service", keys.lack(t, known))
		}
		if c.Name == "" {
			for _, p := range problems[from:] {
				p.Candidate = fmt.Sprintf("#%d", i+1)
			}
		}
		targets = append(targets, t)
	}
	if len(problems) > 0 {
		return nil, &ResolveError{problems}
	}
	if len(targets) == 0 {
		return nil, errors.New("chat: there is no candidate to call")
	}
	return targets, nil
}

// lack says why no key serves a target; known is whether its service is listed.
func (k Keys) lack(t Target, known bool) error {
	switch {
	case k.services == nil:
		return fmt.Errorf("no API key is configured, and %s is not on this machine", t.Endpoint)
	case t.Service == "":
		return fmt.Errorf("missing: the API keys are listed by service (%s)", strings.Join(k.names(), ", "))
	case !known:
		return fmt.Errorf("no API keys for service %q; there are keys for %s", t.Service, strings.Join(k.names(), ", "))
	}
	return fmt.Errorf("the list of API keys for service %q is empty", t.Service)
}

// parseEndpoint returns the base URL in one spelling, so that equal endpoints
// share their keys' state, and whether it is on this machine.
func parseEndpoint(endpoint string) (base string, local bool, err error) {
	if endpoint == "" {
		return "", false, errors.New("missing: neither the candidate nor the configuration names an endpoint")
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		return "", false, errors.New("not a URL") // url.Error would repeat a password
	}
	u.Scheme = strings.ToLower(u.Scheme)
	u.Host = strings.ToLower(u.Host)
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return "", false, errors.New("not an http or https URL")
	case u.Hostname() == "":
		return "", false, errors.New("the URL names no host")
	case u.User != nil:
		return "", false, errors.New("the URL holds a user name: keys belong in API_KEYS")
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return "", false, errors.New("the URL holds a query or fragment")
	}
	base = strings.TrimRight(u.Scheme+"://"+u.Host+u.EscapedPath(), "/")
	if strings.HasSuffix(base, "/chat/completions") {
		return "", false, errors.New(`want the base URL, without "/chat/completions"`)
	}
	return base, isLocal(u.Hostname()), nil
}

// hostOf returns the host of what parseEndpoint made.
func hostOf(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

func isLocal(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// Local reports whether the endpoint is on this machine, where calls need no
// key and, as a rule, cost nothing.
func (t Target) Local() bool { return t.local }
