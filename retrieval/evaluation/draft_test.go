package evaluation

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lodedb/lode"
)

// library makes passages of sentences of made-up words, three a document. Words are drawn so that
// some are frequent and most are rare, as in texts.
func library(random *rand.Rand, documents int) []DraftChunk {
	word := func() string {
		n := int(math.Exp(random.Float64() * math.Log(float64(200*documents))))
		return fmt.Sprintf("w%c%d", 'a'+n%26, n)
	}
	var chunks []DraftChunk
	for d := range documents {
		start := 0
		for range 3 {
			var text strings.Builder
			for range 4 {
				for i := range 8 + random.IntN(8) {
					if i > 0 {
						text.WriteByte(' ')
					}
					text.WriteString(word())
				}
				text.WriteString(". ")
			}
			s := strings.TrimSpace(text.String())
			id := lode.DocID(fmt.Sprint("doc", d))
			chunks = append(chunks, DraftChunk{Document: id, Bronze: lode.HashOf([]byte(id)), Title: "title of " + string(id), Text: s, Span: lode.Span{Start: start, End: start + len(s)}})
			start += len(s) + 2
		}
	}
	return chunks
}

func textOf(t *testing.T, chunks []DraftChunk, s *Span) string {
	t.Helper()
	for i := range chunks {
		c := &chunks[i]
		if c.Bronze == s.Bronze && c.Span.Start <= s.Start && s.End <= c.Span.End {
			return c.Text[s.Start-c.Span.Start : s.End-c.Span.Start]
		}
	}
	t.Fatalf("span %+v is in no passage", s)
	return ""
}

func TestDraft(t *testing.T) {
	seed := rand.Uint64()
	chunks := library(rand.New(rand.NewPCG(seed, 0)), 40)
	set, fidelity, err := Draft(t.Context(), chunks, DraftOptions{Questions: 80, Seed: 7})
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	if len(set.Questions) < 60 || fidelity.Questions != len(set.Questions) || fidelity.Documents < 35 {
		t.Errorf("seed %d: %d questions, %+v", seed, len(set.Questions), fidelity)
	}
	texts := indexTexts(chunks)
	for _, q := range set.Questions {
		span := textOf(t, chunks, &q.Spans[0])
		template, _, _ := strings.Cut(q.ID, "-")
		in := distinct(span)
		for _, w := range distinct(q.Query) {
			if template != "heading" && !slices.Contains(in, w) {
				t.Errorf("seed %d: %s asks for %q, which is not in its span %q", seed, q.ID, w, span)
			}
		}
		for _, w := range distinct(q.Answer) {
			if slices.Contains(distinct(q.Query), w) || !slices.Contains(in, w) {
				t.Errorf("seed %d: %s answers %q", seed, q.ID, w)
			}
		}
		at := slices.IndexFunc(chunks, func(c DraftChunk) bool {
			return c.Bronze == q.Spans[0].Bronze && c.Span.Start <= q.Spans[0].Start && q.Spans[0].End <= c.Span.End
		})
		if own, rival := texts.shares(at, q.Query); rival > own-ahead {
			t.Errorf("seed %d: another passage has %.2f of %s, its own %.2f", seed, rival, q.ID, own)
		}
	}
	for _, template := range Templates() {
		if fidelity.Templates[template].Questions == 0 {
			t.Errorf("seed %d: no question by %s", seed, template)
		}
	}
	if w := fidelity.Templates; w[TemplateHeading].Overlap >= w[TemplateKeywords].Overlap {
		t.Errorf("seed %d: a heading is not in the text, its words are", seed)
	}
	again, fidelity2, err := Draft(t.Context(), chunks, DraftOptions{Questions: 80, Seed: 7})
	if err != nil || !reflect.DeepEqual(set, again) || !reflect.DeepEqual(fidelity, fidelity2) {
		t.Errorf("seed %d: the same texts and seed give another set: %v", seed, err)
	}
	other, _, err := Draft(t.Context(), chunks, DraftOptions{Questions: 80, Seed: 8})
	if err != nil || reflect.DeepEqual(set, other) {
		t.Errorf("seed %d: another seed gives the same set: %v", seed, err)
	}
}

