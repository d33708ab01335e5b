package lode

import "slices"

// Principal is who asks. Engines refuse the zero Principal, so that a forgotten identity
// is an error and never an open door.
type Principal struct {
	ID     string   // stable name for audit; must not be empty
	Labels []string // reader labels the principal holds: groups, roles, its own id
	all    bool
}

// AllSeeing returns the principal that may see everything: the node itself, and every
// caller while access control is off.
func AllSeeing(id string) Principal { return Principal{ID: id, all: true} }

// SeesAll reports whether no reader label can hide anything from p.
func (p Principal) SeesAll() bool { return p.all }

// Validate reports whether an engine may serve p.
func (p Principal) Validate() error {
	if p.ID == "" {
		return &Error{Code: CodeUnauthorized, Message: "the call carries no principal"}
	}
	return nil
}

// MaySee reports whether p may see something with these readers. No readers at all means
// that everyone may.
func (p Principal) MaySee(readers []string) bool {
	if p.all || len(readers) == 0 {
		return true
	}
	for _, label := range p.Labels {
		if slices.Contains(readers, label) {
			return true
		}
	}
	return false
}

// Limits on reader labels.
const (
	MaxReaders     = 256
	MaxReaderBytes = 256
)

// ValidateReaders checks a document's reader labels.
func ValidateReaders(readers []string) error {
	if len(readers) > MaxReaders {
		return Invalid("readers", len(readers), "at most %d readers", MaxReaders)
	}
	for _, r := range readers {
		if err := validateLabel("readers", r, MaxReaderBytes); err != nil {
			return err
		}
	}
	return nil
}
