package ann

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/report"
)

// DataOptions say what is searched.
type DataOptions struct {
	// Dataset is a name of [Names], "mixture:…" (see [ParseMixture]), a folder with base,
	// query and groundtruth files, or one file of vectors.
	Dataset string
	Folder  string      // where the named data sets lie
	Queries string      // a file of queries; the default is the folder's, else rows held out
	Truth   string      // a file of neighbours; the default is the folder's, else computed
	Metric  lode.Metric // the default is the named data set's own, else l2
	Rows    int         // bound on the rows, from the front; 0 is all
	// MaxQueries bounds the queries, from the front; 0 is all.
	MaxQueries int
	HoldOut    int    // rows taken out as queries where there are none; the default is 1000
	Seed       uint64 // of the choice of those
	Cache      string // folder for computed neighbours and for the files that engines read
}

// Dataset is what a run searches. Under cosine all vectors are of unit length.
type Dataset struct {
	Name    string
	Metric  lode.Metric
	Base    *Vectors
	Queries *Vectors
	Truth   *Truth
	About   DataInfo

	baseFile, queryFile string // as engines read them
}

// DataInfo describes a data set in a report.
type DataInfo struct {
	Name    string      `json:"name"`
	Metric  lode.Metric `json:"metric"`
	Rows    int         `json:"rows"`
	Dim     int         `json:"dim"`
	Queries int         `json:"queries"`
	Truth   string      `json:"truth"`  // "given" or "computed"
	SHA256  string      `json:"sha256"` // of rows and queries as engines get them
}

// named data sets, with their metrics.
var named = map[string]lode.Metric{"sift128": lode.L2, "words100": lode.Cosine, "mixture768": lode.Cosine}

// Names lists the named data sets.
func Names() []string { return []string{"sift128", "words100", "mixture768"} }

// Load reads or draws a data set, checks it, and computes the neighbours it lacks. Lines
// about its progress go to log.
func Load(ctx context.Context, o DataOptions, log *Log) (*Dataset, error) {
	d, err := o.read()
	if err != nil {
		return nil, err
	}
	if err := d.Metric.Validate(); err != nil {
		return nil, err
	}
	if err := o.choose(d); err != nil {
		return nil, err
	}
	if err := cmp.Or(d.Base.check("base", d.Metric), d.Queries.check("queries", d.Metric)); err != nil {
		return nil, err
	}
	if d.Base.Dim != d.Queries.Dim {
		return nil, lode.Invalid("queries", d.Queries.Dim, "queries have %d dimensions, the vectors %d", d.Queries.Dim, d.Base.Dim)
	}
	if d.Metric == lode.Cosine {
		d.Base.normalize()
		d.Queries.normalize()
	}
	if err := d.writeFiles(o.Cache); err != nil {
		return nil, fmt.Errorf("write the vectors for the engines: %w", err)
	}
	return d, d.ensureTruth(ctx, o.Cache, log)
}

// read finds the three parts wherever they come from.
func (o DataOptions) read() (*Dataset, error) {
	metric := cmp.Or(o.Metric, named[o.Dataset], lode.L2)
	if o.Dataset == "mixture768" || strings.HasPrefix(o.Dataset, "mixture:") {
		return o.generate(cmp.Or(o.Metric, lode.Cosine))
	}
	path := o.Dataset
	if _, known := named[path]; known {
		path = filepath.Join(o.Folder, "vectors", o.Dataset)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, lode.NotFound("dataset", o.Dataset).WithHint("a path, mixture:n=…,dim=…, or one of " + strings.Join(Names(), ", "))
	}
	files := parts{base: path}
	if info.IsDir() {
		if files, err = findParts(path); err != nil {
			return nil, err
		}
	}
	files.queries, files.truth = cmp.Or(o.Queries, files.queries), cmp.Or(o.Truth, files.truth)
	return o.readFiles(files, metric)
}

func (o DataOptions) generate(metric lode.Metric) (*Dataset, error) {
	spec := strings.TrimPrefix(o.Dataset, "mixture768")
	m, err := ParseMixture(spec)
	if err != nil {
		return nil, err
	}
	if o.Rows > 0 { // the front of the stream is the same, and the rest is not drawn
		m.N, m.Clusters = min(m.N, o.Rows), min(m.Clusters, o.Rows)
	}
	base, queries := m.Generate()
	return &Dataset{Name: o.Dataset, Metric: metric, Base: base, Queries: queries}, nil
}

// parts are the files of a data set; queries and truth may be missing.
type parts struct{ base, queries, truth string }

// findParts looks into a folder for files named as the field names them.
func findParts(dir string) (parts, error) {
	var p parts
	for _, search := range []struct {
		into     *string
		patterns []string
	}{
		{&p.base, []string{"base.*", "*_base.*"}},
		{&p.queries, []string{"query.*", "queries.*", "*_query.*"}},
		{&p.truth, []string{"groundtruth.bin", "groundtruth.ivecs", "*_groundtruth.ivecs"}},
	} {
		for _, pattern := range search.patterns {
			found, err := filepath.Glob(filepath.Join(dir, pattern))
			if err != nil {
				return p, err
			}
			if len(found) > 0 && *search.into == "" {
				*search.into = found[0]
			}
		}
	}
	if p.base == "" {
		return p, lode.Invalid("dataset", dir, "the folder holds no file named base.* or *_base.*")
	}
	return p, nil
}

