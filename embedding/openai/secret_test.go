package openai

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestEncoderDoesNotShowItsKey(t *testing.T) {
	e, err := New(t.Context(), &Options{Model: "m", APIKey: "sk-hunter2", Dim: 3})
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if strings.Contains(fmt.Sprintf(verb, e), "hunter2") || strings.Contains(fmt.Sprintf(verb, *e), "hunter2") {
			t.Errorf("%s shows the key", verb)
		}
	}
}

// TestShownErrorIsWhatItWas: an error that loses a piece of the key is of the same
// kind, since the kind decides whether another attempt is made.
func TestShownErrorIsWhatItWas(t *testing.T) {
	e, err := New(t.Context(), &Options{Model: "m", APIKey: "1024768", Dim: 3})
	if err != nil {
		t.Fatal(err)
	}
	shown := e.shown(fmt.Errorf("%w: key 1024768", ErrResponse))
	if !errors.Is(shown, ErrResponse) || strings.Contains(shown.Error(), "1024768") {
		t.Errorf("%v", shown)
	}
	if dim := (&DimError{Got: 1024768, Want: 3}); e.shown(dim) != error(dim) {
		t.Error("a *DimError is another")
	}
}
