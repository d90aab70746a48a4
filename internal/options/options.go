// Package options checks structs of options. A constructor takes a pointer to
// one and calls its validate method, which copies the struct, fills in the
// defaults and names every fault at once:
//
//	func (o *XOptions) validate() (XOptions, error) {
//		v, f := options.Begin(o, "pkg: XOptions")
//		options.Number(f, "Workers", &v.Workers, runtime.GOMAXPROCS(0), 1, maxWorkers)
//		return v, f.Err()
//	}
package options

import (
	"errors"
	"fmt"
	"net/url"
)

// Faults collects what is wrong with the fields of one struct.
type Faults struct {
	owner string
	all   []error
}

// Begin copies the options that o points to; nil stands for the zero value.
// The owner, as in "pkg: XOptions", begins the text of every fault.
func Begin[T any](o *T, owner string) (T, *Faults) {
	var v T
	if o != nil {
		v = *o
	}
	return v, &Faults{owner: owner}
}

// Add notes that a field is wrong. The text follows the field's name.
func (f *Faults) Add(field, format string, args ...any) {
	f.all = append(f.all, fmt.Errorf("%s.%s "+format, append([]any{f.owner, field}, args...)...))
}

// Err joins the faults; nil if there are none.
func (f *Faults) Err() error { return errors.Join(f.all...) }

type number interface{ ~int | ~int64 | ~float64 }

func check[T number](f *Faults, field string, v, least, most T) {
	switch {
	case v >= least && (v <= most || most == 0):
	case most == 0:
		f.Add(field, "is %v; it is at least %v", v, least)
	default: // NaN too
		f.Add(field, "is %v; it is from %v to %v", v, least, most)
	}
}

// Number gives a field that is 0 its default, and checks that the value is from
// least to most. most is 0 for no upper bound.
func Number[T number](f *Faults, field string, v *T, standard, least, most T) {
	if *v == 0 {
		*v = standard
	}
	check(f, field, *v, least, most)
}

// Pointer is Number for a field in which 0 has a meaning: nil stands for the
// default.
func Pointer[T number](f *Faults, field string, v **T, standard, least, most T) {
	n := Value(f, field, *v, standard, least, most)
	*v = &n // not the caller's, who may change it
}

// Value is Pointer for a caller who needs the number alone.
func Value[T number](f *Faults, field string, v *T, standard, least, most T) T {
	if v != nil {
		standard = *v
	}
	check(f, field, standard, least, most)
	return standard
}

// URL checks the base URL of a service. Faults do not show it, as it may hold a
// password; secret is the field for that.
func (f *Faults) URL(field, text, secret string) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		f.Add(field, "is not a URL")
	case u.User != nil:
		f.Add(field, "holds credentials; use %s", secret)
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "", u.RawQuery != "", u.Fragment != "":
		f.Add(field, "is not of the form https://host/path")
	}
}
