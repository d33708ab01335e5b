package report

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/lodedb/lode"
)

type sample struct {
	Head
	More int `json:"more"`
}

func TestFigureInTables(t *testing.T) {
	yes, no := true, false
	for _, f := range []struct {
		is             Figure
		asked, verdict string
	}{
		{Figure{Target: ">= 0.47000000000000003", Met: &yes}, ">= 0.47", "yes"},
		{Figure{Target: "<= 200 ms", Met: &no}, "<= 200 ms", "**no**"},
		{Figure{}, "", ""},
	} {
		if f.is.Asked() != f.asked || f.is.Verdict() != f.verdict {
			t.Errorf("%+v: asked %q, %q", f.is, f.is.Asked(), f.is.Verdict())
		}
	}
}

func TestFiles(t *testing.T) {
	r := &sample{Head: Head{Name: "x", Machine: ThisMachine()}, More: 7}
	r.Add("length", 3, "m")
	r.Demand("speed", 3, "m/s", ">=", 4)
	r.Demand("size", 3, "m", "<=", 4)
	r.Demand("weight", 5, "kg", "<=", 4)
	dir := filepath.Join(t.TempDir(), "sub")
	for _, name := range []string{"b-x.json", "a-x.json"} {
		if err := Write(filepath.Join(dir, name), r); err != nil {
			t.Fatal(err)
		}
		r.Name = "later"
	}
	back, err := ReadAll[sample](dir, "*-x.json")
	if err != nil || len(back) != 2 || back[0].Name != "later" || back[1].Name != "x" {
		t.Fatalf("%+v %v", back, err)
	}
	got := back[1]
	missed := got.Missed()
	if got.More != 7 || got.Machine.Cores == 0 || len(got.Figures) != 4 || got.Figures[0].Met != nil || got.Figures[2].Target != "<= 4 m" {
		t.Errorf("%+v", got)
	}
	if len(missed) != 2 || missed[0].Name != "speed" || missed[1].Name != "weight" {
		t.Errorf("missed: %+v", missed)
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 2 {
		t.Errorf("%v %v: something else was left", names, err)
	}
}

func TestHalfAReport(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x.json"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := ReadAll[sample](dir, "*.json")
	var coded *lode.Error
	if !errors.As(err, &coded) || coded.Code != lode.CodeMalformed || coded.Field != "report" {
		t.Errorf("half a report is read: %v", err)
	}
	if _, err := Read[sample](filepath.Join(dir, "absent.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an absent report: %v", err)
	}
}

func TestMedian(t *testing.T) {
	values := []float64{3, 1, 2}
	if Median(values) != 2 || Median([]float64{4, 1, 2, 3}) != 2.5 || Median(nil) != 0 || !slices.Equal(values, []float64{3, 1, 2}) {
		t.Error("median")
	}
}
