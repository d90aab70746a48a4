// Package problems collects what is wrong with a file, of which there may be
// very much.
package problems

import (
	"errors"
	"fmt"
	"slices"
)

// Max is how many problems are reported at once.
const Max = 20

// List keeps the first [Max] problems and counts the rest. The zero value is
// empty.
type List struct {
	errs  []error
	more  int
	alike []*alike
}

// alike is a problem of many places.
type alike struct {
	key  string
	tell func(more int) error
	more int
}

// AddAlike takes up a problem that is the same wherever it has this key: it is told
// once, by the first tell, with how many more there are.
func (l *List) AddAlike(key string, tell func(more int) error) {
	if i := slices.IndexFunc(l.alike, func(a *alike) bool { return a.key == key }); i >= 0 {
		l.alike[i].more++
		return
	}
	l.alike = append(l.alike, &alike{key: key, tell: tell})
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
	for _, a := range l.alike {
		l.Add(a.tell(a.more))
	}
	l.alike = nil
	if l.more > 0 {
		return errors.Join(append(l.errs, fmt.Errorf("... and %d more, %d in all", l.more, len(l.errs)+l.more))...)
	}
	return errors.Join(l.errs...)
}
