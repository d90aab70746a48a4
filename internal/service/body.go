package service

import (
	"bytes"
	"cmp"
	"encoding/json"
	"html"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Body is what the body of an answer that is no success says, in whatever form.
type Body struct {
	// Code is the service's word for the error, as sent: its code, else its type
	// or status. "" where it has none but numbers.
	Code string
	// Param is the field of the request that it names as the one at fault, as sent;
	// "": none.
	Param string
	// Message is what it says: the message where one is found, the title of a web
	// page, else the whole body; secrets and addresses included.
	Message string
	// Status is the HTTP status that the body names, from 400 to 599; 0: none.
	Status int
	// Page says that the body is a web page.
	Page bool
	// Error says that the body has the form of an error.
	Error bool
	// Told says that a message was found, in whatever form.
	Told bool

	codes    []string // its codes, types and states as words: lower case, letters and digits only
	words    string   // message, codes and reasons in lower case
	upstream bool     // a gateway speaks of the service behind it
	wait     time.Duration
	waits    bool
}

// ReadBody reads the body of an error: JSON in the forms that services use, an
// event of a stream, a web page or plain text.
func ReadBody(text []byte) Body {
	text = bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\ufeff")))
	var b Body
	if IsPage(text) {
		b.Page = true
		b.Message = title(text)
		b.close("")
		return b
	}
	data := text
	if bytes.HasPrefix(data, []byte("event:")) { // of a stream's first event
		_, data, _ = bytes.Cut(data, []byte("\n"))
	}
	data = bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(data), []byte("data:")))
	f := finder{}
	v, ok := decode(data)
	if ok {
		f.find(v, 0)
	}
	b.Error = f.isError
	b.Status = f.status
	b.upstream = f.upstream
	b.Code, b.Param = f.code, f.param
	b.codes = f.codes
	b.Message = strings.Join(f.messages, "; ")
	b.Told = b.Message != ""
	if !b.Told {
		b.Message = string(text)
		if s, isText := v.(string); isText {
			b.Message = s
		}
		if ok && b.Code != "" {
			b.Message = ""
		}
	}
	b.close(f.reasons)
	return b
}

// close cuts the message and makes of all words what is searched for meaning.
func (b *Body) close(reasons string) {
	b.Message = clip(b.Message, maxShown)
	b.words = strings.ToLower(clip(b.Message+". "+reasons+". "+strings.Join(b.codes, ". "), maxJudged))
	b.words = strings.NewReplacer("case sensitive", "case", "case-sensitive", "case").Replace(b.words)
	if !b.waits {
		b.wait, b.waits = waitInWords(b.words)
	}
	b.upstream = b.upstream || upstreamWords.in(b.Message)
}

// clip cuts a text to so many bytes, between characters.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

// decode reads one JSON value. What follows it does not count.
func decode(text []byte) (v any, ok bool) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return v, d.Decode(&v) == nil
}

// IsPage reports whether text, without white space before it, is a web page.
func IsPage(text []byte) bool { return bytes.HasPrefix(text, []byte("<")) }

var (
	titleTag = regexp.MustCompile(`(?is)<(title|h1|message)\b[^>]*>(.*?)</`)
	anyTag   = regexp.MustCompile(`(?s)<(style|script)\b.*?</(style|script)>|<!--.*?-->|<[^>]*>`)
)

// title returns what a page says of itself: its title, else its text.
func title(page []byte) string {
	page = page[:min(len(page), MaxErrorBody)]
	text := ""
	if m := titleTag.FindSubmatch(page); m != nil {
		text = string(m[2])
	}
	if strings.TrimSpace(text) == "" {
		text = string(page)
	}
	text = html.UnescapeString(anyTag.ReplaceAllString(text, " "))
	return clip(strings.Join(strings.Fields(text), " "), maxTitle)
}

// The names under which services write errors, in the order of their weight, in
// lower case and without marks: "error_code" is "errorcode".
var (
	errorNames   = []string{"error", "errors", "err", "baseresp", "fault", "failure", "exception"}
	nestedNames  = []string{"detail", "details", "header", "cause", "innererror", "response", "responsemetadata", "status", "data", "result", "providerspecificfields"}
	messageNames = []string{"message", "msg", "errormessage", "errormsg", "errordescription", "statusmsg", "faultstring", "detail", "description", "info", "text", "reason", "title"}
	codeNames    = []string{"code", "errorcode", "errcode", "errno", "type", "errortype", "statuscode", "status", "reason"}
)

// plain is a field's name in lower case without marks.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return r
		}
		return -1
	}, name)
}

// finder looks for what a body says of an error, from outside in.
type finder struct {
	code     string
	param    string
	codes    []string
	messages []string
	reasons  string // words beside the message
	status   int
	upstream bool
	isError  bool
}

func (f *finder) find(v any, depth int) {
	if depth > maxDepth {
		return
	}
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			if text, isText := item.(string); isText {
				f.message(text)
			} else {
				f.find(item, depth+1)
			}
		}
	case map[string]any:
		f.object(v, depth)
	}
}

// object reads an object. An error within it says more than its own fields, and
// these more than what it adds as details.
func (f *finder) object(v map[string]any, depth int) {
	fields := make(map[string]any, len(v))
	for name, value := range v {
		if value != nil {
			fields[plain(name)] = value
		}
	}
	before := len(f.messages)
	f.errorsIn(fields, depth)
	found := len(f.messages) > before
	failed := f.numbers(fields) || f.saysFailed(fields)
	f.isError = f.isError || failed
	if !found {
		found = f.ownMessage(fields, depth)
	}
	f.wordsOf(fields)
	if param, isText := fields["param"].(string); isText {
		f.param = cmp.Or(f.param, param)
	}
	f.nestedIn(fields, depth, found)
	f.metadata(fields)
}

