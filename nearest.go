package lode

import (
	"fmt"
	"time"
)

// MaxSearches is the number of vectors that one request may ask for.
const MaxSearches = 256

// Nearest asks a collection for the rows nearest to each of some vectors.
type Nearest struct {
	Collection string
	Vectors    []Vector // 1 to MaxSearches
	K          int      // rows for each vector; the default is DefaultK
	Filter     Filter   // narrows the search itself, never its result
	With       With     // what hits show beside ids, version and score
	Using      string   // the vector space, as in [DenseSearch]
	// AsOf asks for what was shown at a time within the collection's history; zero: what is.
	AsOf time.Time
	// Ef and Exact are as in [DenseSearch].
	Ef    int
	Exact bool
	// Explain, if given, receives what the search for each vector did.
	Explain *[]Explanation
}

// With says what a hit shows that a search does not need. Text and vectors are read from
// storage, so what is left out is not only not sent.
type With struct {
	Text     bool // the passage with its place and the document's title, URI and bytes
	Metadata bool
	Vector   bool // as it was stored
}

// Stored reports whether storage must be read for it.
func (w With) Stored() bool { return w.Text || w.Vector }

// EnsureDefaults fills what the caller left out. A K of 0 cannot be told from a missing one
// here: wire decoders refuse an explicit 0 themselves.
func (n *Nearest) EnsureDefaults() {
	if n.K == 0 {
		n.K = DefaultK
	}
}

// Validate checks a question after [Nearest.EnsureDefaults], short of what depends on the
// collection. All rows asked for together are bounded as those of one search are.
func (n *Nearest) Validate() error {
	if err := ValidateCollectionName(n.Collection); err != nil {
		return err
	}
	if len(n.Vectors) == 0 || len(n.Vectors) > MaxSearches {
		return Invalid("vectors", len(n.Vectors), "vectors must hold 1 to %d vectors", MaxSearches)
	}
	for i, v := range n.Vectors {
		if len(v) == 0 {
			return Invalid(n.field(i), "", "%s must not be empty", n.field(i))
		}
	}
	if err := n.Search().Validate(); err != nil {
		return err
	}
	if rows := n.K * len(n.Vectors); rows > MaxK {
		return Invalid("k", n.K, "%d vectors with k = %d ask for %d hits, the limit is %d", len(n.Vectors), n.K, rows, MaxK).
			WithHint("ask for fewer vectors at a time, or for fewer hits")
	}
	if err := n.Filter.Validate(); err != nil {
		return asError(err).In("filter")
	}
	return nil
}

// Search is how each of the vectors is searched for.
func (n *Nearest) Search() *DenseSearch {
	return &DenseSearch{K: n.K, Filter: n.Filter, Using: n.Using, Ef: n.Ef, Exact: n.Exact}
}

// ValidateFor checks the vectors against a collection; the error names the one that does not
// fit.
func (n *Nearest) ValidateFor(dim int, metric Metric) error {
	for i, v := range n.Vectors {
		if err := v.ValidateFor(dim, metric); err != nil {
			e := *asError(err)
			e.Field = n.field(i)
			return &e
		}
	}
	return nil
}

// field names a vector.
func (n *Nearest) field(i int) string { return fmt.Sprintf("vectors[%d]", i) }
