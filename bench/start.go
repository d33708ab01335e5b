package bench

import (
	"cmp"
	"context"
	"os"
	"time"

	"github.com/lodedb/lode/internal/report"
)

const (
	startRounds = 10
	idleFor     = 5 * time.Second
)

// Start measures a node on an empty folder: time until ready, memory when it has nothing
// to do, and the size of the program.
func Start(ctx context.Context, o Options) (*Report, error) {
	r := NewReport("start", "Start, idle memory, size", o)
	var ready, idle []float64
	for round := range cmp.Or(o.Limit, startRounds) {
		err := temporary(func(dir string) error {
			p, err := start(ctx, o.Binary, dir)
			if err != nil {
				return err
			}
			defer p.kill()
			ready = append(ready, p.ready.Seconds())
			if round > 2 {
				return nil // memory is alike in every round
			}
			time.Sleep(idleFor)
			resident, err := p.residentMB()
			idle = append(idle, resident)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	info, err := os.Stat(o.Binary)
	if err != nil {
		return nil, err
	}
	r.Demand("ready on an empty folder, median", report.Median(ready), "s", "<=", 0.5)
	r.Demand("resident when idle, median", report.Median(idle), "MB", "<=", 60)
	r.Add("size of the static program", float64(info.Size())/1e6, "MB")
	r.Raw["seconds until ready"], r.Raw["MB resident"] = ready, idle
	return r, nil
}
