package ann

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/report"
)

// Options are the settings of a run. The zero value of a field is its default.
type Options struct {
	Name, Title string
	Command     string // the command line that repeats the run
	Commit      string
	Seed        uint64
	Data        DataOptions

	Engines []Command // programs that speak the protocol
	Only    []string  // engines, or engine/configuration; the default is all
	Skipped []Skip    // what could not even be installed
	// Builds are the numbers of threads that indexes are built with. The first builds what is
	// searched, of the engines in BuildAlone; the others are built with as many as there are
	// CPUs. The rest are for Lode's default alone. The default is 1.
	Builds     []int
	BuildAlone []string

	K              int // the default is 10
	EF             []int
	M              int           // the default is 16
	EFConstruction int           // the default is 200
	Rounds         int           // the default is 5
	MinRound       time.Duration // CPU time of one measurement, about; the default is 0.1 s
	Recalls        []float64     // the default is 0.90, 0.95, 0.99
	Threads        []int         // of concurrent searches; the default is all CPUs
	Quick          bool          // one short round on few rows: for trying things out
	Log            *Log
}

// DefaultEF is the sweep when none is given. It ends for each engine where the largest
// recall asked for is passed.
var DefaultEF = []int{10, 12, 14, 17, 20, 24, 28, 34, 40, 48, 57, 68, 80, 96, 114, 136, 160, 192, 226, 270, 320, 400, 500, 640, 800}

// busyShare is the share of a CPU below which a run is not to be trusted.
const busyShare = 0.95

// ensureDefaults fills what was left out.
func (o *Options) ensureDefaults() {
	o.K, o.M, o.EFConstruction = cmp.Or(o.K, 10), cmp.Or(o.M, 16), cmp.Or(o.EFConstruction, 200)
	if o.Quick {
		o.Rounds, o.MinRound = cmp.Or(o.Rounds, 3), cmp.Or(o.MinRound, 10*time.Millisecond)
		o.Data.Rows, o.Data.MaxQueries = cmp.Or(o.Data.Rows, 10_000), cmp.Or(o.Data.MaxQueries, 200)
	}
	o.Rounds, o.MinRound = cmp.Or(o.Rounds, 5), cmp.Or(o.MinRound, 100*time.Millisecond)
	if len(o.EF) == 0 {
		o.EF = DefaultEF
	}
	if len(o.Recalls) == 0 {
		o.Recalls = []float64{0.90, 0.95, 0.99}
	}
	if len(o.Builds) == 0 {
		o.Builds = []int{1}
	}
}

// Validate reports the first setting that cannot be used.
func (o *Options) validate() error {
	switch {
	case o.K < 1 || o.K > truthDepth:
		return lode.Invalid("k", o.K, "k must be 1 to %d", truthDepth)
	case o.M < 2 || o.M > 512:
		return lode.Invalid("m", o.M, "m must be 2 to 512")
	case o.EFConstruction < 1 || o.EFConstruction > 100_000:
		return lode.Invalid("ef-construction", o.EFConstruction, "ef-construction must be 1 to 100000")
	case o.Rounds < 1 || o.Rounds > 1000:
		return lode.Invalid("rounds", o.Rounds, "rounds must be 1 to 1000")
	}
	for _, ef := range o.EF {
		if ef < 1 || ef > 1_000_000 {
			return lode.Invalid("ef", ef, "ef must be 1 to 1000000")
		}
	}
	for _, recall := range o.Recalls {
		if !(recall > 0 && recall <= 1) {
			return lode.Invalid("recall", recall, "a recall is above 0, at most 1")
		}
	}
	for _, threads := range slices.Concat(o.Builds, o.Threads) {
		if threads < 1 || threads > 1024 {
			return lode.Invalid("threads", threads, "threads must be 1 to 1024")
		}
	}
	return nil
}

// Run measures all engines on one data set.
func Run(ctx context.Context, o Options) (report *Report, err error) {
	o.ensureDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	cpus, err := availableCPUs()
	if err != nil {
		return nil, err
	}
	o.Log.Line("reading %s", o.Data.Dataset)
	data, err := Load(ctx, o.Data, o.Log)
	if err != nil {
		return nil, err
	}
	if data.Truth.K < o.K {
		return nil, lode.Invalid("k", o.K, "the neighbours of %s are known to place %d only", data.Name, data.Truth.K)
	}
	o.Log.Line("%s", data.About)
	if len(o.Threads) == 0 && len(cpus) > 1 {
		o.Threads = []int{len(cpus)}
	}
	defer func() { err = errors.Join(err, data.removeFiles()) }()
	run := &run{Options: o, ctx: ctx, data: data, cpus: cpus, report: o.newReport(data, cpus)}
	defer run.close()
	if err := run.measure(); err != nil {
		return nil, err
	}
	run.report.addFigures()
	if share := run.report.share(); share > 0 && share < busyShare {
		o.Log.Line("THE MACHINE IS BUSY: searches got %.0f %% of their CPU; do not quote these figures", 100*share)
	}
	return run.report, nil
}

