package metrics

import (
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/pytext"
)

// latexToken is a part of an answer that means something; layout is left out.
type latexToken struct {
	text string
	kind latexKind
}

type latexKind int

const (
	noLatex      latexKind = iota
	numberToken            // an unsigned decimal number
	letterToken            // one letter: a variable
	wordLatex              // a word in small letters
	commandToken           // a command, by its name
	signToken              // a mark: brackets, operators, relations, separators
)

// latexCommands are the commands that are signs or other commands; the empty
// text is layout.
var latexCommands = map[string]string{
	"left": "", "right": "", "big": "", "Big": "", "bigg": "", "Bigg": "", "bigl": "", "bigr": "", "Bigl": "", "Bigr": "", "biggl": "", "biggr": "", "Biggl": "", "Biggr": "",
	"quad": "", "qquad": "", "displaystyle": "", "textstyle": "", "limits": "", "nolimits": "", "hfill": "", "circ": "", "degree": "", "boldsymbol": "", "mathstrut": "", "phantom": "",
	"cdot": "*", "times": "*", "ast": "*", "div": "/", "le": "≤", "leq": "≤", "leqslant": "≤", "ge": "≥", "geq": "≥", "geqslant": "≥", "lt": "<", "gt": ">",
	"ne": "≠", "neq": "≠", "in": "∈", "cup": "∪", "cap": "∩", "pm": "±", "mp": "∓", "lbrace": "⟨", "rbrace": "⟩", "lvert": "|", "rvert": "|", "vert": "|", "mid": "|", "prime": "'",
	"land": "∧", "wedge": "∧", "lor": "∨", "vee": "∨", "colon": ":",
}

// latexSame are the commands that mean the same as another one.
var latexSame = map[string]string{"dfrac": "frac", "tfrac": "frac", "cfrac": "frac", "dbinom": "binom", "tbinom": "binom", "csch": "csch", "arcsec": "arcsec"}

// latexSigns are the characters that are signs, or commands or signs of other
// spelling; the empty text is layout.
var latexSigns = map[rune]string{
	'(': "(", ')': ")", '[': "[", ']': "]", '{': "{", '}': "}", '+': "+", '-': "-", '−': "-", '–': "-", '*': "*", '·': "*", '×': "*", '⋅': "*", '/': "/", '÷': "/", '⁄': "/",
	'^': "^", '_': "_", '=': "=", '<': "<", '>': ">", '≤': "≤", '≥': "≥", '≠': "≠", '∈': "∈", '∪': "∪", '∩': "∩", '±': "±", '∓': "∓", ',': ",", ';': ";", ':': ":", '|': "|",
	'!': "!", '&': "&", '\'': "'", '.': ".", '?': "?", '$': "", '%': "", '°': "", '~': "", '€': "", '£': "",
}

// textCommands hold text in braces.
var textCommands = map[string]bool{
	"text": true, "textbf": true, "textit": true, "textrm": true, "textsf": true, "texttt": true, "mathrm": true, "mathbf": true, "mathit": true, "mathsf": true,
	"mbox": true, "hbox": true, "operatorname": true, "mathcal": true, "mathbb": true,
}

// latexReader divides an answer into tokens.
type latexReader struct {
	s      string
	tokens []latexToken
	depth  int   // of brackets: within them a comma separates
	texts  []int // depths of braces at which a text ends
	braces int
	matrix int
}

// readLatex returns the tokens of an answer, or false where it holds what has no
// place in one.
func readLatex(s string) ([]latexToken, bool) {
	r := latexReader{s: s}
	for at := 0; at < len(s); {
		n := r.next(at)
		if n == 0 || len(r.tokens) > maxTokens {
			return nil, false
		}
		at += n
	}
	return r.tokens, len(r.texts) == 0
}

func (r *latexReader) add(kind latexKind, text string) {
	r.tokens = append(r.tokens, latexToken{text, kind})
}

