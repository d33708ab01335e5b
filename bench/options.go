package bench

import (
	"io"
	"log/slog"
)

// Options are shared by all runs.
type Options struct {
	Command string    // the command line that repeats the run
	Commit  string    // of the program that is measured
	Seed    uint64    // of every random choice
	Data    string    // folder of the data
	Binary  string    // the program, for runs that start processes
	Limit   int       // bound on documents, queries, chunks or rounds; 0 is the run's own default
	Log     io.Writer // progress for people
	Logger  *slog.Logger
}
