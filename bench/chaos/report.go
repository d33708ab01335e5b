package chaos

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lodedb/lode/bench"
	"github.com/lodedb/lode/internal/report"
)

// NewReport sums up outcomes of one commit. Those of the negative control are counted by
// themselves.
func NewReport(command, commit string, seed uint64, outcomes []*Outcome) *bench.Report {
	r := bench.NewReport("one-node", "Faults of one node", bench.Options{Command: command, Commit: commit, Seed: seed})
	var t totals
	for _, o := range outcomes {
		t.add(o)
	}
	t.figures(r)
	return r
}

// totals are sums over outcomes.
type totals struct {
	points                        map[string]int // by kind of fault, those that came
	ends                          map[string]int // of I/O errors and full disks
	verdicts                      map[Verdict]int
	placed                        map[string]int // kills and errors, by where they hit
	sealed, graphs                int
	unfinished, builds            int
	slowestEnd                    time.Duration
	acked, panics, problems       int
	ready                         []time.Duration
	controls, caught, controlLost int
	bad                           []*Outcome
	cases                         []string // a line each
}

func (t *totals) add(o *Outcome) {
	if t.points == nil {
		t.points, t.ends, t.verdicts, t.placed = map[string]int{}, map[string]int{}, map[Verdict]int{}, map[string]int{}
	}
	words := strings.Fields(o.Case)
	if len(words) < 3 || o.End == EndMissed && o.Good() {
		return
	}
	t.cases = append(t.cases, fmt.Sprintf("%s: %s, %d acknowledged, ready after %d ms", o.Case, o.End, o.Acked, o.Ready.Milliseconds()))
	lost := 0
	for _, f := range o.Findings {
		if f.Verdict == Lost {
			lost++
		}
	}
	kind := words[1]
	if kind == "control" {
		t.controls++
		t.controlLost += lost
		if lost > 0 {
			t.caught++
		}
		return
	}
	if kind == "fulldisk" || kind == "frozen" {
		t.ends[kind+" "+o.End]++
	} else if kind != "power" {
		kind = words[2]
		t.ends[kind+" "+o.End]++
		t.addPlace(kind, words[3], o)
	}
	t.sealed += o.Sealed
	t.graphs += o.Graphs
	t.unfinished += o.Unfinished
	t.slowestEnd = max(t.slowestEnd, o.Ended)
	t.points[kind]++
	t.acked += o.Acked
	t.ready = append(t.ready, o.Ready)
	t.problems += len(o.Problems)
	if o.Panicked {
		t.panics++
	}
	for _, f := range o.Findings {
		t.verdicts[f.Verdict]++
	}
	if !o.Good() {
		t.bad = append(t.bad, o)
	}
}

func (t *totals) addPlace(kind, call string, o *Outcome) {
	if call == Build {
		t.builds++
	}
	if kind == string(Kill) || kind == string(EIO) {
		t.placed[place(o.Call)]++
	}
}

func (t *totals) figures(to *bench.Report) {
	r := figures{to}
	r.atLeast("kill points", t.points[string(Kill)], 300)
	r.count("... of these, during the build of a sealed segment, by its n-th event", t.builds)
	r.atLeast("I/O error points", t.points[string(EIO)], 100)
	r.count("... of these, the node ended with the reason", t.ends[string(EIO)+" "+EndExited])
	r.count("... of these, the node went on", t.ends[string(EIO)+" "+EndWentOn])
	for _, p := range places {
		r.count("kill and I/O error points in "+p, t.placed[p])
	}
	r.count("points where writes begin to fail with ENOSPC", t.points[string(Full)])
	r.count("... of these, the node ended with the reason", t.ends[string(Full)+" "+EndExited])
	r.count("... of these, the node went on", t.ends[string(Full)+" "+EndWentOn])
	r.count("file systems filled from outside", t.points["fulldisk"])
	r.count("... of these, the node ended with the reason", t.ends["fulldisk "+EndExited])
	r.count("... of these, the node refused writes and went on", t.ends["fulldisk "+EndWentOn])
	r.count("slow disks, all syncs 0.2 s late", t.points[string(Slow)])
	r.count("single calls that hang", t.points[string(Hang)])
	r.count("... of these, the node ended with the reason", t.ends[string(Hang)+" "+EndExited])
	r.count("disks that hang in the kernel", t.points["frozen"])
	r.count("... of these, the node ended with the reason", t.ends["frozen "+EndExited])
	r.atLeast("power-cut images", t.points["power"], 50)
	r.count("acknowledged writes compared, summed over cases that share folders", t.acked)
	r.count("sealed segments in the folders that were started again, summed", t.sealed)
	r.count("graphs of sealed segments in these folders, summed", t.graphs)
	r.count("unfinished builds found by a start", t.unfinished)
	for _, v := range []Verdict{Lost, Doubled, Resurrected} {
		r.zero(string(v), t.verdicts[v])
	}
	r.zero("damaged or breaches found by check", t.verdicts[Damaged])
	r.zero("silent ends, nodes that neither served nor ended, failed or slow restarts", t.problems)
	r.count("ends by a panic that names the reason", t.panics)
	if len(t.ready) > 0 {
		slices.Sort(t.ready)
		slowest := t.ready[len(t.ready)-1]
		r.Add("median time until ready after a fault", t.ready[len(t.ready)/2].Round(time.Millisecond).Seconds(), "s")
		r.Demand("longest time until ready after a fault", slowest.Round(time.Millisecond).Seconds(), "s", "<=", ReadyLimit.Seconds())
	}
	r.Add("longest time from a failed call to the end of the node", t.slowestEnd.Round(time.Millisecond).Seconds(), "s")
	r.count("negative control: images of a node whose syncs do nothing", t.controls)
	r.atLeast("... of these, seen to have lost writes", t.caught, 1)
	r.count("... writes seen lost in them", t.controlLost)
	r.Raw["ends"], r.Raw["broken"], r.Raw["cases"] = t.ends, t.bad, t.cases
}

// figures adds to a report.
type figures struct{ *bench.Report }

func (r figures) count(name string, n int) { r.Add(name, float64(n), "") }

func (r figures) atLeast(name string, n, least int) {
	r.Demand(name, float64(n), "", ">=", float64(least))
}

func (r figures) zero(name string, n int) {
	met := n == 0
	r.Figures = append(r.Figures, report.Figure{Name: name, Value: float64(n), Target: "0", Met: &met})
}
