package hnsw

import (
	"runtime"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index/distance"
	"github.com/lodedb/lode/index/quant"
)

// Defaults of [Options].
const (
	DefaultM              = 16
	DefaultEfConstruction = 200
	DefaultEf             = 64
)

// Limits of [Options] and [SearchOptions]. MaxRows is because a search keeps a flag beside
// the number of a row.
const (
	MaxM    = 64
	MaxEf   = 1 << 20
	MaxRows = distance.MaxWalkRows
)

// Options shape an [Index]. The zero value of each field but Dim is a good default.
type Options struct {
	Dim    int         // of every vector
	Metric lode.Metric // the default is [lode.Cosine]
	// M is how many neighbours a new row is linked to; at level 0 a row has up to 2·M. The
	// default is 16.
	M int
	// EfConstruction is the breadth of the search for a new row's neighbours. The default is
	// 200.
	EfConstruction int
	// Ef is the breadth of searches that do not say theirs. The default is 64.
	Ef int
	// Kind is how rows are held for the search to read. The default depends on Dim; see
	// [quant.Default].
	Kind quant.Kind
	// Seed decides the levels of rows and the rotation of codes. Nodes of a cluster should
	// have the same.
	Seed uint64
	// Threads is how many goroutines AddBatch may use. The default is GOMAXPROCS.
	Threads int
	// Capacity is how many rows to make room for at the start. More may come.
	Capacity int
}

// EnsureDefaults returns the options with every zero field but Dim set to its default.
func (o Options) EnsureDefaults() Options {
	if o.Metric == "" {
		o.Metric = lode.Cosine
	}
	if o.M == 0 {
		o.M = DefaultM
	}
	if o.EfConstruction == 0 {
		o.EfConstruction = DefaultEfConstruction
	}
	if o.Ef == 0 {
		o.Ef = DefaultEf
	}
	if o.Kind == "" {
		o.Kind = quant.Default(o.Dim)
	}
	if o.Threads == 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	return o
}

// Validate reports the first option that cannot be used. Defaults must be set before.
func (o Options) Validate() error {
	if o.Dim < 1 || o.Dim > lode.MaxDim {
		return lode.Invalid("dim", o.Dim, "dimension must be from 1 to %d", lode.MaxDim)
	}
	if err := o.Metric.Validate(); err != nil {
		return err
	}
	for _, f := range []struct {
		name        string
		value       int
		least, most int
	}{
		{"m", o.M, 2, MaxM},
		{"ef_construction", o.EfConstruction, 1, MaxEf},
		{"ef", o.Ef, 1, MaxEf},
		{"threads", o.Threads, 1, 1 << 10},
		{"capacity", o.Capacity, 0, MaxRows},
	} {
		if f.value < f.least || f.value > f.most {
			return lode.Invalid(f.name, f.value, "%s must be from %d to %d", f.name, f.least, f.most)
		}
	}
	return quant.Options{Kind: o.Kind, Dim: o.Dim, Metric: o.Metric}.Validate()
}
