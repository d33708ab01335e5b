package payload

import "github.com/lodedb/lode"

// eachString calls add with every string at a path of a document, items of lists too.
func eachString(d *lode.Document, path string, add func(s string)) {
	d.Metadata.Each(path, func(v lode.Value) bool {
		if v.Kind == lode.KindString {
			add(v.Text)
		}
		return true
	})
}
