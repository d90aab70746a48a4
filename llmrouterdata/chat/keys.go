package chat

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/secret"
)

// Keys holds API keys: either one list for every service, or a list for each
// service. The zero value holds none, which suffices for local endpoints.
// A Keys value is immutable and its keys cannot be printed by accident.
type Keys struct {
	shared   *keyList            // nil: none
	services map[string]*keyList // by lower-case name; nil in the shared form
}

// keyList is the keys of one service, or of all. Keys are held by pointer: fmt
// does not call the methods of values in unexported fields, so that a secret
// there would show under %v, whereas a pointer to it shows as an address.
type keyList struct {
	name string // the service as written, "" for all
	keys []namedKey
}

// namedKey is a key with the label that stands for it in records and logs.
type namedKey struct {
	label string
	key   *secret.Secret
}

func (l *keyList) len() int {
	if l == nil {
		return 0
	}
	return len(l.keys)
}

// ParseKeys reads the value of the API_KEYS environment variable:
//
//   - a JSON array of keys, ["key1", "key2"], or a comma-separated list, or one
//     key: every key serves every service;
//   - a JSON object from service name to a key, a comma-separated list or an
//     array of keys, {"NVIDIA": ["key1", "key2"], "OpenAI": "key3", "Ollama": ""}.
//     Service names match a candidate's service in any case, and an empty entry
//     stands for a service that needs no key.
//
// Blanks around keys are dropped, as are empty entries and duplicates. Empty
// env gives the zero Keys. Unlike the Python pipeline, text that begins as JSON
// but is not, an object without a usable entry, and a value that is no key are
// errors rather than keys. Errors name positions and services, never a key.
func ParseKeys(env string) (Keys, error) {
	text := strings.TrimSpace(env)
	switch {
	case text == "":
		return Keys{}, nil
	case text[0] == '{':
		return parseServiceKeys(text)
	case text[0] == '[':
		var items []json.RawMessage
		if err := json.Unmarshal([]byte(text), &items); err != nil {
			return Keys{}, notJSON("array", err)
		}
		keys, err := parseKeyItems(items)
		if err != nil {
			return Keys{}, fmt.Errorf("chat: API keys: %w", err)
		}
		if len(keys) == 0 {
			return Keys{}, errors.New("chat: API keys: the JSON array holds no key")
		}
		return sharedKeys(keys)
	case text[0] == '"':
		var one string
		if err := json.Unmarshal([]byte(text), &one); err != nil {
			return Keys{}, notJSON("string", err)
		}
		return sharedKeys([]secret.Secret{secret.Secret(one)})
	case text == "null" || text == "true" || text == "false":
		return Keys{}, fmt.Errorf("chat: API keys: %s is not a key", text)
	default:
		return sharedKeys(splitKeys(text))
	}
}

// notJSON leaves the decoder's own words out: they may quote the keys.
func notJSON(what string, err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("chat: API keys: begins like a JSON %s but is not valid JSON (at byte %d)", what, syntax.Offset)
	}
	return fmt.Errorf("chat: API keys: not a valid JSON %s", what)
}

func parseServiceKeys(text string) (Keys, error) {
	var entries map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &entries); err != nil {
		return Keys{}, notJSON("object", err)
	}
	services := make(map[string][]secret.Secret, len(entries))
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		raw := bytes.TrimSpace(entries[name])
		var keys []secret.Secret
		switch raw[0] {
		case '"':
			var list string
			if err := json.Unmarshal(raw, &list); err != nil {
				return Keys{}, fmt.Errorf("chat: API keys: service %q: not a valid string", name)
			}
			keys = splitKeys(list)
		case '[':
			var items []json.RawMessage
			err := json.Unmarshal(raw, &items)
			if err == nil {
				keys, err = parseKeyItems(items)
			}
			if err != nil {
				return Keys{}, fmt.Errorf("chat: API keys: service %q: %w", name, err)
			}
		default:
			return Keys{}, fmt.Errorf("chat: API keys: service %q: want a string or an array of strings", name)
		}
		services[name] = keys
	}
	return serviceKeys(services)
}