// TestDraftRejects plants what no question may be made of.
func TestDraftRejects(t *testing.T) {
	seed := rand.Uint64()
	chunks := library(rand.New(rand.NewPCG(seed, 0)), 20)
	add := func(id, text string) {
		chunks = append(chunks, DraftChunk{Document: lode.DocID(id), Bronze: lode.HashOf([]byte(id)), Text: text, Span: lode.Span{End: len(text)}})
	}
	twin := "Anchovies migrate towards brackish estuaries whenever plankton blooms collapse under relentless monsoon winds and turbid outflow. "
	twin += "Fishermen abandon their customary gillnets, preferring weighted longlines baited with squid because currents scatter floats. "
	add("twin1", twin)
	add("twin2", twin+"Really.")
	add("person", "Please contact Brunhilde Wintergarten at brunhilde.wintergarten@example.org regarding invoices, reimbursements or misplaced parcels.")
	add("phone", "Quarterly complaints should telephone Theophilus Quackenbush +49 (171) 555-01-99 between breakfast and elevenses please.")
	add("short", "Too short.")
	set, fidelity, err := Draft(t.Context(), chunks, DraftOptions{Questions: 1000, Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range set.Questions {
		for _, id := range []string{"twin1", "twin2", "person", "phone", "short"} {
			if q.Spans[0].Document == lode.DocID(id) {
				t.Errorf("seed %d: a question of %s: %q", seed, id, q.Query)
			}
		}
	}
	for _, why := range []Rejection{RejectDuplicate, RejectPersonal, RejectShort} {
		if fidelity.Rejected[why] == 0 {
			t.Errorf("seed %d: nothing was rejected as %s: %v", seed, why, fidelity.Rejected)
		}
	}
	if fidelity.Rejected[RejectDuplicate] != 2 || fidelity.Rejected[RejectPersonal] != 2 {
		t.Errorf("seed %d: %v", seed, fidelity.Rejected)
	}
	if _, _, err := Draft(t.Context(), chunks[len(chunks)-1:], DraftOptions{}); !lode.IsCode(err, lode.CodeNoText) {
		t.Errorf("of nothing: %v", err)
	}
	if _, _, err := Draft(t.Context(), chunks, DraftOptions{Templates: []Template{"poem"}}); !lode.IsCode(err, lode.CodeInvalid) {
		t.Errorf("an unknown template: %v", err)
	}
}

// TestAmbiguous: a question that another passage answers as well is not kept, and one that it nearly
// does is flagged.
func TestAmbiguous(t *testing.T) {
	chunks := []DraftChunk{{Document: "a", Text: "copper zinc tin lead iron"}, {Document: "b", Text: "copper zinc tin lead gold"}, {Document: "c", Text: "copper only"}, {Document: "d", Text: "nothing"}}
	x := indexTexts(chunks)
	if _, r := x.shares(0, "copper zinc tin"); r != 1 {
		t.Errorf("all words are in another passage: %v", r)
	}
	if own, r := x.shares(0, "iron"); r != 0 || own != 1 {
		t.Errorf("no word is in another passage: %v", r)
	}
	if _, r := x.shares(0, "zinc iron"); math.Abs(r-1./3) > 1e-12 { // zinc is half as rare: log 2 of log 2 + log 4
		t.Errorf("half of it is: %v", r)
	}
}

func TestPersonal(t *testing.T) {
	for _, s := range []string{"write to a.b@example.org", "me@localhost", "call 0171 5550199", "+49 (171) 555-01-99", "card 4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00"} {
		if !personal(s) {
			t.Errorf("%q is not seen", s)
		}
	}
	for _, s := range []string{"in 2021 the Skua", "34 knots, 2.5 metres", "23:15 on Fridays", "180 to 210 bar", "version 1.2.3", "top 10 of 200"} {
		if personal(s) {
			t.Errorf("%q is no person", s)
		}
	}
}

func TestSentences(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		var got []string
		for _, s := range sentences(text) {
			if text[s.span.Start:s.span.End] != s.text {
				t.Errorf("span %v of %q is %q", s.span, text, s.text)
			}
			got = append(got, s.text)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q", text, got)
		}
	}
	f("One two. Three?  Four", "One two.", "Three?", "Four")
	f("at 2.5 metres\nand on", "at 2.5 metres\nand on")
	f("Title\n\nText", "Title", "Text")
	f("a:\n- one\n- two\n1. three", "a:", "- one", "- two", "1. three")
	f("長い文章です。次の文章。", "長い文章です。", "次の文章。")
	f("")
	f("bad \xff byte. Good", "bad \xff byte.", "Good")
}

func FuzzSentences(f *testing.F) {
	f.Add("One. Two\n\n- three")
	f.Fuzz(func(t *testing.T, text string) {
		end := 0
		for _, s := range sentences(text) {
			if s.span.Start < end || s.span.End > len(text) || text[s.span.Start:s.span.End] != s.text {
				t.Fatalf("span %v", s.span)
			}
			end = s.span.End
		}
	})
}

func TestKendallTau(t *testing.T) {
	f := func(want float64, a, b []float64) {
		t.Helper()
		if got := KendallTau(a, b); math.Abs(got-want) > 1e-12 {
			t.Errorf("tau of %v and %v is %v, want %v", a, b, got, want)
		}
	}
	f(1, []float64{1, 2, 3, 4}, []float64{10, 20, 30, 40})
	f(-1, []float64{1, 2, 3, 4}, []float64{4, 3, 2, 1})
	f(4./6, []float64{1, 2, 3, 4}, []float64{1, 2, 4, 3})
	f(2/math.Sqrt(2*3), []float64{1, 1, 2}, []float64{1, 2, 3}) // a tie in one
	f(0, []float64{1, 1, 1}, []float64{1, 2, 3})
	f(0, nil, nil)
}

func TestFromFeedback(t *testing.T) {
	at := func(minute int) time.Time { return time.Unix(int64(60*minute), 0) }
	span := func(start, grade int) Span { return Span{Document: "d", Start: start, End: start + 10, Grade: grade} }
	set := FromFeedback([]Judgement{
		{Query: "a", Span: span(0, 0), At: at(3)}, // the latest, though the first in the list
		{Query: "a", Span: span(0, 2), At: at(1), Answer: "early"},
		{Query: "a", Span: span(20, 1), At: at(2), Answer: "late"},
		{Query: "b", Span: span(0, 0), At: at(1)},
	})
	if len(set.Questions) != 1 {
		t.Fatalf("%+v", set)
	}
	q := set.Questions[0]
	if q.Query != "a" || q.Answer != "late" || !slices.Equal(q.Spans, []Span{span(20, 1), span(0, 0)}) || set.Validate() != nil {
		t.Errorf("%+v", q)
	}
	if empty := FromFeedback(nil); len(empty.Questions) != 0 {
		t.Errorf("%+v", empty)
	}
}
