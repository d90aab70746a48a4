package options_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/options"
)

type sample struct {
	Workers int
	Wait    time.Duration
	Ratio   *float64
}

func (o *sample) validate() (sample, error) {
	v, f := options.Begin(o, "pkg: Sample")
	options.Number(f, "Workers", &v.Workers, 4, 1, 8)
	options.Number(f, "Wait", &v.Wait, time.Second, 1, 0)
	options.Pointer(f, "Ratio", &v.Ratio, 0.8, 0, 1)
	return v, f.Err()
}

func TestDefaults(t *testing.T) {
	for _, o := range []*sample{nil, {}} {
		if v, err := o.validate(); err != nil || v.Workers != 4 || v.Wait != time.Second || *v.Ratio != 0.8 {
			t.Errorf("%+v, %v", v, err)
		}
	}
	o := &sample{Workers: 8, Wait: math.MaxInt64, Ratio: new(0.0)}
	v, err := o.validate()
	if err != nil || v.Workers != 8 || v.Wait != math.MaxInt64 || *v.Ratio != 0 || v.Ratio == o.Ratio {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestFaults(t *testing.T) {
	o := &sample{Workers: 9, Wait: -1, Ratio: new(math.NaN())}
	const want = "pkg: Sample.Workers is 9; it is from 1 to 8\n" +
		"pkg: Sample.Wait is -1ns; it is at least 1ns\n" +
		"pkg: Sample.Ratio is NaN; it is from 0 to 1"
	if _, err := o.validate(); fmt.Sprint(err) != want {
		t.Errorf("%v", err)
	}
}

// A field may be named by the caller's text, as an entry of a map is.
func TestFieldIsNoFormat(t *testing.T) {
	_, f := options.Begin[sample](nil, "p: O")
	f.Add(`Timeouts["100%s"]`, "is %d", 3)
	if got := fmt.Sprint(f.Err()); got != `p: O.Timeouts["100%s"] is 3` {
		t.Error(got)
	}
}

func TestURL(t *testing.T) {
	for text, want := range map[string]string{
		"https://host/v1":       "<nil>",
		"http://localhost:80":   "<nil>",
		"localhost:80":          "p: O.Endpoint is not of the form https://host/path",
		"https://h?key=geheim":  "p: O.Endpoint is not of the form https://host/path",
		"https://h#x":           "p: O.Endpoint is not of the form https://host/path",
		"https://u:geheim@h":    "p: O.Endpoint holds credentials; use Token",
		"https://u:geheim@h:nn": "p: O.Endpoint is not a URL",
	} {
		_, f := options.Begin[sample](nil, "p: O")
		f.URL("Endpoint", text, "Token")
		if got := fmt.Sprint(f.Err()); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
}
