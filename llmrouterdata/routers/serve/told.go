package serve

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
	"unicode/utf16"
)

// told is what clients are told of the routing.
type told struct {
	Model  string              `json:"model"`            // that is asked
	Choice string              `json:"choice,omitempty"` // of the router; "": the client's
	Scores map[string]*float64 `json:"scores,omitempty"` // expected, by model; null: nothing is known
	Costs  map[string]float64  `json:"costs,omitempty"`  // expected, in USD
	Failed []string            `json:"failed,omitempty"` // models that were asked before

	asField bool
}

// tell returns what is to be told before the next candidate is asked.
func (x *exchange) tell() told {
	t := told{Model: x.target.Name, Failed: x.failed, asField: x.o.Field}
	if x.choice == nil {
		return t
	}
	t.Choice = x.choice.Name
	t.Scores, t.Costs = map[string]*float64{}, map[string]float64{}
	for m, target := range x.ranked {
		t.Costs[target.Name] = x.choice.Costs[m]
		t.Scores[target.Name] = nil
		if score := x.choice.Scores[m]; !math.IsInf(score, 0) {
			t.Scores[target.Name] = &score
		}
	}
	return t
}

// header writes the headers.
func (t *told) header(h http.Header) {
	if t.Model == "" {
		return // nobody was asked
	}
	h.Set("X-Router-Model", headerText(t.Model))
	if t.Failed != nil {
		h.Set("X-Router-Failed", headerJSON(t.Failed))
	}
	if t.Choice == "" {
		return
	}
	h.Set("X-Router-Choice", headerText(t.Choice))
	for name, value := range map[string]string{"X-Router-Scores": headerJSON(t.Scores), "X-Router-Costs": headerJSON(t.Costs)} {
		if len(value) <= maxScores {
			h.Set(name, value)
		}
	}
}

// headerText is a name as a header can carry it: what is no visible ASCII, and the
// percent sign, as %XX.
func headerText(name string) string {
	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; c > ' ' && c <= '~' && c != '%' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// headerJSON is JSON in ASCII.
func headerJSON(v any) string {
	text, _ := json.Marshal(v) // of texts and finite numbers
	var b strings.Builder
	for _, r := range string(text) {
		if r <= '~' {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}

// into puts the field before the others of the JSON object that begins at an index.
func (t *told) into(text []byte, at int) []byte {
	at++
	field, _ := json.Marshal(map[string]*told{"x_router": t})
	field = field[1 : len(field)-1]
	if rest := bytes.TrimLeft(text[at:], " \t\r\n"); len(rest) > 0 && rest[0] != '}' {
		field = append(field, ',')
	}
	return append(append(text[:at:at], field...), text[at:]...)
}
