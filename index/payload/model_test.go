package payload

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lodedb/lode"
)

// random returns a source whose seed a failure prints.
func random(t testing.TB) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	})
	return rand.New(rand.NewPCG(seed, 0))
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

var (
	fields    = []string{"a", "b", "a.b", "größe", "a.c.d", "missing", "b[]", "a[].b"}
	holders   = []string{"", "all", "ada", "grace", "team/red", "team/blue", "ünï"}
	spellings = []string{
		"", "a", "ab", "b", "Ä", "ä", "日本", "\U0001F600", "2024", "2024-05-0", "true", "1",
		"2024-05-01", "2024-05-01T00:00:00Z", "2024-05-01T02:00:00+02:00", "2024-05-01T00:00:00.000Z",
		"2024-05-01T12:00:00.000000001Z", "2024-05-01T9:30:00Z", "2024-05-02", "2024-13-01", "1969-12-31T23:59:59.5Z",
		"The quick Brown fox", "quick, THE!", "fox brown", "Über über", "日本語 fox", "fox\xff", "\xff",
		"01890A5D-ac96-774b-bcce-b302099a8057", "01890a5dac96774bbcceb302099a8057", "urn:uuid:01890a5d-ac96-774b-bcce-b302099a8057",
		"00000000-0000-0000-0000-000000000000", "{00000000-0000-0000-0000-000000000000}",
		"0001-01-01", "9999-12-31T23:59:59-23:59", "2024-05-01x", "aaaa-bb-cc",
	}
	integers = []int64{0, 1, -1, 2, 3, 1 << 53, 1<<53 + 1, 1<<53 - 1, -(1 << 53) - 1, math.MaxInt64, math.MaxInt64 - 1, math.MinInt64}
	floats   = []float64{
		0, math.Copysign(0, -1), 1, 0.5, -0.5, 1.5, -1.5, 1e-300, -1e-300, 1 << 53, 1<<53 + 2, 1e300, -1e300,
		math.MaxInt64, math.MinInt64, math.Nextafter(math.MinInt64, math.Inf(-1)), 2, 3,
	}
)

func scalar(r *rand.Rand) lode.Value {
	switch r.IntN(9) {
	case 8:
		return lode.NullValue()
	case 0, 1:
		return lode.IntegerValue(pick(r, integers))
	case 2:
		return lode.FloatValue(pick(r, floats))
	case 3:
		return lode.BoolValue(r.IntN(2) == 0)
	case 4:
		return lode.IntegerValue(int64(r.IntN(100)))
	case 5:
		return lode.StringValue(fmt.Sprint("word ", r.IntN(40)))
	}
	return lode.StringValue(pick(r, spellings))
}

func value(r *rand.Rand, depth int) lode.Value {
	switch r.IntN(8) {
	case 0:
		list := lode.ListValue()
		for range r.IntN(4) {
			item := scalar(r)
			if depth > 0 && r.IntN(2) == 0 {
				item = object(r, depth-1)
			}
			list.List = append(list.List, item)
		}
		return list
	case 1:
		if depth > 0 {
			return object(r, depth-1)
		}
	case 2:
		return lode.ObjectValue(point(r))
	case 3:
		if r.IntN(3) == 0 {
			return phrases(r)
		}
	}
	return scalar(r)
}

// phrases is a list of strings between which the words of a question may be spread.
func phrases(r *rand.Rand) lode.Value {
	list := lode.ListValue()
	for range 1 + r.IntN(3) {
		list.List = append(list.List, lode.StringValue(pick(r, []string{"the", "Quick", "the quick", "brown", "fox"})))
	}
	return list
}

func object(r *rand.Rand, depth int) lode.Value {
	m := lode.Metadata{}
	for _, key := range []string{"a", "b", "c", "d"} {
		if r.IntN(2) == 0 {
			m[key] = value(r, depth)
		}
	}
	return lode.ObjectValue(m)
}

func coordinates(r *rand.Rand) lode.GeoPoint {
	p := lode.GeoPoint{Lat: float64(r.IntN(7)-3) * 30, Lon: float64(r.IntN(9)-4) * 45}
	if r.IntN(2) == 0 {
		p = lode.GeoPoint{Lat: r.Float64()*180 - 90, Lon: r.Float64()*360 - 180}
	}
	return p
}

