package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"time"
)

// Decisions a caller takes; test for them with errors.Is. Those of a missing
// thing are fs.ErrNotExist too.
var (
	// ErrRepoNotFound: no such repository, or a private one that the token (or
	// its absence) gives no access to. The hub does not say which.
	ErrRepoNotFound = errors.New("repository not found")
	// ErrRevisionNotFound: no such branch, tag or commit.
	ErrRevisionNotFound = errors.New("revision not found")
	// ErrEntryNotFound: no such file at that revision.
	ErrEntryNotFound = errors.New("file not found")
	// ErrGated: the content is given only to accounts that have accepted the
	// repository's conditions. The error's text says where and how.
	ErrGated = errors.New("access is restricted")
	// ErrDisabled: the hub has switched the repository off.
	ErrDisabled = errors.New("repository is disabled")
	// ErrBadToken: the hub does not know the token.
	ErrBadToken = errors.New("token is not valid")
	// ErrRateLimited: too many requests, still after the retries, or the hub
	// asks for a longer wait than Options.MaxWait.
	ErrRateLimited = errors.New("too many requests")
	// ErrNotCached: the client is offline and the cache does not hold the file.
	ErrNotCached = errors.New("offline, and not in the cache")
	// ErrChecksum: what came is not what the hub announced, also on a second
	// try. See ChecksumError.
	ErrChecksum = errors.New("wrong content")
	// ErrNoRanges: the server does not serve parts of this file, so that Open
	// cannot read it; Download can.
	ErrNoRanges = errors.New("server does not serve ranges")
)

// Error is the hub's refusal of a request.
type Error struct {
	Repo Repo
	// Path is the file asked for, empty for calls about the repository. A piece of
	// the token in it is struck out.
	Path string
	// Status is the HTTP status.
	Status int
	// Code and Message are the hub's X-Error-Code and X-Error-Message (or the
	// body's "error"), often empty.
	Code, Message string
	// RequestID identifies the request to the hub's operators, may be empty.
	RequestID string
	// RetryAfter is the wait the server asked for, 0 when it named none.
	RetryAfter time.Duration
	// Kind is one of the package's sentinels, or nil.
	Kind error

	advice string
	commit string // X-Repo-Commit, may be empty
}

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("hub: ")
	b.WriteString(e.Repo.String())
	if e.Path != "" {
		b.WriteString(": file " + e.Path)
	}
	b.WriteString(": ")
	if e.Kind != nil {
		b.WriteString(e.Kind.Error())
	} else {
		b.WriteString("refused")
	}
	if e.advice != "" {
		b.WriteString(": " + e.advice)
	}
	if e.Status != 0 {
		fmt.Fprintf(&b, " (status %d", e.Status)
		if e.Message != "" {
			fmt.Fprintf(&b, ", %q", e.Message)
		}
		if e.RequestID != "" {
			b.WriteString(", request " + e.RequestID)
		}
		b.WriteString(")")
	}
	return b.String()
}

// Unwrap gives Kind, and fs.ErrNotExist for what does not exist.
func (e *Error) Unwrap() []error {
	switch e.Kind {
	case nil:
		return nil
	case ErrRepoNotFound, ErrRevisionNotFound, ErrEntryNotFound, ErrNotCached:
		return []error{e.Kind, fs.ErrNotExist}
	}
	return []error{e.Kind}
}

// ChecksumError says that a transferred file is not the announced one.
type ChecksumError struct {
	Repo Repo
	Path string
	// Algorithm is "sha256", "git-sha1" (of a git blob object), "sha1" or "size".
	Algorithm string
	// Want and Got are hex digests, or decimal byte counts for "size".
	Want, Got string
}

// Error implements error.
func (e *ChecksumError) Error() string {
	return fmt.Sprintf("hub: %s: file %s: %s: %s is %s, want %s", e.Repo, e.Path, ErrChecksum, e.Algorithm, e.Got, e.Want)
}

// Unwrap gives ErrChecksum.
func (e *ChecksumError) Unwrap() error { return ErrChecksum }

// classify turns an answer of status 400 or more into an Error. The order of
// the tests is that of the Python client: codes come before statuses.
func (c *Client) classify(t target, resp *http.Response, fromHub bool) *Error {
	h := resp.Header
	e := &Error{
		Repo: t.repo, Path: t.shownPath(),
		Status:     resp.StatusCode,
		Code:       c.show(h.Get("X-Error-Code")),
		Message:    c.show(h.Get("X-Error-Message")),
		RequestID:  c.show(h.Get("X-Request-Id")),
		RetryAfter: retryAfter(resp.StatusCode, h, time.Now()),
		commit:     h.Get("X-Repo-Commit"),
	}
	if e.Message == "" {
		e.Message = c.show(bodyMessage(resp))
	}
	if !fromHub {
		// A content server knows nothing of repositories; its refusals are
		// those of an expired link as a rule.
		e.advice = "the content server refused the link"
		return e
	}
	switch {
	case e.Code == "RevisionNotFound":
		e.Kind = ErrRevisionNotFound
	case e.Code == "EntryNotFound":
		e.Kind = ErrEntryNotFound
	case e.Code == "GatedRepo":
		e.Kind = ErrGated
		e.advice = c.gatedAdvice(t.repo)
	case e.Message == "Access to this resource is disabled.":
		e.Kind = ErrDisabled
	case e.Status == http.StatusUnauthorized && e.Message == "Invalid credentials in Authorization header":
		e.Kind = ErrBadToken
		e.advice = "set HF_TOKEN to a valid access token, or unset it for public repositories"
	case e.Code == "RepoNotFound", e.Status == http.StatusUnauthorized:
		e.Kind = ErrRepoNotFound
		e.advice = "check the name; if it is private, set HF_TOKEN to an access token of an account that may read it"
	case e.Status == http.StatusTooManyRequests:
		e.Kind = ErrRateLimited
		if *c.token == "" {
			e.advice = "signed-in users have a larger quota: set HF_TOKEN"
		}
	case e.Status == http.StatusForbidden && *c.token != "":
		e.advice = "the token does not give permission to read this repository"
	}
	return e
}

func (c *Client) gatedAdvice(r Repo) string {
	page := c.pageURL(r)
	if *c.token == "" {
		return fmt.Sprintf("sign in at %s and accept its conditions, then set HF_TOKEN to an access token of that account", page)
	}
	return fmt.Sprintf("the account of the token in HF_TOKEN has no access: accept the conditions at %s with that account, and let the token read gated repositories", page)
}

// clip bounds what a server may put into our messages.
func clip(s string) string {
	s = strings.Map(func(r rune) rune {
		if isControl(r) {
			return ' '
		}
		return r
	}, strings.TrimSpace(s))
	if len(s) > maxMessage {
		s = strings.ToValidUTF8(s[:maxMessage], "") + "..."
	}
	return s
}
