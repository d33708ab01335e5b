package distance

import (
	"sync/atomic"

	"github.com/lodedb/lode"
	"github.com/viterin/vek/vek32"
)

// set is everything that was chosen for a CPU.
type set struct {
	name  string // what [Force] calls it
	shown string // what [Kernel] says
	pair  kernel
	batch [formats][2]batch // by format, then dot or squared distance
	walk  [formats][2]batch // the same kernels within a walk; nil means Go
	// shortest is the number of bytes that a row needs for batch; below, Go serves.
	shortest [formats]int
	// bitBlock is for how many bytes of a row the query's bit planes lie side by side.
	bitBlock int
	// hadamard transforms n numbers, a power of two, times signs; nil means Go.
	hadamard func(v, signs *float32, n int)
	// exact are sums in float64 of n rows, inner product and squared distance; divide takes
	// multiples of 4 numbers; nil means Go.
	exact  [2]func(dst *float64, x *float32, dim int, rows *byte, stride int, ids *uint32, n int)
	divide func(dst, v *float32, n int, by float64)
	// largest and round take multiples of 8 numbers; nil means Go.
	largest func(v *float32, n int) float32
	round   func(codes *int8, v *float32, n int, steps, step float32, sums *[32]uint32)
}

var pureSet = &set{name: "go", shown: "go", pair: pure, batch: batchesGo, bitBlock: 8}

// available are the sets that this CPU can run, slowest first; there is always one.
var available = append([]*set{pureSet}, assembly()...)

// active is chosen before main begins and changes only by [Force].
var active = func() *atomic.Pointer[set] {
	var p atomic.Pointer[set]
	p.Store(available[len(available)-1])
	return &p
}()

// withVek is the pair family for CPUs on which assembly may run.
func withVek() kernel {
	if vek32.Info().Acceleration {
		return kernel{name: "vek avx2", dot: vek32.Dot, l2Squared: vekL2Squared}
	}
	return pure // faster than vek's own fallback, which is one plain loop
}

// Kernel names the functions in use, such as "go" or "avx512+vnni+vpopcntdq, vek avx2".
func Kernel() string { return active.Load().shown }

// Sets names the sets that this CPU can run, slowest first. The first is "go".
func Sets() []string {
	names := make([]string, len(available))
	for i, s := range available {
		names[i] = s.name
	}
	return names
}

// Force makes the named set ("go", "avx2", "avx512") the one in use, for tests and for
// setting aside a set that misbehaves on some machine; "" goes back to the fastest. Call it
// before vectors are compared: a [Scorer] keeps the set that was in use when its query was
// set. A set that this CPU cannot run is an error of [lode.CodeInvalid].
func Force(name string) error {
	if name == "" {
		active.Store(available[len(available)-1])
		return nil
	}
	for _, s := range available {
		if s.name == name {
			active.Store(s)
			return nil
		}
	}
	return lode.Invalid("kernel", name, "this CPU cannot run these distance kernels").WithHint("it can run: " + join(Sets()))
}

func join(names []string) string {
	text := names[0]
	for _, n := range names[1:] {
		text += ", " + n
	}
	return text
}

// choose returns the batch kernel for rows of the given size.
func (s *set) choose(f Format, metric lode.Metric, size int) (batch, int) {
	from := s
	if size < s.shortest[f] {
		from = pureSet
	}
	if metric == lode.L2 {
		return from.batch[f][1], from.bitBlock
	}
	return from.batch[f][0], from.bitBlock
}

// chooseWalk returns the walk over rows of the given size, or nil.
func (s *set) chooseWalk(f Format, metric lode.Metric, size int) batch {
	switch {
	case size < s.shortest[f]:
		return nil
	case metric == lode.L2:
		return s.walk[f][1]
	}
	return s.walk[f][0]
}
