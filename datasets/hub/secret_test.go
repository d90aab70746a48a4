package hub

import (
	"fmt"
	"strings"
	"testing"
)

func TestClientDoesNotShowItsToken(t *testing.T) {
	c, err := New(&Options{Token: "hf_hunter2", CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(verb, c); strings.Contains(text, "hunter2") {
			t.Errorf("%s shows the token", verb)
		}
	}
}
