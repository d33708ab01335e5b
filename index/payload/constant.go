package payload

import "github.com/lodedb/lode"

// constant is a scalar value in the form that indexes compare.
type constant struct {
	kind constantKind
	flag bool
	number
	text string
}

type constantKind uint8

const (
	isNumber constantKind = iota
	isTime                // a string that spells a time; number is the instant
	isWord                // any other string
	isBool
	isNull
)

// constantOf returns the constant of a scalar. ok is false for other values, and for those
// that no parser makes: with members set that are not of their kind, or not a number.
func constantOf(v *lode.Value) (k constant, ok bool) {
	if len(v.List)+len(v.Fields) > 0 {
		return k, false
	}
	switch v.Kind {
	case lode.KindInteger, lode.KindFloat:
		k.kind = isNumber
		k.number, ok = numberOf(*v)
		return k, ok
	case lode.KindString:
		k.kind, k.text = isWord, v.Text
		if at, ok := instantOf(v.Text); ok {
			k.kind, k.number = isTime, at
		}
		return k, !v.Bool
	case lode.KindBool:
		k.kind, k.flag = isBool, v.Bool
		return k, v.Text == ""
	case lode.KindNull:
		k.kind = isNull
		return k, v.Text == "" && !v.Bool
	}
	return k, false
}
