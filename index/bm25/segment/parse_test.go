package segment

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/text"
)

// String is a query as tests write it: + must, - must not, | between alternatives, and ^ before
// weights other than 1.
func (q Query) testString() string {
	var out []string
	for _, c := range q.Clauses {
		var any []string
		for _, a := range c.Any {
			var terms []string
			for i, t := range a.Terms {
				terms = append(terms, t.Term)
				if i > 0 && t.Position != a.Terms[i-1].Position+1 {
					terms[i] = fmt.Sprintf("~%d %s", t.Position-a.Terms[i-1].Position, t.Term)
				}
			}
			s := strings.Join(terms, " ")
			if len(a.Terms) > 1 {
				s = `"` + s + `"`
			}
			if a.Prefix {
				s += "*"
			}
			any = append(any, s+weightString(a.Weight))
		}
		out = append(out, []string{"", "+", "-"}[c.Occur]+strings.Join(any, "|")+weightString(c.Weight))
	}
	return strings.Join(out, " ")
}

func weightString(w float64) string {
	if orOne(w) == 1 {
		return ""
	}
	return fmt.Sprintf("^%g", w)
}

func TestParse(t *testing.T) {
	var a text.Analyzer
	p := Parser{Analyzer: &a}
	f := func(s, want string) {
		t.Helper()
		q := p.Parse(s)
		if got := q.testString(); got != want {
			t.Errorf("%s: got %s, want %s", s, got, want)
		}
		if err := q.Validate(); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
	f("", "")
	f("  \t", "")
	f("cats and dogs", "cat dog")
	f("cat cats dog", "cat^2 dog")
	f("what does the cat do", "cat")
	f("who was what", "who what")
	f("+cat -dog bird", "+cat -dog bird")
	f(`"the white house" lawn`, `"white hous" lawn`)
	f(`+"white houses" -"of cards"`, `+"white hous" -card`)
	f(`"house of cards"`, `"hous ~2 card"`)
	f("chunk* tree", "chunk|chunk* tree")
	f("Running*", "run|running*")
	f("+chunk* -sea*", "+chunk|chunk* -sea|sea*")
	f("http.Handler", "http.handler http handler")
	f("+http.Handler -snake_case", `+"http handler" -"snake case"`)
	f("+東京都", `+"東京 京都"`)
	f("東京*", "東京|東京*")
	// What is not an operator is text.
	f(`"open quote words`, "open quot word")
	f(`cat "open quote`, "cat open quot")
	f(`5 - 3 -- x + y -`, "5 3 x y")
	f("state-of-the-art a+b C++", "state art b c c++")
	f(`a"b c"d`, "b c d")
	f("* ** *x x*y -* +*", "x^2 y")
	f(`"" +"" -"!"`, "")
	f("+the cat", "cat")
	f(`+"unclosed cat`, "unclos cat")
	f("-cat", "-cat")
	f("\xff +\xfecat +\x00", "cat")
	f(`x"+cat"`, "x cat")
}

func TestPlainHasNoSyntax(t *testing.T) {
	var a text.Analyzer
	if got := (Parser{Analyzer: &a}).Plain(`+cat -dog "white house" chunk*`).testString(); got != "cat dog white hous chunk" {
		t.Error(got)
	}
}

func TestGlossary(t *testing.T) {
	var a text.Analyzer
	g, err := NewGlossary(&a, []Entry{
		{Name: "car", Also: []string{"automobile", "motor vehicle"}, Weight: 0.5},
		{Name: "car", Also: []string{"auto"}},
		{Name: "New York", Also: []string{"NYC"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	f := func(s, want string) {
		t.Helper()
		if got := (Parser{Analyzer: &a, Glossary: g}).Parse(s).testString(); got != want {
			t.Errorf("%s: got %s, want %s", s, got, want)
		}
	}
	f("cars", `car|automobil^0.5|"motor vehicl"^0.5|auto`)
	f("+car red", `+car|automobil^0.5|"motor vehicl"^0.5|auto red`)
	f("-car red", "-car red")
	f("hotels in new york", `hotel new york "new york"|nyc`)
	f("new in york", "new york")
	f("automobile nyc", "automobil nyc")
	for _, e := range []Entry{{Name: "the"}, {Name: "x", Also: []string{"!"}}, {Name: "x", Weight: -1}, {Name: "x", Also: make([]string, MaxAlternatives)}} {
		if _, err := NewGlossary(&a, []Entry{e}); !lode.IsCode(err, lode.CodeInvalid) {
			t.Errorf("%+v: %v", e, err)
		}
	}
}

func TestParseInSeveralLanguages(t *testing.T) {
	var a text.Analyzer
	german, err := text.For("de")
	if err != nil {
		t.Fatal(err)
	}
	f := func(s, want string) {
		t.Helper()
		if got := (Parser{Analyzer: &a, Others: []*text.Analyzer{german, german}}).Parse(s).testString(); got != want {
			t.Errorf("%s: got %s, want %s", s, got, want)
		}
	}
	f("cat", "cat")
	f("Häuser", "häuser|haus")
	f("+Häuser http.Handler", "+häuser|haus http.handler http handler|handl")
	f(`"rote Häuser"`, `"rote häuser"|"rot haus"`)
}

// Whatever is typed is a query, and a query of the limits at most.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"", `+"a b" -c d*`, `"`, `+ - "" *`, "http.Handler +x_y", "東京* -\"都\"", strings.Repeat("w ", 3000), strings.Repeat(`+"a b" `, 2000)} {
		f.Add(s)
	}
	var a text.Analyzer
	g, err := NewGlossary(&a, []Entry{{Name: "x", Also: []string{"b c"}}, {Name: "b c", Also: []string{"x"}}})
	if err != nil {
		f.Fatal(err)
	}
	x := mustGrow(f, Options{Positions: true}, []Row{{a.Tokens(nil, "a b c d")}})
	f.Fuzz(func(t *testing.T, s string) {
		for _, q := range []Query{Parser{Analyzer: &a, Glossary: g}.Parse(s), Parser{Analyzer: &a}.Plain(s)} {
			if err := q.Validate(); err != nil {
				t.Fatalf("%q: %v", s, err)
			}
			if len(q.Clauses) < 50 {
				mustSearch(t, q, []View{{Part: x}}, SearchOptions{K: 3})
			}
			spans := Highlight(&a, s, q)
			for i, span := range spans {
				if span.Start >= span.End || span.End > len(s) || i > 0 && span.Start < spans[i-1].End {
					t.Fatalf("%q: spans %v", s, spans)
				}
			}
		}
	})
}

func TestHighlight(t *testing.T) {
	var a text.Analyzer
	p := Parser{Analyzer: &a}
	f := func(query, s string, want ...string) {
		t.Helper()
		var got []string
		q := p.Parse(query)
		for _, span := range Highlight(&a, s, q) {
			got = append(got, fmt.Sprintf("%s/%d", s[span.Start:span.End], span.Clause))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s in %q: got %q, want %q", query, s, got, want)
		}
	}
	f("cats", "A cat, two CATS", "cat/0", "CATS/0")
	f(`"white house" white`, "The white houses; a white dog", "white houses/0", "white/1")
	f("-cat dog", "cat and dog", "dog/1")
	f("hand* x", "see http.Handler and hands", "http.Handler/0", "hands/0")
	f("fine", "so ﬁne, ｆｉｎｅ", "ﬁne/0", "ｆｉｎｅ/0")
	f("東京都", "住所は東京都です", "東京都/0")
	f("nothing", "at all")
}

func TestWritten(t *testing.T) {
	var a text.Analyzer
	if got, ok := Written(&a, "the Houses of houses", "hous"); !ok || got != "Houses" {
		t.Errorf("%q, %t", got, ok)
	}
	if _, ok := Written(&a, "the cat", "hous"); ok {
		t.Error("found what is not there")
	}
}

// What a search finds is what highlighting marks: a text is found by a query of which nothing is
// required or excluded if, and only if, something in it is marked.
func TestFoundIsMarked(t *testing.T) {
	rng := seeded(t)
	vocabulary := strings.Fields("kelp kelps moss mosses fern http.Handler handler http snake_case case 東京都 京都 v1.2 C++ naïve ﬁne fine the of what 3,000 parseURL")
	some := func(most int) string {
		var out []string
		for range 1 + rng.IntN(most) {
			out = append(out, vocabulary[rng.IntN(len(vocabulary))])
		}
		return strings.Join(out, " ")
	}
	var a text.Analyzer
	var texts []string
	var rows []Row
	for range 60 {
		texts = append(texts, some(6))
		rows = append(rows, Row{a.Tokens(nil, texts[len(texts)-1])})
	}
	views := []View{{Part: mustGrow(t, Options{Positions: true}, rows)}}
	for range 400 {
		s := some(2)
		switch rng.IntN(3) {
		case 0:
			s = `"` + s + `" ` + some(1)
		case 1:
			s = some(1) + "* " + s[:1] + "*"
		}
		q := Parser{Analyzer: &a}.Parse(s)
		found := make(map[int]bool)
		for _, h := range mustSearch(t, q, views, SearchOptions{K: len(rows)}) {
			found[int(h.Row)] = true
		}
		for i := range texts {
			if marked := len(Highlight(&a, texts[i], q)) > 0; marked != found[i] {
				t.Fatalf("query %s, which is %s; text %q: found %t, marked %t", s, q.testString(), texts[i], found[i], marked)
			}
		}
	}
}

// TestGlossaryInLanguages: a synonym is found in rows of other languages by their rules.
func TestGlossaryInLanguages(t *testing.T) {
	german, err := text.For("de")
	if err != nil {
		t.Fatal(err)
	}
	english := new(text.Analyzer)
	entries := []Entry{{Name: "abode", Also: []string{"houses", "old Häuser"}}}
	opts := Options{Positions: true}
	rows := []Row{{english.Tokens(nil, "a house")}, {german.Tokens(nil, "das alte Haus, ein altes Haus")}, {german.Tokens(nil, "an old Haus")}}
	views := []View{{Part: mustGrow(t, opts, rows)}}
	for _, c := range []struct {
		others []*text.Analyzer
		want   int
	}{{nil, 1}, {[]*text.Analyzer{german}, 2}} {
		g, err := NewGlossary(english, entries, c.others...)
		if err != nil {
			t.Fatal(err)
		}
		q := Parser{Analyzer: english, Others: c.others, Glossary: g}.Plain("abodes")
		if got := mustSearch(t, q, views, SearchOptions{K: 10}); len(got) != c.want {
			t.Errorf("%d other languages: %v", len(c.others), got)
		}
	}
}

// TestManyPrefixes: each costs a walk over terms, so that those of a query are few, and what comes
// again costs nothing.
func TestManyPrefixes(t *testing.T) {
	var a text.Analyzer
	p := Parser{Analyzer: &a}
	if got := p.Parse(strings.Repeat(`chunk* +sea* "a white house" `, 500)).testString(); got != `chunk|chunk*^500 +sea|sea*^500 "white hous"^500` {
		t.Error(got)
	}
	var many []string
	for i := range 2 * MaxPrefixes {
		many = append(many, fmt.Sprintf("w%d*", i))
	}
	q := p.Parse(strings.Join(many, " "))
	if err := q.Validate(); err != nil || len(q.Clauses) != 2*MaxPrefixes {
		t.Error(len(q.Clauses), err)
	}
	if s := q.testString(); strings.Count(s, "*") != MaxPrefixes || !strings.HasSuffix(s, fmt.Sprint(" w", 2*MaxPrefixes-1)) {
		t.Error(s)
	}
	q.Clauses[len(q.Clauses)-1].Any[0].Prefix = true
	if err := q.Validate(); !lode.IsCode(err, lode.CodeInvalid) {
		t.Error(err)
	}
}