func (o *Options) newReport(data *Dataset, cpus []int) *Report {
	slices.Sort(o.EF)
	slices.Sort(o.Recalls)
	title := "Nearest neighbours: " + data.Name
	if o.Data.Rows > 0 {
		title += fmt.Sprintf(", %d rows", data.Base.Rows)
	}
	return &Report{
		Head: report.Head{
			Name: cmp.Or(o.Name, "ann-"+data.Name), Title: cmp.Or(o.Title, title),
			Command: o.Command, Commit: o.Commit, Seed: o.Seed, Machine: report.ThisMachine(),
			Date: time.Now().UTC().Truncate(time.Second), Data: data.About.String(),
		},
		Dataset: data.About,
		Params: Params{
			K: o.K, M: o.M, EFConstruction: o.EFConstruction, Rounds: o.Rounds, Recalls: o.Recalls,
			Threads: o.Threads, CPU: cpus[len(cpus)-1], Quick: o.Quick,
		},
	}
}

// run is one run under way.
type run struct {
	Options
	ctx     context.Context // of the one call that this value lives in
	data    *Dataset
	cpus    []int
	report  *Report
	engines []*engine
}

func (r *run) close() {
	for _, e := range r.engines {
		e.close()
	}
}

// pinned are the CPUs for a number of threads, from the last: the first CPU has most of
// the machine's other work.
func (r *run) pinned(threads int) []int {
	return r.cpus[max(len(r.cpus)-threads, 0):]
}

func (r *run) measure() error {
	for _, s := range r.Skipped {
		r.skip(s.Name, errors.New(s.Reason))
	}
	for _, c := range r.Engines {
		r.enlist(c)
	}
	for _, e := range r.engines {
		r.attempt(e, "build", r.build)
	}
	for _, e := range r.engines {
		r.attempt(e, "find the sweep", r.calibrate)
	}
	r.rounds()
	for _, e := range r.engines {
		r.attempt(e, "search concurrently", r.concurrent)
	}
	for _, e := range r.engines {
		if e.peer != nil {
			r.report.Engines = append(r.report.Engines, e.finish(r.Recalls))
		}
	}
	if err := r.ctx.Err(); err != nil {
		return lode.Errorf(lode.CodeCanceled, "benchmark: %w", err)
	}
	if len(r.report.Engines) == 0 {
		return lode.Invalid("engines", strings.Join(r.Only, ","), "no engine was measured")
	}
	return nil
}

// enlist asks a program for its configurations and keeps those that were asked for.
func (r *run) enlist(c Command) {
	peer, err := StartPeer(r.ctx, c, r.pinned(1))
	if err != nil {
		r.skip(c.Name, err)
		return
	}
	defer peer.Close()
	for _, config := range peer.Hello.Configs {
		result := &Result{
			Engine: peer.Hello.Name, Config: config.Name, Version: peer.Hello.Version,
			Exact: config.Exact, About: strings.Join(slices.DeleteFunc([]string{peer.Hello.About, config.About}, isEmpty), "; "),
		}
		switch {
		case !r.wanted(result):
		case config.MaxRows > 0 && r.data.Base.Rows > config.MaxRows:
			r.skip(result.Name(), fmt.Errorf("it is for %d rows at most, here are %d", config.MaxRows, r.data.Base.Rows))
		default:
			r.engines = append(r.engines, &engine{command: c, config: config, result: result})
		}
	}
}

func isEmpty(s string) bool { return s == "" }

// wanted matches a result against Only: an engine's name, or engine/configuration.
func (r *run) wanted(result *Result) bool {
	return len(r.Only) == 0 || slices.Contains(r.Only, result.Engine) || slices.Contains(r.Only, result.Name())
}

// skip reports an engine that is not measured, at once and in the report.
func (r *run) skip(name string, err error) {
	r.report.Skipped = append(r.report.Skipped, Skip{Name: name, Reason: publicReason(err.Error())})
	r.Log.Line("SKIPPED %s: %v", name, err)
}

var folders = regexp.MustCompile(`(/[\w.@+-]+)+/`)

// publicReason makes one line of an error, whose folders are of no use elsewhere: an
// engine's last words may be many lines, with paths of this machine.
func publicReason(reason string) string {
	return lode.CutValue(folders.ReplaceAllString(strings.Join(strings.Fields(reason), " "), ""))
}

// attempt does one step of one engine. An engine that fails is out of the run; the others
// go on.
func (r *run) attempt(e *engine, step string, f func(*engine) error) {
	if e.failed || r.ctx.Err() != nil {
		return
	}
	if err := f(e); err != nil {
		e.close()
		e.failed = true
		if r.ctx.Err() == nil {
			r.skip(e.result.Name(), fmt.Errorf("%s: %w", step, err))
		}
	}
}
