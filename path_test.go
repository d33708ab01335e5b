package lode_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lodedb/lode"
)

// library has the same authors nested, and some keys that get in one another's way.
const library = `{
	"title": "Ore", "a": {"b": 1, "c": {"d": [2, 3]}}, "a.b": 7, "x.y": {"z": 4}, "x": {"y.z": 5, "y": {"w": 6}},
	"authors": [{"name": "Ada", "born": 1815, "langs": ["en", "fr"]}, {"name": "Bob", "born": null}, "anonymous", {}],
	"none": null, "empty": [], "hole": {}, "tags[]": "literal", "marks": [1, null, {"n": 2}]
}`

func TestPaths(t *testing.T) {
	m := metadata(t, library)
	f := func(path, whole, single string, count int) {
		t.Helper()
		var found, each []string
		write := func(to *[]string) func(lode.Value) bool {
			return func(v lode.Value) bool {
				b, err := v.MarshalJSON()
				if err != nil {
					t.Fatal(err)
				}
				*to = append(*to, string(b))
				return true
			}
		}
		present := m.Find(path, write(&found))
		if got := strings.Join(found, " "); got != whole || present != (whole != "") {
			t.Errorf("%s: found %s (%v)", path, got, present)
		}
		if again := m.Each(path, write(&each)); again != present {
			t.Errorf("%s: Each says %v", path, again)
		}
		if got := strings.Join(each, " "); got != single {
			t.Errorf("%s: each of %s", path, got)
		}
		if got := m.Count(path); got != count {
			t.Errorf("%s: %d values", path, got)
		}
	}
	f("title", `"Ore"`, `"Ore"`, 1)
	f("a.b", "7", "7", 1) // the longer key covers the nested one
	f("a.c.d", "[2,3]", "2 3", 2)
	f("a.c", `{"d":[2,3]}`, `{"d":[2,3]}`, 1)
	f("x.y.z", "4", "4", 1)
	f("x.y.w", "6", "6", 1) // x.y is there, but leads nowhere
	f("authors.name", `"Ada" "Bob"`, `"Ada" "Bob"`, 2)
	f("authors[].name", `"Ada" "Bob"`, `"Ada" "Bob"`, 2)
	f("authors.born", "1815 null", "1815 null", 1)
	f("authors.langs", `["en","fr"]`, `"en" "fr"`, 2)
	f("authors[].langs[]", `["en","fr"]`, `"en" "fr"`, 2)
	f("authors.age", "", "", 0)
	f("none", "null", "null", 0)
	f("empty", "[]", "", 0)
	f("empty[]", "[]", "", 0)
	f("hole", "{}", "{}", 1)
	f("tags[]", `"literal"`, `"literal"`, 1)
	f("marks", `[1,null,{"n":2}]`, `1 null {"n":2}`, 3)
	f("marks.n", "2", "2", 1)
	for _, path := range []string{"", ".", "a.", ".a", "a..b", "title.x", "none.x", "empty.x", "missing", "[]", "a[]b", "tags"} {
		f(path, "", "", 0)
	}
}

func TestPathsStop(t *testing.T) {
	m := metadata(t, `{"a":[{"b":[1,2]},{"b":[3]}]}`)
	for _, walk := range []func(string, func(lode.Value) bool) bool{m.Find, m.Each} {
		n := 0
		if !walk("a.b", func(lode.Value) bool { n++; return false }) || n != 1 {
			t.Errorf("%d calls after the stop", n-1)
		}
	}
}

// TestPathsLists demands that every listed path leads somewhere, and that all of them together
// pass over every scalar.
func TestPathsLists(t *testing.T) {
	m := metadata(t, `{"a":{"b":[{"c":1},{"c":2,"d":[3]}]},"e.f":4,"g":null,"h":[],"i":[5,{"j":6}]}`)
	want := "a a.b a.b.c a.b.d e.f g h i i.j"
	if got := strings.Join(m.Paths(), " "); got != want {
		t.Errorf("got %s", got)
	}
	var numbers []int64
	for _, path := range m.Paths() {
		if !m.Each(path, func(v lode.Value) bool {
			if v.Kind == lode.KindInteger {
				numbers = append(numbers, v.Int)
			}
			return true
		}) {
			t.Errorf("%s leads nowhere", path)
		}
	}
	slices.Sort(numbers)
	if got := fmt.Sprint(numbers); got != "[1 2 3 4 5 6]" {
		t.Error(got)
	}
	for path, want := range map[string]string{"a": "a", "a[].b": "a.b", "a[].b[]": "a.b", "a[]b": "a[]b", "[].a": ".a"} {
		if got := lode.PlainPath(path); got != want {
			t.Errorf("%s: got %s", path, got)
		}
	}
}

func TestMatchAllocatesNothing(t *testing.T) {
	d := &lode.Document{ID: "d", Metadata: metadata(t, library)}
	for _, s := range []string{
		`{"field":"title","eq":"Ore"}`, `{"field":"title","in":["x","Ore"]}`, `{"field":"title","text":"ore"}`, `{"field":"authors.born","gt":1800}`,
		`{"and":[{"field":"title","exists":true},{"not":{"field":"title","prefix":"x"}},{"has_id":["d"]}]}`,
		`{"nested":{"path":"authors","match":{"field":"name","eq":"Bob"}}}`, `{"field":"authors.langs","values_count":{"gte":2}}`,
	} {
		f := filter(t, s)
		if !f.Match(d) {
			t.Errorf("%s does not match", s)
		}
		if n := testing.AllocsPerRun(100, func() { f.Match(d) }); n != 0 {
			t.Errorf("%s: %v allocations", s, n)
		}
	}
}

func filter(t testing.TB, s string) lode.Filter {
	t.Helper()
	var f lode.Filter
	if err := f.UnmarshalJSON([]byte(s)); err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return f
}

func BenchmarkFilterMatch(b *testing.B) {
	d := &lode.Document{Metadata: metadata(b, library)}
	for _, s := range []string{`{"field":"title","eq":"Ore"}`, `{"field":"authors.name","eq":"Bob"}`, `{"field":"missing","eq":1}`} {
		f := filter(b, s)
		b.Run(s, func(b *testing.B) {
			for b.Loop() {
				f.Match(d)
			}
		})
	}
}
