package payload

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/lodedb/lode"
)

// TestBlock holds the contract, through random changes, while older blocks are asked too.
func TestBlock(t *testing.T) {
	r := random(t)
	rounds, steps := 40, 25
	if testing.Short() {
		rounds, steps = 8, 12
	}
	for range rounds {
		docs := randomDocs(r, 0, BlockRows, r.IntN(600))
		b, err := New(docs)
		if err != nil {
			t.Fatal(err)
		}
		type past struct {
			block *Block
			docs  []Doc
		}
		var older []past
		for range steps {
			if err := checkBlock(r, b, docs, 8); err != nil {
				t.Fatalf("layers%s: %v", shape(b), err)
			}
			older = append(older, past{b, docs})
			if b, docs, err = step(r, b, docs); err != nil {
				t.Fatal(err)
			}
		}
		for _, p := range older {
			if err := checkBlock(r, p.block, p.docs, 2); err != nil {
				t.Fatalf("an old block changed: layers%s: %v", shape(p.block), err)
			}
		}
	}
}

// TestFullBlock asks a block without gaps, whose postings are longest.
func TestFullBlock(t *testing.T) {
	r := random(t)
	docs := make([]Doc, BlockRows)
	for i := range docs {
		docs[i] = randomDoc(r, i, 1)
	}
	b, err := New(docs)
	if err != nil {
		t.Fatal(err)
	}
	if err := checkBlock(r, b, docs, 60); err != nil {
		t.Fatal(err)
	}
}

// TestChecksCatch is the negative control of the properties: answers with one mistake.
func TestChecksCatch(t *testing.T) {
	r := random(t)
	docs := randomDocs(r, 0, BlockRows, 300)
	b, err := New(docs)
	if err != nil {
		t.Fatal(err)
	}
	matchers := map[string]matcher{
		"no not": func(b *Block, f lode.Filter, into *Rows) error {
			if f.Not != nil {
				f = *f.Not
			}
			return match(b, f, into)
		},
		"strict is not": func(b *Block, f lode.Filter, into *Rows) error {
			if f.Test.Gt != nil {
				f.Test.Gte, f.Test.Gt = f.Test.Gt, nil
			}
			return match(b, f, into)
		},
		"one row more": func(b *Block, f lode.Filter, into *Rows) error {
			err := match(b, f, into)
			into.Set(docs[0].First)
			return err
		},
	}
	for name, by := range matchers {
		if !caught(func() error { return checkMatch(b, docs, randomFilter(r, 2), by) }) {
			t.Errorf("%s: not caught", name)
		}
	}
	seers := map[string]seer{
		"nobody waits": func(b *Block, p lode.Principal, into *Rows) {
			plain := slices.Clone(docs)
			for i := range plain {
				plain[i].Waiting = nil
			}
			b, _ = New(plain)
			see(b, p, into)
		},
		"a label lost": func(b *Block, p lode.Principal, into *Rows) {
			if len(p.Labels) > 0 {
				p.Labels = p.Labels[1:]
			}
			see(b, p, into)
		},
	}
	for name, by := range seers {
		if !caught(func() error { return checkVisible(b, docs, principal(r), by) }) {
			t.Errorf("%s: not caught", name)
		}
	}
}

func caught(check func() error) bool {
	for range 5000 {
		if check() != nil {
			return true
		}
	}
	return false
}

// TestConcurrent asks blocks from many goroutines, from the first use of every index on,
// while others derive new blocks from them.
func TestConcurrent(t *testing.T) {
	seed := random(t)
	docs := randomDocs(seed, 0, BlockRows, 500)
	b, err := New(docs)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 6 {
		r := rand.New(rand.NewPCG(seed.Uint64(), 1))
		wg.Go(func() {
			b, docs := b, docs
			for i := range 8 {
				err := checkBlock(r, b, docs, 4)
				if err == nil && i > 3 {
					b, docs, err = step(r, b, docs)
				}
				if err != nil {
					t.Error(err)
					return
				}
				b.Facet("a", &Rows{1}, func(lode.Value, int, int) {})
				b.Warm(fields...)
				b.Bytes()
			}
		})
	}
	wg.Wait()
}

