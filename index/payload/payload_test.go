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
		"nobody waits": func(_ *Block, p lode.Principal, into *Rows) { see(nobodyWaits(t, docs), p, into) },
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

func nobodyWaits(t *testing.T, docs []Doc) *Block {
	docs = slices.Clone(docs)
	for i := range docs {
		docs[i].Waiting = nil
	}
	b, err := New(docs)
	if err != nil {
		t.Fatal(err)
	}
	return b
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

// TestDecided demands that the tests of today are decided without asking documents, and that
// whatever is not decided is left to ask, which answers alone would not show.
func TestDecided(t *testing.T) {
	phrase, word := lode.NewWords("two words"), lode.NewWords("one")
	decided := func(test lode.Test, want bool) {
		t.Helper()
		if l := newLeaf(lode.Where("a", test)); l.certain != want || (l.cost < costAsk) != want {
			t.Errorf("%s: decided %v", text(lode.Where("a", test)), l.certain)
		}
	}
	r := random(t)
	for range 500 {
		test := lode.Test{}
		pick(r, []func(*rand.Rand, *lode.Test){orderTest, presenceTest, placeTest})(r, &test)
		decided(test, true)
	}
	one := lode.IntegerValue(1)
	for _, v := range []lode.Value{one, lode.NullValue(), lode.StringValue("2024-05-01"), lode.BoolValue(false)} {
		decided(lode.Test{Eq: &v}, true)
		decided(lode.Test{Nin: &[]lode.Value{v, one}}, true)
	}
	list, obj := lode.ListValue(one), lode.ObjectValue(nil)
	decided(lode.Test{Eq: &list}, false)
	decided(lode.Test{Ne: &obj}, false)
	decided(lode.Test{In: &[]lode.Value{one, list}, Gte: &one}, false)
	decided(lode.Test{Text: phrase, TextAny: phrase, Prefix: &[]string{"a"}[0], UUID: &lode.UUID{}}, true)
	decided(lode.Test{Phrase: phrase}, false)
	decided(lode.Test{Phrase: word}, true)
}

// TestKeys demands keys that differ where filters do, but for the order of arguments.
func TestKeys(t *testing.T) {
	r := random(t)
	seen := map[string]string{}
	for range 3000 {
		f := lode.Where(pick(r, fields), randomTest(r))
		if r.IntN(2) == 0 {
			f = lode.WhereNested(pick(r, fields), f)
		}
		key, shown := string(newNode(f).key), text(f)
		if other, ok := seen[key]; key == "" || ok && other != shown {
			t.Fatalf("one key %q for %s and %s", key, other, shown)
		}
		seen[key] = shown
	}
	key := func(f lode.Filter) string { return string(newNode(f).key) }
	a, b := lode.WhereEq("a", lode.IntegerValue(1)), lode.WhereEq("b", lode.IntegerValue(1))
	if key(lode.And(a, b)) != key(lode.And(b, a)) || key(lode.And(a, lode.And(b, a))) != key(lode.And(a, a, b)) {
		t.Error("the order of arguments makes two keys")
	}
	different := []lode.Filter{
		{}, a, b, lode.And(), lode.And(a), lode.And(a, b), lode.And(a, a, b), lode.Or(a, b), lode.Not(a), lode.Not(lode.Not(a)),
		lode.AtLeast(1, a, b), lode.AtLeast(2, a, b), lode.HasID("a"), lode.HasID("a", "b"), lode.HasID("ab"),
		lode.And(lode.Or(a), b), lode.And(a, lode.Or(b)),
	}
	keys := map[string]bool{}
	for _, f := range different {
		keys[key(f)] = true
	}
	if len(keys) != len(different) {
		t.Errorf("%d filters have %d keys", len(different), len(keys))
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
	c := b.layers[0].core
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
	held, most := c.matches.bytes()+c.visible.bytes(), 2*(cacheTableBytes+cacheSlots*answerBytes)
	if held > most || held < most/2 {
		t.Errorf("remembered answers take %d bytes, the bound is %d", held, most)
	}
	all := b.Bytes()
	c.matches.table.Store(nil)
	c.visible.table.Store(nil)
	if got := all - b.Bytes(); got != held {
		t.Errorf("of %d bytes of remembered answers %d are counted", held, got)
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
