package openai

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

var (
	// ErrResponse marks an answer that is not of the form of an answer, or not
	// an answer to what was asked: other media types, JSON of another form, too
	// many or too few vectors, numbers that are not finite.
	ErrResponse = errors.New("malformed answer")

	// ErrTooLarge marks an answer longer than Options.MaxResponseBytes.
	ErrTooLarge = errors.New("answer too large")

	// ErrTimeout marks an attempt that took longer than Options.Timeout.
	ErrTimeout = errors.New("no complete answer in time")
)

// Error reports a request that failed for good. It unwraps to what went wrong
// in the last attempt: a *StatusError, a *DimError, ErrResponse, ErrTooLarge,
// ErrTimeout, a network error, or the context's.
type Error struct {
	Model    string
	Attempts int // how often the request was made
	Err      error
}

func (e *Error) Error() string {
	times := ""
	if e.Attempts > 1 {
		times = fmt.Sprintf(" (after %d attempts)", e.Attempts)
	}
	return fmt.Sprintf("openai: model %q: %v%s", e.Model, e.Err, times)
}

// Unwrap gives Err.
func (e *Error) Unwrap() error { return e.Err }

// StatusError reports an answer with an HTTP status that is not a success.
type StatusError struct {
	Status     int           // the HTTP status
	Code       string        // the service's code for the error, or its type, or ""
	Message    string        // what the service says, of a web page its title, cut to 500 characters, or ""
	RetryAfter time.Duration // what the service asks to wait; negative when it does not

	passing bool // trying again can help
}

func (e *StatusError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP %d", e.Status)
	if text := http.StatusText(e.Status); text != "" {
		b.WriteString(" " + text)
	}
	if e.Code != "" {
		fmt.Fprintf(&b, ", %s", e.Code)
	}
	if e.Message != "" {
		fmt.Fprintf(&b, ": %s", e.Message)
	}
	return b.String()
}

// DimError reports a vector of another length than the encoder's.
type DimError struct{ Got, Want int }

func (e *DimError) Error() string {
	return fmt.Sprintf("a vector of length %d, want %d", e.Got, e.Want)
}

// TextError reports a text that cannot be sent because it is not UTF-8.
type TextError struct {
	Index  int // of the text in the list
	Offset int // of the first byte that is not UTF-8
}

func (e *TextError) Error() string {
	return fmt.Sprintf("openai: text %d is not UTF-8 at byte %d", e.Index, e.Offset)
}
