package llmrouterdata

import (
	"errors"
	"fmt"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/pyjson"
)

// asked reads a query: a string, or a list of chat messages, which becomes its
// transcript.
func (f *fields) asked(name string) string {
	v, _ := f.o.Get(name)
	messages, ok := v.([]any)
	if !ok {
		return f.text(name)
	}
	text, err := transcript(messages)
	if err != nil {
		f.fail(name, err)
	}
	return text
}

// transcript is the text of chat messages: that of a single message of the user as
// it is, else a line "role: text" for each message.
func transcript(messages []any) (string, error) {
	if len(messages) == 0 {
		return "", errors.New("a list without any chat message")
	}
	lines := make([]string, len(messages))
	for i, m := range messages {
		role, text, err := message(m)
		if err != nil {
			return "", fmt.Errorf("chat message %d: %w", i+1, err)
		}
		if len(messages) == 1 && role == "user" {
			return text, nil
		}
		lines[i] = role + ": " + text
	}
	return strings.Join(lines, "\n"), nil
}

// message reads one chat message.
func message(v any) (role, text string, err error) {
	o, ok := v.(*pyjson.Object)
	if !ok {
		return "", "", fmt.Errorf("want an object, have %s", describe(v))
	}
	r, _ := o.Get("role")
	if role, ok = r.(string); !ok || role == "" {
		return "", "", errors.New(`no "role"`)
	}
	switch content, _ := o.Get("content"); content := content.(type) {
	case string:
		return role, content, nil
	case []any:
		text, err = parts(content)
		return role, text, err
	default:
		return "", "", fmt.Errorf(`"content": want a string or a list of texts, have %s`, describe(content))
	}
}

// parts joins the texts of a message that comes in parts.
func parts(list []any) (string, error) {
	var b strings.Builder
	for i, p := range list {
		o, ok := p.(*pyjson.Object)
		if !ok {
			return "", fmt.Errorf("part %d: want an object, have %s", i+1, describe(p))
		}
		v, _ := o.Get("text")
		text, ok := v.(string)
		if !ok {
			return "", fmt.Errorf("part %d is no text", i+1)
		}
		b.WriteString(text)
	}
	return b.String(), nil
}