// next reads what stands at s[at] and returns its length, or 0.
func (r *latexReader) next(at int) int {
	s := r.s[at:]
	c := s[0]
	switch {
	case c == '\\':
		return r.command(s)
	case isDigit(c) || c == '.' && isDigitAt(s, 1):
		n := r.numberLen(s)
		r.add(numberToken, s[:n])
		return n
	case isASCIILetter(c):
		return r.letters(s)
	}
	char, size := pytext.DecodeRune(s)
	switch {
	case pytext.IsSpace(char):
		return size
	case char == 'π':
		r.add(commandToken, "pi")
	case char == '∞':
		r.add(commandToken, "infty")
	case char == '√':
		r.add(commandToken, "sqrt")
	case strings.ContainsRune("²³", char):
		r.add(signToken, "^")
		r.add(numberToken, map[rune]string{'²': "2", '³': "3"}[char])
	default:
		sign, known := latexSigns[char]
		if !known {
			if !pytext.IsWord(char) {
				return 0
			}
			return r.foreignWord(s)
		}
		r.sign(sign)
	}
	return size
}

// foreignWord reads a word of another script.
func (r *latexReader) foreignWord(s string) int {
	end := 0
	for end < len(s) {
		char, size := pytext.DecodeRune(s[end:])
		if !pytext.IsWord(char) {
			break
		}
		end += size
	}
	r.add(wordLatex, pytext.Lower(s[:end]))
	return end
}

// sign adds a sign. Braces around a text are layout.
func (r *latexReader) sign(sign string) {
	switch sign {
	case "":
		return
	case "{":
		r.braces++
	case "}":
		r.braces--
		if n := len(r.texts); n > 0 && r.texts[n-1] == r.braces {
			r.texts = r.texts[:n-1]
			return
		}
	case "(", "[", "⟨":
		r.depth++
	case ")", "]", "⟩":
		r.depth--
	}
	r.add(signToken, sign)
}

// numberLen returns the length of a number; within brackets a comma separates.
func (r *latexReader) numberLen(s string) int {
	n := decimalLen(s)
	if comma := strings.IndexByte(s[:n], ','); comma > 0 && r.depth > 0 && !strings.HasPrefix(s[comma:], `,\!`) && !strings.HasPrefix(s[comma-1:], "{,}") {
		return comma
	}
	if r.depth == 0 && n <= 3 && isInteger(s[:n]) {
		n = spacedLen(s, n)
	}
	return n
}

// command reads a backslash with what it commands.
func (r *latexReader) command(s string) int {
	end := skipLetters(s, 1)
	name := s[1:end]
	if name == "" {
		return r.escape(s)
	}
	if same := latexSame[name]; same != "" {
		name = same
	}
	sign, isSign := latexCommands[name]
	switch {
	case name == "begin" || name == "end":
		return r.environment(s, end, name)
	case (name == "left" || name == "right") && strings.HasPrefix(s[end:], "."):
		return end + 1
	case name == "circ" || name == "degree":
		r.dropCaret()
		if end < len(s) && s[end] == '}' && r.isOpenBrace() { // ^{\circ}
			r.tokens = r.tokens[:len(r.tokens)-1]
			r.braces--
			r.dropCaret()
			return end + 1
		}
	case isSign:
		r.sign(sign)
	case textCommands[name]:
		at := skipSpace(s, end)
		if at == len(s) || s[at] != '{' {
			return end
		}
		r.texts = append(r.texts, r.braces)
		r.braces++
		return at + 1
	default:
		r.add(commandToken, name)
	}
	return end
}

// escape reads a backslash and the mark after it.
func (r *latexReader) escape(s string) int {
	if len(s) == 1 {
		return 0
	}
	switch s[1] {
	case '\\':
		if r.matrix > 0 {
			r.add(signToken, `\\`)
			return 2
		}
		return 1 // escaped twice
	case '{':
		r.sign("⟨")
	case '}':
		r.sign("⟩")
	case '|':
		r.sign("|")
	case ',', ';', ':', '!', ' ', '$', '%', '\n', '&', '#', '>':
	default:
		return 0
	}
	return 2
}

