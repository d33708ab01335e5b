package chaos

import (
	"math/rand/v2"
	"slices"
)

// Points is how many faults of each action a plan holds.
type Points map[Action]int

// usual is how often the busiest thread makes a call, by base, within the time of a case on
// a slow machine, when segments are small. A fault beyond that may not come, and is then tried
// earlier. Builds count the events of the process.
var usual = map[string]map[string]int{
	Fresh: {"write": 120, "pwrite64": 200, "fdatasync": 40, "fsync": 120, "rename": 15, "unlink": 20, "ftruncate": 3},
	Used:  {"write": 250, "pwrite64": 400, "fdatasync": 80, "fsync": 250, "rename": 40, "unlink": 30, "ftruncate": 4, Build: 90},
}

// seldom is the same with default settings, where it differs: few flushes and no seals.
var seldom = map[string]int{"fdatasync": 6, "unlink": 6, "ftruncate": 2}

// failing are the calls that each action meets. A node also writes to sockets and to its
// parsers by write, where an error is none of the disk; those cases have no documents, and
// one that fails an answer to a client has missed (see [Case]).
var failing = map[Action][]string{
	Kill: append(slices.Clone(Syscalls), Build),
	EIO:  {"pwrite64", "fdatasync", "fsync", "rename", "unlink", "ftruncate", "write"},
	Full: {"pwrite64", "ftruncate"},
	Slow: {"sync"},
	Hang: {"fdatasync", "fsync"},
}

// CasesPerSeed is how many cases of a plan have seeds of their own.
const CasesPerSeed = 1000

// Plan draws cases that reach every call on both bases. The same seed gives the same plan.
func Plan(seed uint64, points Points) []Case {
	random := rand.New(rand.NewPCG(seed, 0))
	var plan []Case
	for _, action := range []Action{Kill, EIO, Full, Slow, Hang} {
		kinds := failing[action]
		for i := range points[action] {
			call, base := kinds[i%len(kinds)], Used
			if i/len(kinds)%3 == 2 && call != Build {
				base = Fresh
			}
			own := seed*CasesPerSeed + uint64(len(plan)%CasesPerSeed)
			c := Case{own, base, Fault{action, call, 0}}
			c.Fault.When = draw(random, c.usual())
			plan = append(plan, c)
		}
	}
	return plan
}

// usual is how often the call of a case comes.
func (c Case) usual() int {
	n := usual[c.Base][c.Fault.Call]
	if few, known := seldom[c.Fault.Call]; known && c.settings() == nil {
		n = min(n, few)
	}
	return n
}

// draw returns a number up to most; small ones, which are starts and rare calls, come more
// often than their share.
func draw(random *rand.Rand, most int) int {
	if most <= 1 {
		return 1
	}
	if random.IntN(2) == 0 {
		most = min(most, 12)
	}
	return 1 + random.IntN(most)
}

// Earlier returns the case to try when the fault of c did not come, and false when there is
// none.
func (c Case) Earlier() (Case, bool) {
	if c.Fault.When == 1 {
		return c, false
	}
	c.Fault.When = (c.Fault.When + 1) / 2
	return c, true
}
