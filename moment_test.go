package lode_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/lodedb/lode"
)

func TestPeriod(t *testing.T) {
	for said, want := range map[string]time.Duration{
		"7d": 7 * 24 * time.Hour, "0": 0, "0d": 0, "36h": 36 * time.Hour, "90m": 90 * time.Minute, "1h30m": 90 * time.Minute, "24h": 24 * time.Hour,
	} {
		p, err := lode.ParsePeriod(said)
		if err != nil || time.Duration(p) != want {
			t.Errorf("%s is %s: %v", said, p, err)
		}
		again, err := lode.ParsePeriod(p.String())
		if err != nil || again != p {
			t.Errorf("%s is written %s, which is %s: %v", said, p, again, err)
		}
	}
	for _, said := range []string{"", "d", "7", "-7d", "-1h", "1.5d", "99999999d", "7 d", "week"} {
		if p, err := lode.ParsePeriod(said); !lode.IsCode(err, lode.CodeInvalid) {
			t.Errorf("%q is %s: %v", said, p, err)
		}
	}
	var p struct{ History lode.Period }
	if err := json.Unmarshal([]byte(`{"History":"48h"}`), &p); err != nil || p.History.String() != "2d" {
		t.Errorf("%s: %v", p.History, err)
	}
	if b, err := json.Marshal(p); err != nil || string(b) != `{"History":"2d"}` {
		t.Errorf("%s: %v", b, err)
	}
}

// TestBeginHistory: a history begins when it is switched on, and not again when it changes.
func TestBeginHistory(t *testing.T) {
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tune := func(was lode.Tuning, history time.Duration, at time.Time) lode.Tuning {
		t.Helper()
		p := lode.Period(history)
		is, err := (&lode.TuningChange{History: &p}).Apply(was, at)
		if err != nil {
			t.Fatal(err)
		}
		return is
	}
	is := tune(lode.Tuning{}, time.Hour, begin)
	is = tune(is, 2*time.Hour, begin.Add(time.Hour))
	if is.HistoryFrom == nil || !is.HistoryFrom.Equal(begin) {
		t.Errorf("it begins at %v", is.HistoryFrom)
	}
	off := tune(is, 0, begin)
	if off.HistoryFrom != nil {
		t.Error("there is one that was switched off")
	}
	again := tune(off, time.Hour, begin.Add(time.Minute))
	if again.HistoryFrom == nil || !again.HistoryFrom.Equal(begin.Add(time.Minute)) {
		t.Errorf("it begins again at %v", again.HistoryFrom)
	}
}
