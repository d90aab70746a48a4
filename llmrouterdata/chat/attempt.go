package chat

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/openai/openai-go/v3/option"
)

// charge says what an attempt is taken to have cost.
type charge int

const (
	chargeNothing charge = iota // the service refused, or was not reached
	chargeUsage                 // the answer tells
	chargeMost                  // an answer may have been made and lost
)

// localKey is sent to local endpoints that have no key: some of them want the
// header to be there.
const localKey = "local"

// wireRequest is the body of a request. The SDK's own type would give the same
// JSON at eight times the cost.
type wireRequest struct {
	Model         string         `json:"model"`
	Messages      []wirePrompt   `json:"messages"`
	MaxTokens     int            `json:"max_tokens"`
	Temperature   float64        `json:"temperature"`
	TopP          float64        `json:"top_p"`
	Stream        bool           `json:"stream,omitempty"`
	StreamOptions *streamOptions `json:"stream_options,omitempty"`
}

type wirePrompt struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

type streamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

// encodeRequest is the request's body: an optional system message, the user
// message and the parameters, none left out.
func encodeRequest(r Request, p filledParams) ([]byte, error) {
	w := wireRequest{
		Model: r.Target.Model, MaxTokens: p.maxTokens, Temperature: p.temperature, TopP: p.topP, Stream: p.stream,
	}
	if r.Prompt.System != "" {
		w.Messages = append(w.Messages, wirePrompt{"system", r.Prompt.System})
	}
	w.Messages = append(w.Messages, wirePrompt{"user", r.Prompt.User})
	if p.stream {
		w.StreamOptions = &streamOptions{IncludeUsage: true}
	}
	return json.Marshal(w)
}

// send makes one HTTP request and reads the answer, which after an error holds
// no more than, for chargeUsage, the usage.
func (l *call) send(caller context.Context, lease *lease) (answer, *Error, charge) {
	ctx, cancel := context.WithTimeout(caller, l.st.timeout)
	defer cancel()
	key := *lease.key.secret
	bearer := string(key)
	if bearer == "" {
		bearer = localKey
	}
	fail := func(e Error, detail string) *Error {
		e.Candidate, e.KeyLabel = l.st.name, lease.label
		e.Detail = scrub(detail, key, l.st.host)
		return e.compose()
	}

	began := time.Now()
	var res *http.Response
	err := l.st.sdk.Post(ctx, "chat/completions", l.body, &res, option.WithAPIKey(bearer))
	if err != nil {
		if refused, ok := errors.AsType[*refusedError](err); ok {
			e := refused.classify(key)
			return answer{}, fail(e, e.Detail), chargeNothing
		}
		if ctx.Err() != nil {
			return answer{}, fail(Error{Kind: KindTimeout}, "no answer within "+l.st.timeout.String()), chargeMost
		}
		if neverSent(err) {
			return answer{}, fail(Error{Kind: KindConnection, unreached: true}, err.Error()), chargeNothing
		}
		return answer{}, fail(Error{Kind: KindConnection}, err.Error()), chargeMost
	}
	defer res.Body.Close()

	a, err := readAnswer(res, l.c.o.MaxResponseBytes)
	a.took = time.Since(began)
	if err == nil {
		if a.usage.estimated {
			a.usage.prompt = promptTokens(l.r.Prompt)
			a.usage.completion = EstimateTokens(a.text)
			a.usage.total = a.usage.prompt + a.usage.completion
		}
		return a, nil, chargeUsage
	}
	b, ok := errors.AsType[*Error](err)
	switch {
	case ok:
	case ctx.Err() != nil:
		b = bad(KindTimeout, "no complete answer within %v", l.st.timeout)
	default:
		b = bad(KindTruncated, "%v", err)
	}
	paid := chargeMost
	switch b.Kind {
	case KindNoContent, KindRefusal, KindToolCalls, KindNoChoices:
		paid = chargeUsage
		if a.usage.estimated && b.Kind != KindNoChoices {
			a.usage.prompt = promptTokens(l.r.Prompt)
		}
	case KindHTML, KindContentType:
		paid = chargeNothing // not from the model
	}
	if b.Status == 0 {
		b.Status = res.StatusCode
	} else { // an error that came as an answer
		paid = chargeNothing
		b.Code = cleanCode(b.Code, key)
		b.RetryAfter, b.retryAfter = retryAfter(res.Header, time.Now())
	}
	return a, fail(*b, b.Detail), paid
}
