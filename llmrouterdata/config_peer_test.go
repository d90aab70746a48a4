package llmrouterdata_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/internal/peertest"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// configMaker writes configurations that merge mappings in every way.
type configMaker struct {
	rng   *rand.Rand
	text  strings.Builder
	names []string // of the anchors of mappings
	lists []string // of the anchors of lists of them
}

func (m *configMaker) pick(list ...string) string { return list[m.rng.IntN(len(list))] }

// merge is a merge key; where it is read, now and then one that cannot be.
func (m *configMaker) merge(read bool) string {
	if read && m.rng.IntN(10) == 0 {
		return "<<: " + m.pick("5", "~", "[5]", "[[]]", "text", "[{}, ~]")
	}
	inline := fmt.Sprintf("{sample_size: %d}", 1+m.rng.IntN(99))
	what := inline
	switch m.rng.IntN(4) {
	case 0:
		if len(m.lists) > 0 {
			what = "*" + m.pick(m.lists...)
		}
	case 1:
		var items []string
		for range m.rng.IntN(4) {
			if len(m.names) > 0 {
				items = append(items, "*"+m.pick(m.names...))
			}
			if m.rng.IntN(3) == 0 {
				items = append(items, inline)
			}
		}
		what = "[" + strings.Join(items, ", ") + "]"
	default:
		if len(m.names) > 0 {
			what = "*" + m.pick(m.names...)
		}
	}
	return "<<: " + what
}

// entries are the entries of a mapping: merge keys anywhere among some of known.
func (m *configMaker) entries(read bool, known ...string) []string {
	var list []string
	for _, entry := range known {
		if m.rng.IntN(3) == 0 {
			list = append(list, entry)
		}
	}
	for range m.rng.IntN(3) {
		list = append(list, m.merge(read))
	}
	m.rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

func (m *configMaker) generation(read bool) []string {
	return m.entries(read, fmt.Sprint("sample_size: ", 1+m.rng.IntN(99)), fmt.Sprintf("train_ratio: 0.%d", m.rng.IntN(100)), fmt.Sprint("random_seed: ", m.rng.IntN(99)))
}

// mapping writes a key whose value is a mapping, in block or flow style.
func (m *configMaker) mapping(head string, entries []string) {
	if len(entries) == 0 || m.rng.IntN(2) == 0 {
		fmt.Fprintf(&m.text, "%s {%s}\n", head, strings.Join(entries, ", "))
		return
	}
	fmt.Fprintf(&m.text, "%s\n  %s\n", head, strings.Join(entries, "\n  "))
}

func (m *configMaker) config() string {
	m.text.WriteString(m.pick("", "", "---\n", "%YAML 1.1\n---\n", "# a note\n", "\n...\n---\n"))
	for i := range m.rng.IntN(5) {
		name := fmt.Sprint("m", i)
		m.mapping(fmt.Sprintf("base%d: &%s", i, name), m.generation(false))
		m.names = append(m.names, name)
		if m.rng.IntN(3) == 0 {
			list := fmt.Sprint("l", i)
			fmt.Fprintf(&m.text, "list%d: &%s [*%s, *%s]\n", i, list, m.pick(m.names...), m.pick(m.names...))
			m.lists = append(m.lists, list)
		}
	}
	if m.rng.IntN(2) == 0 {
		whole := fmt.Sprintf("data_generation: {%s}", strings.Join(m.generation(false), ", "))
		m.mapping("common: &c", m.entries(true, whole, "api_endpoint: http://shared", "embedding: {model: shared}", "'<<': 1"))
		m.text.WriteString("<<: " + m.pick("*c", "[*c]", "[{api_endpoint: first}, *c]") + "\n")
	}
	if m.rng.IntN(2) == 0 {
		m.mapping("data_generation:", m.generation(true))
	} else if len(m.names) > 0 && m.rng.IntN(2) == 0 {
		m.text.WriteString("data_generation: *" + m.pick(m.names...) + "\n")
	}
	if m.rng.IntN(3) == 0 {
		m.text.WriteString("api_endpoint: " + m.pick("http://own", "'<<'") + "\n")
	}
	m.text.WriteString(m.pick("", "", "", "", "...\n", "...\n...\n", "---\n", "---\napi_endpoint: second\n", "...\n---\na: b\n", "# end\n"))
	return m.text.String()
}

// TestPeerYAML holds configurations with merge keys and several documents
// against PyYAML.
func TestPeerYAML(t *testing.T) {
	python := peertest.Python(t, "data")
	dir := t.TempDir()
	args := []string{filepath.Join("testdata", "configs.py")}
	rng := rand.New(rand.NewPCG(20, 5))
	for i := range 2000 {
		name := filepath.Join(dir, fmt.Sprintf("%04d.yaml", i))
		if err := os.WriteFile(name, []byte((&configMaker{rng: rng}).config()), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, name)
	}
	command := exec.CommandContext(t.Context(), python, args...)
	var stderr strings.Builder
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	refused, differ := 0, 0
	for d, i := json.NewDecoder(strings.NewReader(string(out))), 1; i < len(args); i++ {
		var want []any
		if err := d.Decode(&want); err != nil {
			t.Fatal(err)
		}
		c, err := llmrouterdata.LoadConfig(args[i], nil)
		if want == nil {
			refused++
		}
		if (want == nil) != (err != nil) {
			differ++
			text, _ := os.ReadFile(args[i])
			t.Errorf("PyYAML gives %v, LoadConfig the error %v:\n%s", want, err, text)
		} else if err == nil {
			g := c.DataGeneration
			got := []any{float64(g.SampleSize), g.TrainRatio, float64(g.RandomSeed), c.APIEndpoint, c.Embedding.Model}
			if diff := cmp.Diff(want, got); diff != "" {
				differ++
				text, _ := os.ReadFile(args[i])
				t.Errorf("-PyYAML +LoadConfig:\n%s\n%s", diff, text)
			}
		}
		if differ > 5 {
			t.Fatal("too many differ")
		}
	}
	if refused < 100 || refused > 1500 {
		t.Errorf("PyYAML refuses %d of %d", refused, len(args)-1)
	}
	t.Logf("%d configurations, %d of them refused by both", len(args)-1, refused)
}
