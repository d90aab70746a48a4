package metrics

import "strings"

const boxed = `\boxed`

// LastBoxed returns the part of a LaTeX text that holds its answer, still in
// its wrapper, and whether there is one:
//
//   - where "\boxed " (with a space) occurs anywhere, the part from its last
//     occurrence to the next '$' or the end;
//   - else the last "\boxed", or without one the last "\fbox", up to the brace
//     that closes the first group after it. "\boxed5" has no group, and an
//     unclosed one is none.
//
// It is the Python pipeline's last_boxed_only_string, after the MATH benchmark
// (Hendrycks et al., 2021). Time is linear and nothing is copied.
func LastBoxed(s string) (wrapped string, ok bool) {
	at, spaced := lastBoxes(s)
	if spaced >= 0 {
		rest := s[spaced:]
		if end := strings.IndexByte(rest, '$'); end >= 0 {
			rest = rest[:end]
		}
		return rest, true
	}
	if at < 0 {
		// Seeking the name first is faster: LaTeX is full of backslashes.
		if strings.Contains(s, "fbox") {
			at = strings.LastIndex(s, `\fbox`)
		}
		if at < 0 {
			return "", false
		}
	}
	depth := 0
	for i := at; i < len(s); i++ {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return s[at : i+1], true
			}
		}
	}
	return "", false
}

// RemoveBoxed returns the inside of what [LastBoxed] returned: what follows
// "\boxed ", or what the braces of "\boxed{...}" hold. Where the text does not
// begin so, the first "\boxed " or the first closed "\boxed{...}" within it
// counts; a text without any ("\fbox{5}", say) is returned as it is. It is the
// Python pipeline's remove_boxed.
func RemoveBoxed(s string) string {
	if _, after, ok := strings.Cut(s, boxed+" "); ok {
		return after
	}
	_, after, ok := strings.Cut(s, boxed+"{")
	if !ok {
		return s
	}
	if strings.HasPrefix(s, boxed+"{") && strings.HasSuffix(s, "}") {
		return after[:len(after)-1]
	}
	depth := 0
	for i := 0; i < len(after); i++ {
		switch after[i] {
		case '{':
			depth++
		case '}':
			if depth == 0 {
				return after[:i]
			}
			depth--
		}
	}
	return s
}

// lastBoxes returns where the last "\boxed" and the last "\boxed " stand, or -1.
// It seeks the name and then looks at what is around it, as LaTeX is full of
// backslashes.
func lastBoxes(s string) (last, spaced int) {
	const name = "boxed"
	last, spaced = -1, -1
	for at := 0; ; {
		i := strings.Index(s[at:], name)
		if i < 0 {
			return last, spaced
		}
		at += i + len(name)
		if begin := at - len(boxed); begin >= 0 && s[begin] == '\\' {
			last = begin
			if at < len(s) && s[at] == ' ' {
				spaced = begin
			}
		}
	}
}