// point is the fields of a place; of some that are none, too.
func point(r *rand.Rand) lode.Metadata {
	p := coordinates(r)
	m := lode.Metadata{"lat": lode.FloatValue(p.Lat), "lon": lode.FloatValue(p.Lon)}
	if r.IntN(9) == 0 {
		m["lat"] = lode.IntegerValue(100)
	}
	return m
}

// oddValue is one that no parser makes, now and then.
func oddValue(r *rand.Rand) lode.Value {
	switch r.IntN(60) {
	case 0:
		return lode.Value{}
	case 1:
		return lode.Value{Kind: 99, Text: "a"}
	case 2:
		return lode.Value{Kind: lode.KindString, Text: "a", Bool: true}
	case 3:
		return lode.FloatValue(math.NaN())
	case 4:
		return lode.ListValue(lode.ListValue(scalar(r)), scalar(r))
	case 5:
		return lode.FloatValue(math.Inf(r.IntN(2)*2 - 1))
	}
	return value(r, 2)
}

func readers(r *rand.Rand) (list []string) {
	if r.IntN(3) > 0 {
		for range r.IntN(4) {
			list = append(list, pick(r, holders))
		}
	}
	return list
}

func document(r *rand.Rand) *lode.Document {
	d := &lode.Document{No: lode.DocNo(r.Uint32()), ID: id(r), Metadata: lode.Metadata{}, Readers: readers(r)}
	for _, field := range fields[:5] {
		if r.IntN(4) > 0 {
			d.Metadata[field] = oddValue(r)
		}
	}
	return d
}

func id(r *rand.Rand) lode.DocID { return lode.DocID(fmt.Sprint("doc-", r.IntN(500))) }

func randomDoc(r *rand.Rand, first, rows int) Doc {
	d := Doc{First: first, Rows: rows, Doc: document(r)}
	if r.IntN(8) == 0 {
		d.Waiting = readers(r)
	}
	if r.IntN(8) == 0 {
		d.Expires = int64(r.IntN(1000) + 1)
	}
	return d
}

// randomDocs lays documents from a row on, with gaps, and few or many rows each.
func randomDocs(r *rand.Rand, from, limit, most int) (docs []Doc) {
	longest := pick(r, []int{1, 1, 3, 200})
	for len(docs) < most {
		from += max(r.IntN(4)-2, 0)
		rows := 1 + r.IntN(longest)
		if from+rows > limit {
			break
		}
		docs = append(docs, randomDoc(r, from, rows))
		from += rows
	}
	return docs
}

func pointer(v lode.Value) *lode.Value { return &v }

func randomTest(r *rand.Rand) (t lode.Test) {
	tests := []func(*rand.Rand, *lode.Test){equalTest, equalTest, orderTest, presenceTest, textTest, placeTest}
	for t == (lode.Test{}) {
		for range 1 + r.IntN(2) {
			pick(r, tests)(r, &t)
		}
	}
	return t
}

func equalTest(r *rand.Rand, t *lode.Test) {
	var list []lode.Value
	for range r.IntN(5) {
		list = append(list, pick(r, []lode.Value{scalar(r), scalar(r), value(r, 1)}))
	}
	switch r.IntN(5) {
	case 0:
		t.Eq = pointer(value(r, 1))
	case 1:
		t.Ne = pointer(value(r, 1))
	case 2:
		t.In = &list
	case 3:
		t.Nin = &list
	case 4:
		t.Eq = pointer(scalar(r))
	}
}

func orderTest(r *rand.Rand, t *lode.Test) {
	for range 1 + r.IntN(2) {
		v := scalar(r)
		for v.Kind == lode.KindBool || v.Kind == lode.KindNull {
			v = scalar(r)
		}
		*pick(r, []**lode.Value{&t.Gt, &t.Gte, &t.Lt, &t.Lte}) = &v
	}
}

func presenceTest(r *rand.Rand, t *lode.Test) {
	want, n := r.IntN(2) == 0, r.IntN(4)
	switch r.IntN(4) {
	case 0:
		t.Exists = &want
	case 1:
		t.IsNull = &want
	case 2:
		t.IsEmpty = &want
	case 3:
		t.ValuesCount = pick(r, []*lode.CountRange{{Gt: &n}, {Gte: &n}, {Lt: &n}, {Lte: &n}, {Gte: &n, Lte: &n}})
	}
}

