package chat

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

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
	// CachedInputPrice is the price of prompt tokens that were read from a cache,
	// and ReasoningPrice that of completion tokens that were spent on thinking, in
	// USD per million tokens; nil: InputPrice and OutputPrice.
	CachedInputPrice, ReasoningPrice *float64
	// Batch says that calls may go in batches; see [Target.InBatch].
	Batch bool
	// Workers is the most attempts in flight that the candidate asks for; 0: no
	// bound of its own.
	Workers int

	batchFactor float64  // what calls in batches cost, as a share of the prices
	local       bool     // the endpoint is on this machine
	near        bool     // or in its network
	keys        *keyList // nil or empty: none, which only a local one may have, or one with a header of its own
	own         *own     // what else the candidate asks for; nil only where Resolve has not made the target
}

// Cost returns the price in USD of a call of so many tokens.
func (t Target) Cost(promptTokens, completionTokens int) float64 {
	return t.cost(promptTokens, completionTokens).Dollars()
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
// machine (localhost, 127.0.0.0/8, [::1]) needs no key, nor does a candidate with
// a header of its own that carries one. As in the Python
// pipeline, candidates whose name ends in "_think" are left out.
//
// Nothing is called. Missing names, models, endpoints, services and keys, bad
// URLs, bad prices, params and headers and duplicate names are reported all at once in a
// [*ResolveError]; no candidate at all is an error too.
func Resolve(candidates []llmrouterdata.Candidate, fallbackEndpoint string, keys Keys, o *ResolveOptions) ([]Target, error) {
	o, err := o.validate()
	if err != nil {
		return nil, err
	}
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
		t := newTarget(&c)
		endpoint, query, err := parseEndpoint(cmp.Or(strings.TrimSpace(c.APIEndpoint), strings.TrimSpace(fallbackEndpoint)))
		if err != nil {
			fault("api_endpoint", err)
		}
		host := hostOf(endpoint)
		t.Endpoint, t.local, t.near = endpoint, isLocal(host), isNear(host)
		t.own = o.forCandidate(&c, query, fault)
		t.Workers = t.own.workers
		var known bool
		t.keys, known = keys.forService(t.Service)
		if err == nil && !t.local && t.keys.len() == 0 && !t.own.authorized() {
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

// newTarget is the target of a candidate without its endpoint and keys.
func newTarget(c *llmrouterdata.Candidate) Target {
	return Target{
		Name: c.Name, Model: c.Model, Service: strings.TrimSpace(c.Service),
		InputPrice: c.InputPrice, OutputPrice: c.OutputPrice,
		CachedInputPrice: c.CachedInputPrice, ReasoningPrice: c.ReasoningPrice,
		Batch: c.Batch, batchFactor: *cmp.Or(c.BatchPriceFactor, new(defaultBatchFactor)),
	}
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
// share their keys' state, and its query string.
func parseEndpoint(endpoint string) (base, query string, err error) {
	if endpoint == "" {
		return "", "", errors.New("missing: neither the candidate nor the configuration names an endpoint")
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		return "", "", errors.New("not a URL") // url.Error would repeat a password
	}
	u.Scheme = strings.ToLower(u.Scheme)
	u.Host = strings.ToLower(u.Host)
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return "", "", errors.New("not an http or https URL")
	case u.Hostname() == "":
		return "", "", errors.New("the URL names no host")
	case u.User != nil:
		return "", "", errors.New("the URL holds a user name: keys belong in API_KEYS")
	case u.Fragment != "":
		return "", "", errors.New("the URL holds a fragment")
	}
	base = strings.TrimRight(u.Scheme+"://"+u.Host+u.EscapedPath(), "/")
	if strings.HasSuffix(base, "/chat/completions") {
		return "", "", errors.New(`want the base URL, without "/chat/completions"`)
	}
	return base, u.RawQuery, nil
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

// isNear reports whether a host is on this machine or in its own network.
func isNear(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		addr = addr.Unmap()
		return addr.IsLoopback() || addr.IsPrivate() || addr.IsLinkLocalUnicast()
	}
	for _, suffix := range []string{".local", ".internal", ".lan", ".localhost"} {
		if strings.HasSuffix(host, suffix) {
			return true
		}
	}
	return host != "" && !strings.Contains(host, ".")
}

// Local reports whether the endpoint is on this machine, where calls need no
// key and, as a rule, cost nothing.
func (t Target) Local() bool { return t.local }
