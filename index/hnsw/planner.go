package hnsw

import (
	"math"
	"math/bits"
	"sync"
	"sync/atomic"

	"github.com/lodedb/lode/index/distance"
	"github.com/lodedb/lode/index/quant"
)

// Planner holds what an index chooses plans by: the model of costs, and corrections that it
// learns from what searches took. It may be used by any number of goroutines at any time.
type Planner struct {
	model    atomic.Pointer[CostModel] // nil: that of the machine
	measured atomic.Pointer[measured]
	forgets  atomic.Bool
	learnt   [3][shareBuckets]atomic.Uint64 // float64 bits of the logarithm of a correction, by plan
	vain     [shareBuckets]atomic.Uint32    // share of looks around that ended in a scan, of vainAll
	looks    [shareBuckets]atomic.Uint32    // how often one was thought of
}

// measured is a model of the machine, for indexes of about so many rows.
type measured struct {
	CostModel
	rows int // as form has them
}

// shareBuckets divide the shares of rows that pass: from 1/4 up, from 1/16 up, ...
const shareBuckets = 8

func bucketOf(matching, rows int) int {
	return min((bits.Len(uint(rows/max(matching, 1)))-1)/2, shareBuckets-1)
}

// SetModel makes the planner choose by the given model, or, with nil, by the one that is
// measured on this machine.
func (p *Planner) SetModel(m *CostModel) {
	if m != nil {
		c := *m
		m = &c
	}
	p.model.Store(m)
}

// SetLearning turns corrections on, which they are at first, or off; off, those that were
// learnt are forgotten.
func (p *Planner) SetLearning(on bool) {
	p.forgets.Store(!on)
	if !on {
		for plan := range p.learnt {
			for b := range p.learnt[plan] {
				p.learnt[plan][b].Store(0)
				p.vain[b].Store(0)
			}
		}
	}
}

// Corrections are what predictions are multiplied by where so many of the rows match.
func (p *Planner) Corrections(matching, rows int) Costs {
	b := bucketOf(matching, rows)
	of := func(plan int) float64 { return math.Exp(math.Float64frombits(p.learnt[plan][b].Load())) }
	return Costs{Scan: of(0), Traverse: of(1), TwoHop: of(2)}
}

// Bounds of what is learnt. A correction moves by the share learning of the way to what was
// seen, and never by more than one observation of twice or half may move it: a search that
// the system interrupted teaches little. The corrections of plans that are not taken fade,
// or a plan that once was slow would never be tried again.
const (
	largestCorrection = 4
	learning          = 1.0 / 16
	fading            = 1.0 / 512
)

// observe learns from a plan that was carried through: its prediction, uncorrected, and what
// it took.
func (p *Planner) observe(plan Plan, t task, predicted, nanos float64) {
	if p.forgets.Load() || !(predicted > 0) || math.IsInf(predicted, 0) || !(nanos > 0) {
		return
	}
	b := bucketOf(t.matching, t.rows)
	for i, each := range Plans() {
		correction := &p.learnt[i][b]
		old := correction.Load()
		now := math.Float64frombits(old)
		if each == plan {
			step := math.Log(nanos/predicted) - now
			now += learning * max(-math.Ln2, min(step, math.Ln2))
		} else {
			now -= fading * now
		}
		most := math.Log(largestCorrection)
		// A search beside this one may have learnt meanwhile; then one of both is enough.
		correction.CompareAndSwap(old, math.Float64bits(max(-most, min(now, most))))
	}
}

// A look around the query, where a scan seems cheapest, is worth its cost if some find that a
// walk is cheaper still. Once most were in vain, only one of a few is taken.
const (
	vainAll   = 1 << 16
	vainMost  = vainAll / 4 * 3
	vainRatio = 8
)

// worthLooking says whether to look around where so many of the rows match.
func (p *Planner) worthLooking(t task) bool {
	b := bucketOf(t.matching, t.rows)
	return p.vain[b].Load() < vainMost || p.looks[b].Add(1)%vainRatio == 0
}

// looked learns whether a look was in vain.
func (p *Planner) looked(t task, inVain bool) {
	if p.forgets.Load() {
		return
	}
	v := &p.vain[bucketOf(t.matching, t.rows)]
	old := v.Load()
	now := old - old/vainRatio
	if inVain {
		now += vainAll / vainRatio
	}
	v.CompareAndSwap(old, now)
}

// form is what the costs of an index depend on, roughly.
type form struct {
	kind   quant.Kind
	dim    int // rounded up to a power of two
	rows   int // rounded down to a power of four
	slots  int
	sealed bool
	kernel string
}

func (v *view) form(rows int) form {
	return form{
		kind: v.z.Options().Kind, dim: bits.Len(uint(v.dim - 1)), rows: (bits.Len(uint(rows)) - 1) / 2,
		slots: v.width, sealed: v.byOrder != nil, kernel: distance.Kernel(),
	}
}

// machine holds the models that were measured in this process, by form.
var machine struct {
	sync.RWMutex
	models    map[form]CostModel
	measuring sync.Mutex // held while one is measured
}

// measuredRows is from how many rows on a model is measured: below, searches are scans.
const measuredRows = 4096

// modelFor is the model to choose by: the one that was set, else the measured one, which the
// first search of a form measures while others go by defaults.
func (p *Planner) modelFor(g graph, v *view, rows int) CostModel {
	if m := p.model.Load(); m != nil {
		return *m
	}
	usual := DefaultCosts(v.codes.Stride)
	if rows < measuredRows {
		return usual
	}
	f := v.form(rows)
	if m := p.measured.Load(); m != nil && m.rows == f.rows {
		return m.CostModel
	}
	m, known := measure(g, f)
	if !known {
		return usual
	}
	p.measured.Store(&measured{m, f.rows})
	return m
}

// measure returns the model of a form, which the first that asks measures. Others that ask
// meanwhile get none, nor does who meets damage: the search that follows will tell.
func measure(g graph, f form) (m CostModel, known bool) {
	machine.RLock()
	m, known = machine.models[f]
	machine.RUnlock()
	if known || !machine.measuring.TryLock() {
		return m, known
	}
	defer machine.measuring.Unlock()
	m, err := calibrate(g)
	if err != nil {
		return m, false
	}
	machine.Lock()
	defer machine.Unlock()
	if machine.models == nil {
		machine.models = map[form]CostModel{}
	}
	machine.models[f] = m
	return m, true
}