// TestRefuses demands coded errors for documents that do not fit, which change nothing.
func TestRefuses(t *testing.T) {
	d := &lode.Document{}
	b, err := New([]Doc{{First: 10, Rows: 5, Doc: d}})
	if err != nil {
		t.Fatal(err)
	}
	made := func(docs ...Doc) error { _, err := New(docs); return err }
	appended := func(docs ...Doc) error { _, err := b.Append(docs); return err }
	with := func(docs ...Doc) error { _, err := b.With(docs); return err }
	for name, err := range map[string]error{
		"no document":   made(Doc{First: 1, Rows: 1}),
		"no rows":       made(Doc{First: 1, Doc: d}),
		"before":        made(Doc{First: -1, Rows: 1, Doc: d}),
		"behind":        made(Doc{First: BlockRows - 1, Rows: 2, Doc: d}),
		"far behind":    made(Doc{First: 1 << 62, Rows: 1, Doc: d}),
		"shared row":    made(Doc{First: 3, Rows: 1, Doc: d}, Doc{First: 2, Rows: 2, Doc: d}),
		"append before": appended(Doc{First: 14, Rows: 1, Doc: d}),
		"with unknown":  with(Doc{First: 11, Rows: 4, Doc: d}),
		"with rows":     with(Doc{First: 10, Rows: 4, Doc: d}),
		"with twice":    with(Doc{First: 10, Rows: 5, Doc: d}, Doc{First: 10, Rows: 5, Doc: d}),
	} {
		if !lode.IsCode(err, lode.CodeInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Compile(lode.Where("", lode.Test{})); !lode.IsCode(err, lode.CodeInvalid) {
		t.Errorf("compile: %v", err)
	}
	if err := checkBlock(random(t), b, []Doc{{First: 10, Rows: 5, Doc: d}}, 5); err != nil {
		t.Error(err)
	}
}

// TestSharing demands that a change leaves the large layer with its indexes in place.
func TestSharing(t *testing.T) {
	r := random(t)
	docs := make([]Doc, 3000)
	for i := range docs {
		docs[i] = randomDoc(r, i, 1)
	}
	b, err := New(docs)
	if err != nil {
		t.Fatal(err)
	}
	b.Warm("a")
	large := b.layers[0].core
	for i := range 600 {
		if b, err = b.With([]Doc{randomDoc(r, i, 1)}); err != nil {
			t.Fatal(err)
		}
		if b, err = b.Append([]Doc{randomDoc(r, b.end, 1)}); err != nil {
			t.Fatal(err)
		}
		if b.layers[0].core != large || large.columns.get("a") == nil {
			t.Fatalf("after %d changes the large layer is gone:%s", 2*i+2, shape(b))
		}
		if len(b.layers) > 8 {
			t.Fatalf("%d layers:%s", len(b.layers), shape(b))
		}
	}
}

// TestFormsAreKnown demands that the forms of today need no asking of documents, which the
// answers would not show.
func TestFormsAreKnown(t *testing.T) {
	leaf := lode.WhereEq("a", lode.IntegerValue(1))
	for want, filters := range map[form][]lode.Filter{
		formAll:   {{}},
		formAnd:   {lode.And(), lode.And(leaf), lode.And(leaf, lode.Or())},
		formOr:    {lode.Or(), lode.Or(leaf)},
		formNot:   {lode.Not(leaf), lode.Not(lode.Filter{})},
		formField: {leaf, lode.Where("", lode.Test{})},
	} {
		for _, f := range filters {
			if got := formOf(f); got != want {
				t.Errorf("%s: form %d, want %d", text(f), got, want)
			}
		}
	}
	// The form decides, not what else is filled in.
	odd := lode.And(leaf)
	odd.Or, odd.Field = []lode.Filter{leaf}, "a"
	if got := formOf(odd); got != formAnd {
		t.Errorf("an and with more members: form %d", got)
	}
}

// TestUnknownTest demands that a test which the index has no part of is put to documents.
func TestUnknownTest(t *testing.T) {
	l := newLeaf(lode.WhereEq("a", lode.ListValue(lode.IntegerValue(1))))
	if l.certain || l.cost < costAsk {
		t.Errorf("a test that no index decides counts as decided: %+v", l)
	}
	if l := newLeaf(lode.WhereEq("a", lode.IntegerValue(1))); !l.certain {
		t.Errorf("eq is not decided: %+v", l)
	}
}

// TestKeys demands keys that differ where filters do, and only there.
func TestKeys(t *testing.T) {
	r := random(t)
	seen := map[string]string{}
	for range 3000 {
		f := randomFilter(r, 2)
		n := newNode(f)
		shown := fmt.Sprintf("%s", appendFilter(nil, f))
		if n.key == nil || shown == "" {
			t.Fatalf("no key: %s", text(f))
		}
		if n.form == formAnd || n.form == formOr {
			continue // may share one: the order of arguments
		}
		if other, ok := seen[string(n.key)]; ok && other != shown && n.form == formField {
			t.Fatalf("two filters with one key: %s", text(f))
		}
		seen[string(n.key)] = shown
	}
	a, b := lode.WhereEq("a", lode.IntegerValue(1)), lode.WhereEq("b", lode.IntegerValue(1))
	if string(newNode(lode.And(a, b)).key) != string(newNode(lode.And(b, a)).key) {
		t.Error("the order of arguments makes two keys")
	}
	if string(newNode(lode.And(a, b)).key) == string(newNode(lode.Or(a, b)).key) {
		t.Error("and and or have one key")
	}
}

// TestCacheBound demands that remembered answers are few, counted, and right.
func TestCacheBound(t *testing.T) {
	r := random(t)
	docs := make([]Doc, 1000)
	for i := range docs {
		docs[i] = randomDoc(r, i, 1)
	}
	b, err := New(docs)
	if err != nil {
		t.Fatal(err)
	}
	b.Warm(fields...)
	b.Visible(NewReader(lode.Principal{}), &Rows{})
	before := b.Bytes()
	for range 2000 {
		f, p := randomFilter(r, 2), lode.Principal{Labels: []string{fmt.Sprint(r.IntN(500)), pick(r, holders)}}
		for range 3 {
			if err := checkMatch(b, docs, f, match); err != nil {
				t.Fatal(err)
			}
			if err := checkVisible(b, docs, p, see); err != nil {
				t.Fatal(err)
			}
		}
	}
	grown := b.Bytes() - before
	if most := 2 * (cacheTableBytes + cacheSlots*answerBytes); grown > most || grown < most/2 {
		t.Errorf("remembered answers take %d bytes, the bound is %d", grown, most)
	}
}

// TestAbsentFields demands that filters on fields which nobody has leave no memory behind.
func TestAbsentFields(t *testing.T) {
	docs := randomDocs(random(t), 0, BlockRows, 200)
	b, err := New(docs)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		if err := checkMatch(b, docs, lode.WhereEq(fmt.Sprint("no", i), lode.IntegerValue(1)), match); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(*b.layers[0].columns.byField.Load()); n > maxAbsent+1 {
		t.Errorf("%d columns", n)
	}
}
