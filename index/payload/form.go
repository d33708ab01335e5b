package payload

import (
	"reflect"
	"slices"

	"github.com/lodedb/lode"
)

// form is how a filter combines what it holds.
type form uint8

const (
	formAll form = iota
	formAnd
	formOr
	formNot
	formField
	formOther // one that is not known here
)

var (
	yes, no    = true, false
	everything = lode.Filter{}
	nothing    = lode.Or()
	// probed is the document that probes are asked about.
	probed = &lode.Document{}
)

// formOf finds out a filter's form, which is its own secret: the filter is asked about a
// document with contents of which only those of one form are true. A filter that answers so
// as no known form would is formOther.
func formOf(f lode.Filter) form {
	if f.MatchesAll() {
		return formAll
	}
	if hasUnknownMembers(f) {
		return formOther
	}
	found := formOther
	for _, want := range []form{formAnd, formOr, formNot, formField} {
		if probe(f, want).Match(probed) {
			if found != formOther {
				return formOther
			}
			found = want
		}
	}
	return found
}

var (
	argsTrue, argsFalse = []lode.Filter{everything}, []lode.Filter{nothing}
	testTrue, testFalse = lode.Test{Exists: &no}, lode.Test{Exists: &yes}
)

// probe returns the filter with contents that are true for one form.
func probe(f lode.Filter, want form) lode.Filter {
	f.And, f.Or, f.Not, f.Field, f.Test = argsFalse, argsFalse, &everything, "probe", testFalse
	switch want {
	case formAnd:
		f.And = argsTrue
	case formOr:
		f.Or = argsTrue
	case formNot:
		f.Not = &nothing
	case formField:
		f.Test = testTrue
	}
	return f
}

// unknownMembers are the members of lode.Filter that this package knows nothing about.
var unknownMembers = func() (members []int) {
	known := []string{"And", "Or", "Not", "Field", "Test", "form"}
	for t, i := reflect.TypeFor[lode.Filter](), 0; i < t.NumField(); i++ {
		if !slices.Contains(known, t.Field(i).Name) {
			members = append(members, i)
		}
	}
	return members
}()

func hasUnknownMembers(f lode.Filter) bool {
	if len(unknownMembers) == 0 {
		return false
	}
	v := reflect.ValueOf(f)
	return slices.ContainsFunc(unknownMembers, func(i int) bool { return !v.Field(i).IsZero() })
}
