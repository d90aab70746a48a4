package chat

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func values(list *keyList) []string {
	var out []string
	if list == nil {
		return nil
	}
	keys := list.keys
	for _, k := range keys {
		out = append(out, k.label+"="+string(*k.key))
	}
	return out
}

func TestParseKeys(t *testing.T) {
	for _, c := range []struct {
		env     string
		service string
		want    []string
		known   bool
	}{
		{"", "x", nil, true},
		{" \n", "x", nil, true},
		{"one", "x", []string{"key-1=one"}, true},
		{" one\n", "x", []string{"key-1=one"}, true},
		{"a,b", "x", []string{"key-1=a", "key-2=b"}, true},
		{" a , ,b,", "x", []string{"key-1=a", "key-2=b"}, true},
		{"a,b,a", "x", []string{"key-1=a", "key-2=b"}, true},
		{",", "x", nil, true},
		{`["a","b"]`, "x", []string{"key-1=a", "key-2=b"}, true},
		{` [ " a ", "", null, 7 ] `, "x", []string{"key-1=a", "key-2=7"}, true},
		{`"a"`, "x", []string{"key-1=a"}, true},
		{`""`, "x", nil, true},
		{"123", "x", []string{"key-1=123"}, true},
		{`{"NVIDIA":"a"}`, "NVIDIA", []string{"NVIDIA-1=a"}, true},
		{`{"NVIDIA":"a"}`, "nvidia", []string{"NVIDIA-1=a"}, true},
		{`{"nvidia":"a, b"}`, "NVIDIA ", []string{"nvidia-1=a", "nvidia-2=b"}, true},
		{`{"N":["a","b"],"O":"c"}`, "N", []string{"N-1=a", "N-2=b"}, true},
		{`{"N":["a","b"],"O":"c"}`, "O", []string{"O-1=c"}, true},
		{`{"N":["a","b"],"O":"c"}`, "P", nil, false},
		{`{"Ollama":""}`, "ollama", nil, true},
		{`{"Ollama":[""]}`, "ollama", nil, true},
		{`{"Ollama":[]}`, "ollama", nil, true},
	} {
		keys, err := ParseKeys(c.env)
		if err != nil {
			t.Errorf("%q: %v", c.env, err)
			continue
		}
		got, known := keys.forService(c.service)
		if diff := cmp.Diff(c.want, values(got)); diff != "" || known != c.known {
			t.Errorf("%q: service %q: known %v, want %v, keys (-want +got):\n%s", c.env, c.service, known, c.known, diff)
		}
	}
}

func TestParseKeysErrors(t *testing.T) {
	for env, want := range map[string]string{
		`{}`:                            "names no service",
		`{"a":1}`:                       `service "a": want a string`,
		`{"a":null}`:                    `service "a": want a string`,
		`{"a":{"b":"topsecret"}}`:       `service "a": want a string`,
		`{"a":["topsecret",{}]}`:        `service "a": entry 2: not a string`,
		`{"":"topsecret"}`:              "name is empty",
		`{"A":"topsecret","a":"b"}`:     `"A" and "a" differ only in case`,
		`{"a":"topsecret"`:              "not valid JSON",
		`[topsecret1, topsecret2]`:      "not valid JSON",
		`["topsecret"`:                  "not valid JSON",
		`["topsecret", true]`:           "entry 2: not a string",
		`[]`:                            "holds no key",
		`[null, ""]`:                    "",
		`"topsecret`:                    "not valid JSON",
		`null`:                          "null is not a key",
		`true`:                          "true is not a key",
		"top\nsecret":                   "entry 1: holds a character",
		"ok,topsecret with blanks":      "entry 2: holds a character",
		`{"svc":["ok","topsecretпыж"]}`: `service "svc": entry 2: holds a character`,
	} {
		_, err := ParseKeys(env)
		if env == `[null, ""]` {
			if err != nil {
				t.Errorf("%q: %v", env, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", env, err, want)
			continue
		}
		if strings.Contains(err.Error(), "topsecret") {
			t.Errorf("%q: the error quotes a key: %v", env, err)
		}
	}
}

func TestKeysAreNotPrinted(t *testing.T) {
	for _, env := range []string{`topsecret1,topsecret2`, `{"NVIDIA":["topsecret1","topsecret2"]}`} {
		keys, err := ParseKeys(env)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(map[string]any{"keys": keys})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []string{
			fmt.Sprint(keys), fmt.Sprintf("%v %+v %#v %s %q %x", keys, keys, keys, keys, keys, keys),
			fmt.Sprintf("%v %+v %#v", &keys, &keys, &keys), string(text),
			fmt.Sprintf("%+v %#v", struct{ k Keys }{keys}, struct{ k Keys }{keys}),
		} {
			if strings.Contains(s, "topsecret") || strings.Contains(s, "746f70736563726574") {
				t.Errorf("a key shows in %s", s)
			}
		}
		if keys.Len() != 2 {
			t.Errorf("%d keys", keys.Len())
		}
	}
}

func FuzzParseKeys(f *testing.F) {
	for _, s := range []string{
		"", "a", "a,b", `["a","b"]`, `{"S":"a,b"}`, `{"S":["a"],"T":""}`, `{"a":1}`, `[1,null,{}]`, "null", `"x"`, "{", "[", "\"", "\xff", `{"\ud800":"a"}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, env string) {
		keys, err := ParseKeys(env)
		if err != nil {
			return
		}
		seen := map[string]bool{}
		check := func(list *keyList) {
			if list == nil {
				return
			}
			for _, k := range list.keys {
				if *k.key == "" || strings.TrimSpace(string(*k.key)) != string(*k.key) || strings.ContainsAny(string(*k.key), "\r\n") {
					t.Errorf("key %q", string(*k.key))
				}
				if seen[k.label] {
					t.Errorf("label %q twice", k.label)
				}
				seen[k.label] = true
			}
		}
		if keys.services == nil {
			named, _ := keys.forService("any")
			check(named)
		}
		for _, s := range keys.names() {
			named, known := keys.forService(s)
			if !known {
				t.Errorf("service %q is not known", s)
			}
			check(named)
		}
	})
}