// errorsIn reads the errors within an object.
func (f *finder) errorsIn(fields map[string]any, depth int) {
	for _, name := range errorNames {
		switch inner := fields[name].(type) {
		case map[string]any:
			if len(inner) > 0 && !fine(name, inner) {
				f.isError = true
				f.find(inner, depth+1)
			}
		case []any:
			if len(inner) > 0 {
				f.isError = true
				f.find(inner, depth+1)
			}
		case string:
			if inner != "" && name != "failure" && name != "exception" {
				f.isError = true
				f.message(inner)
			}
		}
	}
}

// ownMessage reads the message of an object itself, and reports whether it has
// one. A message that is an object is searched, and else shown as it is.
func (f *finder) ownMessage(fields map[string]any, depth int) (found bool) {
	for _, name := range messageNames {
		if text, isText := fields[name].(string); isText && text != "" {
			f.isError = f.isError || name == "detail"
			f.message(text)
			return true
		}
	}
	inner := fields["message"]
	switch inner.(type) {
	case []any, map[string]any:
	default:
		return false
	}
	before := len(f.messages)
	if f.find(inner, depth+1); len(f.messages) == before {
		text, _ := json.Marshal(inner)
		f.message(string(text))
	}
	return true
}

// nestedIn reads the details of an object. Where a message was found, their codes
// and words count, but do not show.
func (f *finder) nestedIn(fields map[string]any, depth int, found bool) {
	for _, name := range nestedNames {
		before := len(f.messages)
		switch inner := fields[name].(type) {
		case string:
			if name == "detail" && found {
				f.reasons += " " + inner
			}
		case []any, map[string]any:
			f.find(inner, depth+1)
		}
		switch added := f.messages[before:]; {
		case len(added) == 0:
		case found:
			f.reasons += " " + strings.Join(added, " ")
			f.messages = f.messages[:before]
		default:
			found = true
			f.isError = f.isError || name == "detail"
		}
	}
}

// fine reports whether an object that always comes says that nothing is wrong.
func fine(name string, v map[string]any) bool {
	if name != "baseresp" {
		return false
	}
	for field, value := range v {
		if number, isNumber := value.(json.Number); isNumber && plain(field) == "statuscode" {
			return number == "0"
		}
	}
	return false
}

// numbers reads the codes that are numbers, and reports whether one says that
// the request failed.
func (f *finder) numbers(fields map[string]any) (failed bool) {
	for _, name := range codeNames {
		text := ""
		switch value := fields[name].(type) {
		case json.Number:
			text = value.String()
		case string:
			text = value
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			continue
		}
		if n >= 400 && n <= 599 && f.status == 0 {
			f.status = n
		}
		failed = failed || n != 0 && (n < 200 || n > 299)
	}
	return failed
}

// saysFailed reports whether an object says in words that it is an error.
func (f *finder) saysFailed(fields map[string]any) bool {
	if fields["success"] == false || fields["error"] == true {
		return true
	}
	for _, name := range []string{"object", "status", "type", "event"} {
		if text, isText := fields[name].(string); isText {
			switch plain(text) {
			case "error", "failed", "failure", "fail":
				return true
			}
		}
	}
	_, hasCode := fields["errorcode"]
	_, hasMessage := fields["errormsg"]
	return hasCode || hasMessage
}

// metadata reads what a gateway adds about the service behind it.
func (f *finder) metadata(fields map[string]any) {
	meta, _ := fields["metadata"].(map[string]any)
	for _, holder := range []map[string]any{meta, fields} {
		for _, name := range []string{"provider_name", "provider", "providername"} {
			if text, isText := holder[name].(string); isText && text != "" {
				f.upstream = true
			}
		}
	}
	if raw, isText := meta["raw"].(string); isText {
		f.reasons += " " + raw
		if inner, ok := decode([]byte(raw)); ok {
			behind := finder{}
			behind.find(inner, 1)
			f.codes = append(f.codes, behind.codes...)
			f.code = cmp.Or(f.code, behind.code)
		}
	}
	if reasons, isList := meta["reasons"].([]any); isList {
		for _, reason := range reasons {
			if text, isText := reason.(string); isText {
				f.reasons += " " + text
			}
		}
	}
	if delay, isText := fields["retrydelay"].(string); isText {
		f.reasons += " retry in " + delay
	}
}

// wordsOf reads the codes that are words.
func (f *finder) wordsOf(fields map[string]any) {
	for _, name := range codeNames {
		text, isText := fields[name].(string)
		if _, err := strconv.ParseFloat(text, 64); !isText || text == "" || err == nil || strings.ContainsAny(text, "/:") || name == "reason" && strings.Contains(text, " ") {
			continue
		}
		f.codes = append(f.codes, plain(text))
		if name != "reason" && plain(text) != "error" {
			f.code = cmp.Or(f.code, text)
		}
	}
}

// message takes in a message. One that is an error in JSON itself, as gateways quote
// them, is searched.
func (f *finder) message(text string) {
	text = strings.TrimSpace(text)
	if text == "" || len(f.messages) >= maxDepth {
		return
	}
	if text[0] == '{' && f.quoted(text) {
		return
	}
	f.messages = append(f.messages, text)
}

// quoted searches a message in JSON, and reports whether it has a message itself.
func (f *finder) quoted(text string) bool {
	inner, ok := decode([]byte(text))
	if !ok {
		return false
	}
	q := finder{}
	q.find(inner, 1)
	if len(q.messages) == 0 {
		return false
	}
	f.messages = append(f.messages, q.messages...)
	f.code = cmp.Or(f.code, q.code)
	f.codes = append(f.codes, q.codes...)
	f.status = cmp.Or(f.status, q.status)
	f.reasons += " " + q.reasons
	return true
}
