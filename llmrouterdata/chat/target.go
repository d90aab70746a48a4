package chat

import (
	"errors"
	"fmt"
	"math"
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

	local bool
	keys  *keyList // nil or empty: none
}

// Local reports whether the endpoint is on this machine.
func (t Target) Local() bool { return t.local }

// Keys returns the number of keys that serve the target; 0 for a local endpoint
// that is called without one.
func (t Target) Keys() int { return t.keys.len() }

// Cost returns the price in USD of a call of so many tokens.
func (t Target) Cost(promptTokens, completionTokens int) float64 {
	return t.cost(promptTokens, completionTokens).dollars()
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

// maxPrice keeps sums of prices far from overflow: one dollar a token.
const maxPrice = 1e6

// Resolve makes a target of every candidate, in order. A candidate's endpoint
// is its own api_endpoint, else fallbackEndpoint (the configuration's; may be
// empty); its keys are those that serve its service. An endpoint on this
// machine (localhost, 127.0.0.0/8, [::1]) needs no key. As in the Python
// pipeline, candidates whose name ends in "_think" are left out.
//
// Nothing is called. Missing names, models, endpoints, services and keys, bad
// URLs, bad prices and repeated names are reported all at once in a
// [*ResolveError]; no candidate at all is an error too.
func Resolve(candidates []llmrouterdata.Candidate, fallbackEndpoint string, keys Keys) ([]Target, error) {
	var targets []Target
	var problems []*llmrouterdata.CandidateError
	seen := map[string]bool{}
	for i, c := range candidates {
		if !c.Called() {
			continue
		}
		name := c.Name
		if name == "" {
			name = fmt.Sprintf("#%d", i+1)
		}
		fault := func(field, format string, args ...any) {
			problems = append(problems, &llmrouterdata.CandidateError{Candidate: name, Field: field, Err: fmt.Errorf(format, args...)})
		}
		if c.Name == "" {
			fault("name", "missing")
		} else if seen[c.Name] {
			fault("name", "an earlier candidate has the same name")
		}
		seen[c.Name] = true
		if strings.TrimSpace(c.Model) == "" {
			fault("model", "missing: the id by which the service knows the model")
		}
		for _, p := range []struct {
			field string
			price float64
		}{{"input_price", c.InputPrice}, {"output_price", c.OutputPrice}} {
			if math.IsNaN(p.price) || p.price < 0 || p.price > maxPrice {
				fault(p.field, "%v is no price in USD per million tokens", p.price)
			}
		}
		t := Target{
			Name: c.Name, Model: c.Model, Service: strings.TrimSpace(c.Service),
			InputPrice: c.InputPrice, OutputPrice: c.OutputPrice,
		}
		endpoint := strings.TrimSpace(c.APIEndpoint)
		if endpoint == "" {
			endpoint = strings.TrimSpace(fallbackEndpoint)
		}
		var err error
		t.Endpoint, t.local, err = parseEndpoint(endpoint)
		if err != nil {
			fault("api_endpoint", "%w", err)
		}
		var known bool
		t.keys, known = keys.forService(t.Service)
		switch {
		case err != nil || t.local || t.keys.len() > 0:
		case keys.Len() == 0 && keys.services == nil:
			fault("service", "no API key is configured, and %s is not on this machine", t.Endpoint)
		case t.Service == "":
			fault("service", "missing: the API keys are listed by service (%s)", strings.Join(keys.Services(), ", "))
		case !known:
			fault("service", "no API keys for service %q; there are keys for %s", t.Service, strings.Join(keys.Services(), ", "))
		default:
			fault("service", "the list of API keys for service %q is empty", t.Service)
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

// defaultTimeout is the time limit of one attempt; the models named are known
// to be slow.
func defaultTimeout(candidate string) time.Duration {
	switch candidate {
	case "llama-3.3-nemotron-super-49b-v1":
		return 120 * time.Second
	case "llama-3.1-nemotron-51b-instruct", "llama3-chatqa-1.5-70b":
		return 90 * time.Second
	default:
		return 30 * time.Second
	}
}