func (o DataOptions) readFiles(files parts, metric lode.Metric) (*Dataset, error) {
	d := &Dataset{Name: datasetName(o.Dataset), Metric: metric}
	limit := o.Rows
	if files.queries == "" {
		limit = 0 // queries are held out of all rows
	}
	var err error
	if d.Base, err = ReadVectors(files.base, limit); err != nil {
		return nil, err
	}
	if files.queries == "" {
		return d, nil
	}
	if d.Queries, err = ReadVectors(files.queries, o.MaxQueries); err != nil {
		return nil, err
	}
	if files.truth == "" || o.Rows > 0 { // neighbours among all rows are none among some
		return d, nil
	}
	if d.Truth, err = ReadTruth(files.truth); err != nil {
		return nil, err
	}
	if d.Truth.Queries < d.Queries.Rows {
		return nil, lode.FieldError(lode.CodeMalformed, "truth", files.truth, "neighbours of %d queries, there are %d", d.Truth.Queries, d.Queries.Rows)
	}
	if err := d.Truth.check(d.Base.Rows); err != nil {
		return nil, err
	}
	d.Truth, d.About.Truth = d.Truth.head(d.Queries.Rows), "given"
	return d, nil
}

func datasetName(path string) string {
	return strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
}

// choose bounds rows and queries, and holds queries out where there are none.
func (o DataOptions) choose(d *Dataset) error {
	if o.Rows < 0 || o.MaxQueries < 0 || o.HoldOut < 0 {
		return lode.Invalid("rows", min(o.Rows, o.MaxQueries, o.HoldOut), "counts of rows and queries are not negative")
	}
	if d.Queries == nil {
		n := cmp.Or(o.HoldOut, 1000)
		if n >= d.Base.Rows {
			return lode.Invalid("hold-out", n, "of %d rows, %d cannot be held out as queries", d.Base.Rows, n)
		}
		d.holdOut(n, o.Seed)
	}
	if o.Rows > 0 {
		d.Base = d.Base.Head(o.Rows)
	}
	if o.MaxQueries > 0 {
		d.Queries = d.Queries.Head(o.MaxQueries)
	}
	return nil
}

// holdOut moves n random rows to the queries; the others keep their order.
func (d *Dataset) holdOut(n int, seed uint64) {
	chosen := rand.New(rand.NewPCG(seed, 3)).Perm(d.Base.Rows)[:n]
	slices.Sort(chosen)
	all := d.Base
	d.Base = &Vectors{Dim: all.Dim, Data: make([]float32, 0, (all.Rows-n)*all.Dim)}
	d.Queries = &Vectors{Dim: all.Dim}
	for i := range all.Rows {
		into := d.Base
		if len(chosen) > 0 && chosen[0] == i {
			into, chosen = d.Queries, chosen[1:]
		}
		into.Rows++
		into.Data = append(into.Data, all.Row(i)...)
	}
}

// writeFiles lays the vectors out for the engines and takes their hash.
func (d *Dataset) writeFiles(cache string) error {
	hash := sha256.New()
	for _, v := range []*Vectors{d.Base, d.Queries} {
		w := bufio.NewWriterSize(hash, 1<<16)
		if err := v.encode(w); err != nil {
			return err
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	d.About = DataInfo{
		Name: d.Name, Metric: d.Metric, Rows: d.Base.Rows, Dim: d.Base.Dim, Queries: d.Queries.Rows,
		Truth: cmp.Or(d.About.Truth, "computed"), SHA256: hex.EncodeToString(hash.Sum(nil)),
	}
	dir := filepath.Join(cache, d.About.SHA256[:16])
	d.baseFile, d.queryFile = filepath.Join(dir, "base.fbin"), filepath.Join(dir, "query.fbin")
	if err := d.Base.writeFBin(d.baseFile); err != nil {
		return err
	}
	return d.Queries.writeFBin(d.queryFile)
}

// removeFiles takes away what the engines have read; computed neighbours stay.
func (d *Dataset) removeFiles() error {
	return errors.Join(os.Remove(d.baseFile), os.Remove(d.queryFile))
}

// ensureTruth computes the neighbours unless they were given or computed before.
func (d *Dataset) ensureTruth(ctx context.Context, cache string, log *Log) error {
	if d.Truth != nil {
		return nil
	}
	path := filepath.Join(filepath.Dir(d.baseFile), "truth-"+string(d.Metric)+".bin")
	if t, err := ReadTruth(path); err == nil && t.Queries == d.Queries.Rows && t.check(d.Base.Rows) == nil {
		d.Truth = t
		return nil
	}
	t, err := computeTruth(ctx, d.Base, d.Queries, d.Metric, func(done int) {
		log.Sometimes("exact neighbours of %d of %d queries", done, d.Queries.Rows)
	})
	if err != nil {
		return fmt.Errorf("exact neighbours: %w", err)
	}
	d.Truth = t
	return t.writeFile(path)
}

// writeFile keeps the neighbours in the form that [ReadTruth] reads. Half a file is never
// left under the name.
func (t *Truth) writeFile(path string) error {
	b := binary.LittleEndian.AppendUint32(nil, uint32(t.Queries))
	b = binary.LittleEndian.AppendUint32(b, uint32(t.K))
	for _, id := range t.IDs {
		b = binary.LittleEndian.AppendUint32(b, id)
	}
	for _, d := range t.Distances {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(d))
	}
	return report.WriteFile(path, b)
}