func textTest(r *rand.Rand, t *lode.Test) {
	words := lode.NewWords(pick(r, []string{"the", "QUICK the", "quick brown", "brown fox", "日本", "本 日", "über", "fox fox", "word 1", "nowhere fox"}))
	prefix := pick(r, []string{"", "a", "2024-05", "w", "word 1", "\xc3", "日", "zzz"})
	id, _ := lode.ParseUUID(pick(r, []string{"01890a5d-ac96-774b-bcce-b302099a8057", "00000000-0000-0000-0000-000000000000", "ffffffff-0000-0000-0000-000000000000"}))
	switch r.IntN(5) {
	case 0:
		t.Text = words
	case 1:
		t.TextAny = words
	case 2:
		t.Phrase = words
	case 3:
		t.Prefix = &prefix
	case 4:
		t.UUID = &id
	}
}

func placeTest(r *rand.Rand, t *lode.Test) {
	p, q := coordinates(r), coordinates(r)
	switch r.IntN(3) {
	case 0:
		t.GeoRadius = &lode.GeoRadius{Center: p, Meters: pick(r, []float64{0, 1, p.Distance(q), 1e6, 1e7, 3e7})}
	case 1:
		t.GeoBox = &lode.GeoBox{TopLeft: p, BottomRight: q}
		t.GeoBox.TopLeft.Lat, t.GeoBox.BottomRight.Lat = max(p.Lat, q.Lat), min(p.Lat, q.Lat)
	case 2:
		t.GeoPolygon = &lode.GeoPolygon{Exterior: []lode.GeoPoint{p, q, coordinates(r), coordinates(r)}}
		if r.IntN(2) == 0 {
			t.GeoPolygon.Interiors = [][]lode.GeoPoint{{coordinates(r), coordinates(r), coordinates(r)}}
		}
	}
}

// randomFilter returns a valid filter.
func randomFilter(r *rand.Rand, depth int) lode.Filter {
	for {
		if f := anyFilter(r, depth); f.Validate() == nil {
			return f
		}
	}
}

func anyFilter(r *rand.Rand, depth int) lode.Filter {
	if depth == 0 || r.IntN(3) == 0 {
		return lode.Where(pick(r, fields), randomTest(r))
	}
	var args []lode.Filter
	for range r.IntN(4) {
		args = append(args, randomFilter(r, depth-1))
	}
	switch r.IntN(10) {
	case 0:
		return lode.Not(randomFilter(r, depth-1))
	case 1, 2, 3:
		return lode.And(args...)
	case 4, 5:
		return lode.Or(args...)
	case 6:
		return lode.AtLeast(1+r.IntN(3), args...)
	case 7:
		var ids []lode.DocID
		for range r.IntN(pick(r, []int{3, 900})) {
			ids = append(ids, id(r))
		}
		return lode.HasID(ids...)
	case 8:
		return lode.WhereNested(pick(r, fields), randomFilter(r, depth-1))
	}
	return lode.Filter{}
}

func principal(r *rand.Rand) lode.Principal {
	if r.IntN(10) == 0 {
		return lode.AllSeeing("root")
	}
	p := lode.Principal{ID: "p"}
	for range r.IntN(5) {
		p.Labels = append(p.Labels, pick(r, holders))
	}
	return p
}

// rowsOf are the rows of the documents that a rule holds for: the answer by brute force.
func rowsOf(docs []Doc, rule func(d *Doc) bool) *Rows {
	var rows Rows
	for i := range docs {
		if rule(&docs[i]) {
			for row := range docs[i].Rows {
				rows.Set(docs[i].First + row)
			}
		}
	}
	return &rows
}

// difference says which rows two answers differ in, and why that is wrong.
func difference(got, want *Rows, docs []Doc) string {
	if *got == *want {
		return ""
	}
	for _, d := range docs {
		for row := d.First; row < d.First+d.Rows; row++ {
			if got.Has(row) != want.Has(row) {
				return fmt.Sprintf("row %d of %v, readers %q, waiting %q: got %v", row, d.Doc.Metadata, d.Doc.Readers, d.Waiting, got.Has(row))
			}
		}
	}
	return "rows without a document"
}