func (r *latexReader) isOpenBrace() bool {
	n := len(r.tokens)
	return n > 0 && r.tokens[n-1] == latexToken{"{", signToken}
}

// dropCaret takes the caret before a degree sign back.
func (r *latexReader) dropCaret() {
	if n := len(r.tokens); n > 0 && r.tokens[n-1] == (latexToken{"^", signToken}) {
		r.tokens = r.tokens[:n-1]
	}
}

// environment reads \begin{name} or \end{name}: of a matrix only. Round and
// square brackets are the same; columns that an array states are left out.
func (r *latexReader) environment(s string, end int, command string) int {
	if end == len(s) || s[end] != '{' {
		return 0
	}
	closing := strings.IndexByte(s, '}')
	if closing < 0 {
		return 0
	}
	name := s[end+1 : closing]
	closing++
	switch name {
	case "pmatrix", "bmatrix", "matrix", "smallmatrix", "array":
		name = "matrix"
	case "vmatrix":
	default:
		return 0
	}
	if command == "begin" {
		r.matrix++
		if strings.HasPrefix(s[end:], "{array}{") {
			columns := strings.IndexByte(s[closing:], '}')
			if columns < 0 {
				return 0
			}
			closing += columns + 1
		}
	} else {
		r.matrix--
	}
	r.add(commandToken, command+" "+name)
	return closing
}

// plainFunctions are functions and letters that are often written without a
// backslash.
var plainFunctions = map[string]string{
	"sin": "sin", "cos": "cos", "tan": "tan", "sec": "sec", "csc": "csc", "cot": "cot", "log": "log", "ln": "ln", "sqrt": "sqrt", "pi": "pi", "infty": "infty", "arcsin": "arcsin", "arccos": "arccos", "arctan": "arctan",
}

// shortWords are words of two or three letters that are no products.
var shortWords = map[string]bool{
	"or": true, "and": true, "cm": true, "mm": true, "km": true, "ft": true, "kg": true, "lb": true, "lbs": true, "oz": true, "hr": true, "hrs": true, "min": true, "sec": true, "mph": true, "yd": true,
	"yes": true, "no": true, "box": true, "day": true, "odd": true, "ten": true, "one": true, "two": true, "six": true, "men": true, "sq": true, "am": true, "pm": true, "all": true, "not": true, "per": true, "the": true,
	"cup": true, "sun": true, "mon": true, "tue": true, "wed": true, "thu": true, "fri": true, "sat": true, "may": true, "cat": true, "dog": true, "red": true, "egg": true, "ml": true, "of": true, "is": true, "if": true, "in": true, "to": true,
}

// followsNumber reports whether the token before is a number.
func (r *latexReader) followsNumber() bool {
	n := len(r.tokens)
	return n > 0 && r.tokens[n-1].kind == numberToken
}

// letters reads a run of letters: a word, or a product of variables.
func (r *latexReader) letters(s string) int {
	end := skipLetters(s, 0)
	run := s[:end]
	lower := strings.ToLower(run)
	switch {
	case end == 1 && len(r.texts) > 0 && strings.Contains("mgshLNJWVKFCtd", run) && r.followsNumber():
		r.add(wordLatex, run) // a unit
	case end == 1:
		r.add(letterToken, run)
	case len(r.texts) == 0 && plainFunctions[run] != "":
		r.add(commandToken, plainFunctions[run])
	case end > 3 && strings.ContainsAny(lower, "aeiouy"), shortWords[lower], len(r.texts) > 0:
		r.add(wordLatex, lower)
	default:
		for i := range run {
			r.add(letterToken, run[i:i+1])
		}
	}
	return end
}
