package evaluation

import (
	"cmp"
	"math"
	"slices"

	"github.com/lodedb/lode"
)

// Rejection is why no question was made of a passage.
type Rejection string

// The rejections.
const (
	RejectShort     Rejection = "short"          // no sentence that a question could be made of
	RejectDuplicate Rejection = "near duplicate" // another passage says nearly the same
	RejectAmbiguous Rejection = "ambiguous"      // another passage has most words of the question
	RejectPersonal  Rejection = "personal"       // what looks like an address or a number of a person
)

// Bounds of what is kept.
const (
	nearDuplicate = 0.5 // Jaccard similarity of shingles of three words
	ahead         = 0.2 // share of the question's words that the passage has more of than any other
	risky         = 0.6 // share of them from which another passage may answer too: the question is flagged
)

// Fidelity says what a drafted set is made of, for those who must decide whether to trust it.
type Fidelity struct {
	Seed      uint64                     `json:"seed"`
	Chunks    int                        `json:"chunks"`    // that questions could be of
	Documents int                        `json:"documents"` // that they are of
	Questions int                        `json:"questions"`
	Rejected  map[Rejection]int          `json:"rejected"` // passages, by reason
	Templates map[Template]TemplateShare `json:"templates"`
	// Overlap counts questions by the share of their words that the passage has, in tenths; the last
	// are those of which it has all.
	Overlap [11]int `json:"overlap"`
	// Flagged are ids of questions that another passage may answer too. They are in the set: at its
	// scores they may count as wrong what is right.
	Flagged []string `json:"flagged,omitempty"`
}

// TemplateShare describes the questions of one template.
type TemplateShare struct {
	Questions int     `json:"questions"`
	Words     float64 `json:"words"`   // mean
	Overlap   float64 `json:"overlap"` // mean share of the words that the passage has
}

// FlaggedShare is the share of questions that are flagged.
func (f *Fidelity) FlaggedShare() float64 {
	return float64(len(f.Flagged)) / float64(max(1, f.Questions))
}

func (f *Fidelity) note(q *Question, t Template, overlap, rival float64) {
	f.Overlap[int(overlap*10)]++
	share := f.Templates[t]
	words := 0
	for range lode.SplitWords(q.Query) {
		words++
	}
	share.Questions++
	share.Words += float64(words)
	share.Overlap += overlap
	f.Templates[t] = share
	if rival >= risky {
		f.Flagged = append(f.Flagged, q.ID)
	}
}

// finish turns sums into means.
func (f *Fidelity) finish(set *Set) {
	documents := map[string]bool{}
	for i := range set.Questions {
		documents[set.Questions[i].about()] = true
	}
	f.Documents, f.Questions = len(documents), len(set.Questions)
	for t, share := range f.Templates {
		share.Words /= float64(share.Questions)
		share.Overlap /= float64(share.Questions)
		f.Templates[t] = share
	}
	slices.Sort(f.Flagged)
}

// KendallTau says how far two lists of scores of the same systems rank them alike: 1 in the same
// order, -1 in the opposite one. It is tau-b, which allows for ties (Kendall 1945); 0 where one list
// says nothing.
func KendallTau(a, b []float64) float64 {
	concordant, discordant, tiesA, tiesB := 0, 0, 0, 0
	for i := range a {
		for j := range i {
			x, y := cmp.Compare(a[i], a[j]), cmp.Compare(b[i], b[j])
			switch {
			case x == 0 && y == 0:
			case x == 0:
				tiesA++
			case y == 0:
				tiesB++
			case x == y:
				concordant++
			default:
				discordant++
			}
		}
	}
	pairs := concordant + discordant
	of := math.Sqrt(float64(pairs+tiesA) * float64(pairs+tiesB))
	if of == 0 {
		return 0
	}
	return float64(concordant-discordant) / of
}