// parseKeyItems reads the elements of a JSON array: strings, and numbers,
// whose text is taken; null and empty strings are dropped.
func parseKeyItems(items []json.RawMessage) ([]secret.Secret, error) {
	var keys []secret.Secret
	for i, item := range items {
		switch item[0] {
		case '"':
			var s string
			if err := json.Unmarshal(item, &s); err != nil {
				return nil, fmt.Errorf("entry %d: not a valid string", i+1)
			}
			keys = append(keys, secret.Secret(s))
		case 'n': // null
		case '{', '[', 't', 'f':
			return nil, fmt.Errorf("entry %d: not a string", i+1)
		default:
			keys = append(keys, secret.Secret(item))
		}
	}
	return keys, nil
}

func splitKeys(list string) []secret.Secret {
	var keys []secret.Secret
	for part := range strings.SplitSeq(list, ",") {
		keys = append(keys, secret.Secret(part))
	}
	return keys
}

func sharedKeys(keys []secret.Secret) (Keys, error) {
	clean, err := cleanKeys(keys)
	if err != nil {
		return Keys{}, fmt.Errorf("chat: API keys: %w", err)
	}
	return Keys{shared: newKeyList("", clean)}, nil
}

// serviceKeys keeps a service without a key, as one that needs none.
func serviceKeys(keys map[string][]secret.Secret) (Keys, error) {
	if len(keys) == 0 {
		return Keys{}, errors.New("chat: API keys: the object names no service")
	}
	services := make(map[string]*keyList, len(keys))
	for _, name := range slices.Sorted(maps.Keys(keys)) {
		id := serviceID(name)
		if id == "" {
			return Keys{}, errors.New("chat: API keys: a service's name is empty")
		}
		if other, ok := services[id]; ok {
			return Keys{}, fmt.Errorf("chat: API keys: services %q and %q differ only in case", other.name, name)
		}
		clean, err := cleanKeys(keys[name])
		if err != nil {
			return Keys{}, fmt.Errorf("chat: API keys: service %q: %w", name, err)
		}
		services[id] = newKeyList(strings.TrimSpace(name), clean)
	}
	return Keys{services: services}, nil
}

func serviceID(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

// cleanKeys drops the blanks around keys, empty keys and duplicates. An error
// names the position of a key that an HTTP header cannot carry.
func cleanKeys(keys []secret.Secret) ([]secret.Secret, error) {
	var clean []secret.Secret
	for i, key := range keys {
		text := strings.TrimSpace(string(key))
		if text == "" || slices.Contains(clean, secret.Secret(text)) {
			continue
		}
		for _, r := range text {
			if r <= ' ' || r > '~' {
				return nil, fmt.Errorf("entry %d: holds a character that an HTTP header cannot carry", i+1)
			}
		}
		clean = append(clean, secret.Secret(text))
	}
	return clean, nil
}

// names returns the services that keys are listed for, sorted.
func (k Keys) names() []string {
	var names []string
	for _, s := range k.services {
		names = append(names, s.name)
	}
	slices.Sort(names)
	return names
}

// Len returns the number of keys over all services.
func (k Keys) Len() int {
	n := k.shared.len()
	for _, s := range k.services {
		n += s.len()
	}
	return n
}

// String says how many keys there are, and for which services.
func (k Keys) String() string {
	count := strconv.Itoa(k.Len()) + " keys"
	if k.Len() == 1 {
		count = "1 key"
	}
	if k.services == nil {
		return count + " for every service"
	}
	return count + " for " + strings.Join(k.names(), ", ")
}

// GoString is String: the keys stay hidden under %#v.
func (k Keys) GoString() string { return "chat.Keys(" + k.String() + ")" }

// forService returns the keys that serve a candidate of the given service, nil
// where there are none, and whether the service is known: the shared form knows
// every service.
func (k Keys) forService(service string) (keys *keyList, known bool) {
	if k.services == nil {
		return k.shared, true
	}
	keys, known = k.services[serviceID(service)]
	return keys, known
}

// newKeyList labels keys by their place in the list: a label must not tell
// anything about the key, and must be the same in every run. It is nil for no
// keys and no service.
func newKeyList(service string, keys []secret.Secret) *keyList {
	if service == "" && len(keys) == 0 {
		return nil
	}
	list := &keyList{name: service}
	for i, key := range keys {
		list.keys = append(list.keys, namedKey{cmp.Or(service, "key") + "-" + strconv.Itoa(i+1), &key})
	}
	return list
}
