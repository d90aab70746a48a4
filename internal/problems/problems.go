// Package problems collects what is wrong with a file, of which there may be
// very much.
package problems

import (
	"errors"
	"fmt"
)

// Max is how many problems are reported at once.
const Max = 20

// List keeps the first [Max] problems and counts the rest. The zero value is
// empty.
type List struct {
	errs []error
	more int
}

// Add takes up a problem; nil is none.
func (l *List) Add(err error) {
	switch {
	case err == nil:
	case len(l.errs) < Max:
		l.errs = append(l.errs, err)
	default:
		l.more++
	}
}

// Join returns the problems as one error, nil where there is none.
func (l *List) Join() error {
	if l.more > 0 {
		return errors.Join(append(l.errs, fmt.Errorf("... and %d more, %d in all", l.more, len(l.errs)+l.more))...)
	}
	return errors.Join(l.errs...)
}
