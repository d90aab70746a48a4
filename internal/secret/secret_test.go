package secret

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestNothingRendersASecret(t *testing.T) {
	const value = "hunter2-hunter2"
	s := Secret(value)
	type holder struct{ Key Secret }
	type hidden struct{ key *Secret }
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T %[1]v"} {
		for _, v := range []any{s, &s, holder{s}, &holder{s}, []Secret{s}, map[string]Secret{"k": s}, hidden{&s}} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
	}
	fmt.Fprintln(&out, s, holder{s}, fmt.Errorf("key %v", s))
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "key", s, "holder", holder{s})
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "key", s, "holder", holder{s})
	for _, marshal := range []func(any) ([]byte, error){json.Marshal, xml.Marshal} {
		text, err := marshal(holder{s})
		if err != nil {
			t.Fatal(err)
		}
		out.Write(text)
	}
	for _, leak := range []string{value, fmt.Sprintf("%x", value), fmt.Sprintf("%X", value), fmt.Sprintf("%d", []byte(value))} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("%q is rendered in\n%s", leak, out.String())
		}
	}
	if !strings.Contains(out.String(), redacted) {
		t.Error("nothing says that something is left out")
	}
	if got := fmt.Sprintf("%v|%q|%s", Secret(""), Secret(""), holder{}); strings.Contains(got, redacted) {
		t.Errorf("an empty secret shows as %q", got)
	}
}
