package openai

import (
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
