package tokenizer_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/internal/tokenizer"
)

// TestOracleTokens compares with the ids of the published tokenizer.
func TestOracleTokens(t *testing.T) {
	for _, file := range golden.OracleSets(t, "tok*/tokens.json") {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			var set struct {
				Cases []struct {
					Text         string  `json:"text"`
					IDs          []int32 `json:"ids"`
					IDsNoSpecial []int32 `json:"ids_nospecial"`

					Repeat    *repeat `json:"text_repeat"`
					MaxLength int     `json:"max_length"`
					Len       int     `json:"ids_len"`
					Head      []int32 `json:"ids_head"`
					Tail      []int32 `json:"ids_tail"`
				} `json:"cases"`
			}
			readJSON(t, file, &set)
			if len(set.Cases) == 0 {
				t.Fatal("no cases")
			}
			tok := open(t, dir)
			for i, c := range set.Cases {
				if c.Repeat != nil {
					ids := encode(t, tok, strings.Repeat(c.Repeat.text, c.Repeat.times), &tokenizer.Options{MaxTokens: c.MaxLength})
					if len(ids) != c.Len || !slices.Equal(ids[:len(c.Head)], c.Head) || !slices.Equal(ids[len(ids)-len(c.Tail):], c.Tail) {
						t.Errorf("case %d: %d ids, want %d: begin %v, want %v; end %v, want %v", i, len(ids), c.Len,
							ids[:len(c.Head)], c.Head, ids[len(ids)-len(c.Tail):], c.Tail)
					}
					continue
				}
				if diff := cmp.Diff(c.IDs, encode(t, tok, c.Text, &tokenizer.Options{MaxTokens: c.MaxLength})); diff != "" {
					t.Errorf("case %d, %.60q: (-want +got)\n%s", i, c.Text, diff)
				}
				plain := encode(t, tok, c.Text, &tokenizer.Options{NoAffixes: true, LiteralSpecials: true})
				if !slices.Equal(plain, c.IDsNoSpecial) {
					t.Errorf("case %d, %.60q: plain ids %v, want %v", i, c.Text, plain, c.IDsNoSpecial)
				}
				if back, err := tok.Decode(plain, nil); err != nil || back != c.Text {
					t.Errorf("case %d, %.60q: decodes to %.60q (%v)", i, c.Text, back, err)
				}
				checkSpans(t, tok, c.Text)
			}
		})
	}
}

// TestOracleRealQueries compares the length and the hash of the ids of the
// published queries.
func TestOracleRealQueries(t *testing.T) {
	for _, file := range golden.OracleSets(t, "tok*/real_queries.json") {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			var set struct {
				Queries [][2]any `json:"queries"`
			}
			readJSON(t, file, &set)
			queries := realQueries(t)
			if len(queries) != len(set.Queries) {
				t.Fatalf("%d queries, the oracle has %d", len(queries), len(set.Queries))
			}
			tok := open(t, dir)
			for i, q := range queries {
				ids := encode(t, tok, q, nil)
				if n, hash := set.Queries[i][0].(float64), set.Queries[i][1].(string); len(ids) != int(n) || hashIDs(ids) != hash {
					t.Errorf("query %d: %d ids of hash %s, want %v of %s", i, len(ids), hashIDs(ids), n, hash)
				}
				checkSpans(t, tok, q)
			}
		})
	}
}

// repeat is ["text", times].
type repeat struct {
	text  string
	times int
}

func (r *repeat) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &[]any{&r.text, &r.times})
}

func hashIDs(ids []int32) string {
	var b []byte
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(id), 10)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// realQueries gives the query of each line of the published query file.
func realQueries(t testing.TB) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(golden.DataDir(t), "query_data", "default_query_train.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var queries []string
	for line := range strings.Lines(string(data)) {
		var q struct{ Query string }
		if err := json.Unmarshal([]byte(line), &q); err != nil {
			t.Fatal(err)
		}
		queries = append(queries, q.Query)
	}
	return queries
}

// open reads the tokenizer of an oracle, whose <mask> takes white space along:
// a folder without settings was made by transformers 4.
func open(t testing.TB, dir string) *tokenizer.Tokenizer {
	t.Helper()
	fsys := fstest.MapFS{"tokenizer_config.json": {Data: []byte(`{"mask_token": {"__type": "AddedToken", "content": "<mask>", "lstrip": true}}`)}}
	for _, name := range []string{"tokenizer.json", "vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			fsys[name] = &fstest.MapFile{Data: data}
		}
	}
	tok, err := tokenizer.Open(t.Context(), fsys, nil)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func encode(t testing.TB, tok *tokenizer.Tokenizer, text string, o *tokenizer.Options) []int32 {
	t.Helper()
	ids, err := tok.Encode(text, o)
	if err != nil {
		t.Fatalf("%.60q: %v", text, err)
	}
	return ids
}

func readJSON(t testing.TB, file string, v any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// checkSpans holds the spans of text against what is promised of them: they
// follow each other from the beginning to the end, and each covers what its
// token decodes to, but for the white space that special tokens take along.
func checkSpans(t testing.TB, tok *tokenizer.Tokenizer, text string) {
	t.Helper()
	ids, spans, err := tok.EncodeOffsets(text, &tokenizer.Options{AllowInvalid: true})
	if err != nil {
		t.Fatal(err)
	}
	want, err := tok.Encode(text, &tokenizer.Options{AllowInvalid: true})
	if err != nil || !slices.Equal(ids, want) || len(ids) != len(spans) {
		t.Fatalf("%.60q: %d ids with %d spans, %d without (%v)", text, len(ids), len(spans), len(want), err)
	}
	prefix, suffix := tok.Affixes()
	at := 0
	for i, s := range spans {
		if s.Start != at || s.End < s.Start || s.End > len(text) {
			t.Fatalf("%.60q: span %d is %v after %d", text, i, s, at)
		}
		at = s.End
		if i < len(prefix) || i >= len(spans)-len(suffix) {
			if s.Start != s.End {
				t.Fatalf("%.60q: span %d of an affix is %v", text, i, s)
			}
			continue
		}
		token, err := tok.Decode(ids[i:i+1], nil)
		if err != nil {
			t.Fatal(err)
		}
		if covered := text[s.Start:s.End]; covered != token && strings.TrimSpace(covered) != token {
			t.Fatalf("%.60q: span %d covers %q, the token is %q", text, i, covered, token)
		}
	}
	if at != len(text) {
		t.Fatalf("%.60q: spans end at %d of %d", text, at, len(text))
	}
}
