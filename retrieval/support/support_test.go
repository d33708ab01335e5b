package support_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/retrieval/support"
)

var ferry = []support.Source{
	{Number: 1, Text: "The ferry Aurora leaves Turku at 8.15 every morning. It carries 320 passengers. Bicycles travel free of charge, but dogs are not allowed in the cafe."},
	{Number: 2, Text: "The harbour was rebuilt in 1987 by Helga Lind. The crane lifts 40 tonnes."},
}

func check(t *testing.T, answer string) *support.Report {
	t.Helper()
	r, err := support.Check(answer, ferry)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestVerdicts(t *testing.T) {
	for answer, want := range map[string]support.Verdict{
		"The Aurora carries 320 passengers and leaves Turku every morning [1].": support.Supported,
		"The Aurora carries 230 passengers and leaves Turku every morning [1].": support.Unsupported, // a wrong number
		"The Aurora carries 320 passengers and leaves Turku every morning [2].": support.Unsupported, // another source
		"The harbour was rebuilt in 1987 by Greta Holm [2].":                    support.Weak,
		"In 1987 the harbour was rebuilt by Helga Holm [2].":                    support.Weak, // a wrong name
		"Dogs are allowed in the cafe [1].":                                     support.Weak, // turned around
		"Dogs are not allowed in the cafe [1].":                                 support.Supported,
		"The Aurora carries 320 passengers.":                                    support.Uncited,
		"Here is what it was: [1]":                                              support.NoClaim,
		"Penguins breed on remote islands and hunt squid [1].":                  support.Unsupported,
	} {
		r := check(t, answer)
		if len(r.Sentences) != 1 || r.Sentences[0].Verdict != want {
			t.Errorf("%s: %+v, want %s", answer, r.Sentences, want)
		}
	}
}

func TestSentence(t *testing.T) {
	answer := "The crane lifts 45 tonnes. [2][7] Bicycles travel free of charge [1]!\n- Helga Lind rebuilt the harbour [2, 1]"
	r := check(t, answer)
	if len(r.Sentences) != 3 || r.Claims != 3 || r.Supported != 2 || r.Unused != nil {
		t.Fatalf("%+v", r)
	}
	crane := r.Sentences[0]
	if written := answer[crane.Span.Start:crane.Span.End]; written != "The crane lifts 45 tonnes. [2][7]" {
		t.Errorf("the sentence is %q", written)
	}
	if !slices.Equal(crane.Cites, []int{2}) || !slices.Equal(crane.Unknown, []int{7}) || !slices.Equal(crane.Missing, []string{"45"}) || crane.Source != 2 {
		t.Errorf("%+v", crane)
	}
	if place := ferry[1].Text[crane.Place.Start:crane.Place.End]; place != "The crane lifts 40 tonnes." {
		t.Errorf("the place is %q", place)
	}
	if helga := r.Sentences[2]; !slices.Equal(helga.Cites, []int{2, 1}) || helga.Source != 2 {
		t.Errorf("%+v", helga)
	}
	if unused := check(t, "The crane lifts 40 tonnes [2].").Unused; !slices.Equal(unused, []int{1}) {
		t.Errorf("unused %v", unused)
	}
}

func TestCheckRefuses(t *testing.T) {
	for name, f := range map[string]func() error{
		"answer": func() error {
			_, err := support.Check(strings.Repeat("a", support.MaxAnswerBytes+1), nil)
			return err
		},
		"utf-8": func() error { _, err := support.Check("\xff", nil); return err },
		"many":  func() error { _, err := support.Check("a", make([]support.Source, support.MaxSources+1)); return err },
		"twice": func() error { _, err := support.Check("a", []support.Source{{Number: 1}, {Number: 1}}); return err },
	} {
		if err := f(); !lode.IsCode(err, lode.CodeInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	r, err := support.Check("", nil)
	if err != nil || len(r.Sentences) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

// FuzzCheck holds spans to be in order and within, whatever is said.
func FuzzCheck(f *testing.F) {
	f.Add("The crane lifts 45 tonnes. [2][7] Bicycles!", "a. b. c.")
	f.Add("[1]", "")
	f.Add("\n[1] x [2]\n\n", "é")
	f.Fuzz(func(t *testing.T, answer, source string) {
		r, err := support.Check(answer, []support.Source{{Number: 1, Text: source}})
		if err != nil {
			return
		}
		last := 0
		for _, s := range r.Sentences {
			if s.Span.Start < last || s.Span.End <= s.Span.Start || s.Span.End > len(answer) || s.Score < 0 || s.Score > 1+1e-9 {
				t.Fatalf("%+v", s)
			}
			last = s.Span.End
			if s.Place.Start < 0 || s.Place.End > len(source) || (s.Source == 0) != (s.Score == 0) {
				t.Fatalf("%+v", s)
			}
		}
	})
}
