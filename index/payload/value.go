package payload

import "github.com/lodedb/lode"

// eachValue calls add with the value of a document's field, and reports whether it has one.
func eachValue(d *lode.Document, field string, add func(*lode.Value)) (present bool) {
	v, present := d.Metadata[field]
	if present {
		add(&v)
	}
	return present
}
