package segment

import (
	"slices"
	"testing"

	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/internal/text"
)

// mixedViews are rows in a sealed part and a growing one.
func mixedViews(t *testing.T, texts ...string) []View {
	t.Helper()
	var a text.Analyzer
	var rows []Row
	for _, s := range texts {
		rows = append(rows, Row{a.Tokens(nil, s)})
	}
	opts := Options{Positions: true}
	half := len(rows) / 2
	return []View{{Part: mustOpen(t, mustSeal(t, mustGrow(t, opts, rows[:half])), opts)}, {Part: mustGrow(t, opts, rows[half:])}}
}

func suggested(t *testing.T, term string, views []View) (out []string) {
	t.Helper()
	got, err := Suggest(t.Context(), term, views, 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range got {
		out = append(out, s.Term)
	}
	return out
}

func TestSuggest(t *testing.T) {
	views := mixedViews(t, "quantum kelp", "quanta kelp moss", "kelp", "quantum", "kale", "keep helps", "quantom", "quantom")
	f := func(term string, want ...string) {
		t.Helper()
		if got := suggested(t, term, views); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", term, got, want)
		}
	}
	f("klep", "kelp", "keep") // an exchange is one mistake
	f("quantun", "quantum", "quantom", "quanta")
	f("quantum", "quantom", "quanta")
	f("zz")
	f("zebra")
	f("mos", "moss")
	f("mo")
}

// A suggestion must be in a row that the asking one may see, or it tells of rows that they may
// not.
func TestSuggestionsAreVisible(t *testing.T) {
	views := mixedViews(t, "secretword plain", "secretwork", "secretward", "plain secretwords")
	f := func(want ...string) {
		t.Helper()
		if got := suggested(t, "secretworx", views); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f("secretword", "secretwork", "secretward")
	views[0].Allow, views[1].Allow = index.NewBitset(2), index.NewBitset(2)
	f()
	views[0].Allow.Set(1)
	f("secretwork")
	views[1].Allow.Set(0)
	f("secretwork", "secretward")
	if err := views[0].Part.(*Sealed).Remove(1); err != nil {
		t.Fatal(err)
	}
	f("secretward")
	got, err := Suggest(t.Context(), "secretworx", views, 1)
	if err != nil || len(got) != 1 || got[0].Part != 1 || got[0].Row != 0 || got[0].Rows != 1 || got[0].Distance != 2 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestPhrases(t *testing.T) {
	var a text.Analyzer
	views := mixedViews(t,
		"a white house on the hill", "the house is white", "white painted house", "http.Handler is a type",
		"The WHITE houses", "white; house", "an http handler", "東京都の京都")
	f := func(query string, want ...int) {
		t.Helper()
		var got []int
		for _, h := range mustSearch(t, Parser{Analyzer: &a}.Parse(query), views, SearchOptions{K: 20}) {
			got = append(got, 4*h.Part+int(h.Row))
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", query, got, want)
		}
	}
	f(`"white house"`, 0, 4, 5)
	f(`white house`, 0, 1, 2, 4, 5)
	f(`white -"white house"`, 1, 2)
	f(`+white +hill`, 0)
	f(`"http handler"`, 3, 6)
	f(`"http.handler"`, 3, 6)
	f(`"東京都"`, 7)
	f(`"都の京"`, 7)
	f(`"京東"`)
	f(`whit* -hous*`)
	f(`hil*`, 0)
	f(`-white`)
}

func TestNoPhrasesWithoutPositions(t *testing.T) {
	var a text.Analyzer
	g := mustGrow(t, Options{}, []Row{{a.Tokens(nil, "white house")}})
	for _, part := range []Part{g, mustOpen(t, mustSeal(t, g), Options{})} {
		for query, want := range map[string]int{`"white house"`: 0, "white house": 1} {
			if got := mustSearch(t, Parser{Analyzer: &a}.Parse(query), []View{{Part: part}}, SearchOptions{}); len(got) != want {
				t.Errorf("%T, %s: %v", part, query, got)
			}
		}
	}
}
