package chat

import (
	"unicode"
	"unicode/utf8"
)

// EstimateTokens returns about how many tokens a byte-pair tokenizer of the
// GPT-2 family makes of text; 0 only for empty text. The weights are a
// least-squares fit to 5,168 benchmark questions: half of the estimates are
// within 5 % of the true count and nine in ten within 12 %. Letters outside the
// Latin script count one token each.
func EstimateTokens(text string) int {
	const ( // hundredths of a token
		perWord, perSixBytes = 103, 18 // a run of letters; each further 6 bytes of it
		perNumber, perDigit  = 84, 12
		perMark, perExtraGap = 89, 86 // white space beyond one blank
	)
	sum := 0
	var previous rune // class of the run
	run := 0          // bytes of the run
	for i := 0; i < len(text); {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(text[i:])
		}
		i += size
		class := classOf(r)
		if class != previous {
			previous, run = class, 0
		}
		run += size
		first := run == size
		switch class {
		case 'a':
			if first {
				sum += perWord
			} else if (run-1)/6 > (run-1-size)/6 {
				sum += perSixBytes
			}
		case '0':
			if first {
				sum += perNumber
			}
			sum += perDigit
		case ' ':
			if !first || r != ' ' {
				sum += perExtraGap
			}
		case '.':
			sum += perMark
		default: // a letter of another script
			sum += 100
		}
	}
	return max((sum+50)/100, min(1, len(text)))
}

// classOf returns 'a' for Latin letters and marks on them, '0' for digits, ' '
// for white space, 'x' for other letters and '.' for the rest.
func classOf(r rune) rune {
	switch {
	case r < utf8.RuneSelf:
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z':
			return 'a'
		case '0' <= r && r <= '9':
			return '0'
		case r == ' ' || '\t' <= r && r <= '\r':
			return ' '
		}
		return '.'
	case unicode.Is(unicode.Latin, r), unicode.Is(unicode.Mn, r):
		return 'a'
	case unicode.IsLetter(r):
		return 'x'
	case unicode.IsDigit(r):
		return '0'
	case unicode.IsSpace(r):
		return ' '
	}
	return '.'
}
