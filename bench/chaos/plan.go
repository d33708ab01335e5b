package chaos

import "math/rand/v2"

// Points is how many faults of each action a plan holds.
type Points map[Action]int

// usual is how often the busiest thread makes a call, by base, within the time of a case on
// a slow machine. A fault beyond that may not come, and is then tried earlier.
var usual = map[string]map[string]int{
	Fresh: {"write": 60, "pwrite64": 250, "fdatasync": 80, "fsync": 60, "rename": 10, "unlink": 3, "ftruncate": 3},
	Used:  {"write": 60, "pwrite64": 250, "fdatasync": 120, "fsync": 50, "rename": 6, "unlink": 2, "ftruncate": 1},
}

// failing are the calls that errors are injected into. Not write: a node also writes to
// sockets and to its parsers by it, where an error is none of the disk. What it writes to
// the disk by it fails when a file system is full.
var failing = map[Action][]string{
	Kill: Syscalls,
	EIO:  {"pwrite64", "fdatasync", "fsync", "rename", "unlink", "ftruncate"},
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
			if i/len(kinds)%3 == 2 {
				base = Fresh
			}
			own := seed*CasesPerSeed + uint64(len(plan)%CasesPerSeed)
			plan = append(plan, Case{own, base, Fault{action, call, draw(random, usual[base][call])}})
		}
	}
	return plan
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
