package parse

// The limits of one document.
const (
	DefaultMaxPages     = 5_000
	DefaultMaxTextBytes = 32 << 20
	DefaultMaxSections  = 500_000
	DefaultMaxRuns      = 2_000_000
	DefaultMaxDepth     = 256
)

// Limits bounds what one document may become. The zero value means the defaults. A document
// that exceeds one is refused with [lode.CodeTooLarge]; nothing is cut silently.
type Limits struct {
	MaxPages     int `cbor:"1,keyasint,omitempty"` // of a PDF
	MaxTextBytes int `cbor:"2,keyasint,omitempty"` // of canonical text
	MaxSections  int `cbor:"3,keyasint,omitempty"`
	MaxRuns      int `cbor:"4,keyasint,omitempty"` // ways back to bronze
	MaxDepth     int `cbor:"5,keyasint,omitempty"` // of nested blocks; deeper ones are flattened
}

// EnsureDefaults returns the limits with each unset field at its default.
func (l Limits) EnsureDefaults() Limits {
	for _, f := range []struct {
		field    *int
		standard int
	}{
		{&l.MaxPages, DefaultMaxPages},
		{&l.MaxTextBytes, DefaultMaxTextBytes},
		{&l.MaxSections, DefaultMaxSections},
		{&l.MaxRuns, DefaultMaxRuns},
		{&l.MaxDepth, DefaultMaxDepth},
	} {
		if *f.field <= 0 {
			*f.field = f.standard
		}
	}
	return l
}