func text(f lode.Filter) string {
	b, err := f.MarshalJSON()
	if err != nil {
		return fmt.Sprintf("%+v", f)
	}
	return string(b)
}

// matcher and seer are what the properties are about.
type (
	matcher func(b *Block, f lode.Filter, into *Rows) error
	seer    func(b *Block, p lode.Principal, into *Rows)
)

func match(b *Block, f lode.Filter, into *Rows) error {
	q, err := Compile(f)
	if err == nil {
		b.Match(q, into)
	}
	return err
}

func see(b *Block, p lode.Principal, into *Rows) { b.Visible(NewReader(p), into) }

// checkMatch demands that a filter is answered as Filter.Match does.
func checkMatch(b *Block, docs []Doc, f lode.Filter, by matcher) error {
	var got Rows
	if err := by(b, f, &got); err != nil {
		return err
	}
	want := rowsOf(docs, func(d *Doc) bool { return f.Match(d.Doc) })
	if diff := difference(&got, want, docs); diff != "" {
		return fmt.Errorf("match %s: %s", text(f), diff)
	}
	return nil
}

// checkVisible demands that a principal is shown what MaySee shows, and nothing else.
func checkVisible(b *Block, docs []Doc, p lode.Principal, by seer) error {
	var got Rows
	by(b, p, &got)
	want := rowsOf(docs, func(d *Doc) bool { return p.MaySee(d.Doc.Readers) && p.MaySee(d.Waiting) })
	if diff := difference(&got, want, docs); diff != "" {
		return fmt.Errorf("visible to %q: %s", p.Labels, diff)
	}
	return nil
}

func checkUnexpired(b *Block, docs []Doc, now int64) error {
	var got Rows
	got.SetRange(0, BlockRows)
	b.Unexpired(now, &got)
	var want Rows
	want.SetRange(0, BlockRows)
	want.AndNot(rowsOf(docs, func(d *Doc) bool { return d.Expires != 0 && d.Expires <= now }))
	if diff := difference(&got, &want, docs); diff != "" {
		return fmt.Errorf("unexpired at %d: %s", now, diff)
	}
	return nil
}

// checkBlock asks a block many things.
func checkBlock(r *rand.Rand, b *Block, docs []Doc, questions int) error {
	var all Rows
	b.All(&all)
	if all != *rowsOf(docs, func(*Doc) bool { return true }) || b.Docs() != len(docs) {
		return fmt.Errorf("all rows: wrong, %d documents of %d", b.Docs(), len(docs))
	}
	for range questions {
		f := randomFilter(r, r.IntN(4))
		p := principal(r)
		for range 1 + 2*r.IntN(2) { // three times: remembered
			if err := checkMatch(b, docs, f, match); err != nil {
				return err
			}
			if err := checkVisible(b, docs, p, see); err != nil {
				return err
			}
		}
		if err := checkUnexpired(b, docs, int64(r.IntN(1100))); err != nil {
			return err
		}
	}
	return nil
}

// step changes a block by Append or With, and its documents in the same way.
func step(r *rand.Rand, b *Block, docs []Doc) (*Block, []Doc, error) {
	docs = slices.Clone(docs)
	if r.IntN(2) == 0 || len(docs) == 0 {
		more := randomDocs(r, b.end, BlockRows, 1+r.IntN(pick(r, []int{1, 5, 100, 600})))
		r.Shuffle(len(more), func(i, j int) { more[i], more[j] = more[j], more[i] })
		next, err := b.Append(more)
		return next, append(docs, more...), err
	}
	var changed []Doc
	for range 1 + r.IntN(pick(r, []int{1, 10, 150})) {
		i := r.IntN(len(docs))
		if slices.ContainsFunc(changed, func(d Doc) bool { return d.First == docs[i].First }) {
			continue
		}
		docs[i] = randomDoc(r, docs[i].First, docs[i].Rows)
		changed = append(changed, docs[i])
	}
	next, err := b.With(changed)
	return next, docs, err
}

func shape(b *Block) string {
	var s strings.Builder
	for _, l := range b.layers {
		fmt.Fprintf(&s, " %d/%d", l.live, len(l.docs))
	}
	return s.String()
}
