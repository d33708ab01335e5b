package support_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/lodedb/lode/internal/beir"
	"github.com/lodedb/lode/internal/testdata"
	"github.com/lodedb/lode/retrieval/support"
)

// statement is a sentence that a source supports, or not.
type statement struct {
	text, source string
	supported    bool
}

// statements are made of the questions of XQuAD, which people wrote in words of their own: the
// question with its right answer is supported by its paragraph. With the answer to another
// question it is not: of another article (far), or of the same paragraph (near), which no
// comparison of words can tell wherever both stand in one place.
func statements(t *testing.T, odd bool) map[string][]statement {
	t.Helper()
	set, questions, err := beir.ReadQuestions(filepath.Join(testdata.Dir(t), "retrieval", "xquad-en"))
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, d := range set.Docs {
		texts[d.ID] = d.Text
	}
	var mine []beir.Question
	for _, q := range questions {
		var article, paragraph int
		if _, err := fmt.Sscanf(q.Doc, "%d-%d", &article, &paragraph); err != nil {
			t.Fatal(err)
		}
		if article%2 == 1 == odd {
			mine = append(mine, q)
		}
	}
	answer := func(q beir.Question) string { return texts[q.Doc][q.Spans[0].Start:q.Spans[0].End] }
	random := rand.New(rand.NewPCG(1, 0))
	out := map[string][]statement{}
	for _, q := range mine {
		add := func(to, answer string, supported bool) {
			out[to] = append(out[to], statement{strings.TrimSuffix(q.Text.Text, "?") + ": " + answer + " [1].", texts[q.Doc], supported})
		}
		right := answer(q)
		add("right", right, true)
		for range 1000 {
			other := mine[random.IntN(len(mine))]
			wrong := answer(other)
			if strings.Contains(texts[q.Doc], wrong) || isNumber(wrong) != isNumber(right) {
				continue
			}
			add("far", wrong, false)
			break
		}
		for _, other := range mine {
			if wrong := answer(other); other.Doc == q.Doc && other.ID != q.ID && !strings.Contains(right, wrong) && !strings.Contains(wrong, right) && isNumber(wrong) == isNumber(right) {
				add("near", wrong, false)
				break
			}
		}
	}
	return out
}

func isNumber(s string) bool { return strings.IndexFunc(s, unicode.IsDigit) >= 0 }

// TestQuality prints how statements are judged: those of articles with even numbers, which the
// thresholds were chosen on, and those of odd ones. Bounds are a little below what DESIGN.md says.
func TestQuality(t *testing.T) {
	for _, odd := range []bool{false, true} {
		share := map[string]map[support.Verdict]float64{}
		for kind, all := range statements(t, odd) {
			share[kind] = map[support.Verdict]float64{}
			for _, s := range all {
				r, err := support.Check(s.text, []support.Source{{Number: 1, Text: s.source}})
				if err != nil {
					t.Fatal(err)
				}
				worst := support.Supported
				for _, got := range r.Sentences {
					if got.Verdict != support.Supported && got.Verdict != support.NoClaim {
						worst = got.Verdict
					}
				}
				share[kind][worst] += 1 / float64(len(all))
			}
			t.Logf("odd %v, %d statements, %s: supported %.3f, weak %.3f, unsupported %.3f", odd, len(all), kind,
				share[kind][support.Supported], share[kind][support.Weak], share[kind][support.Unsupported])
		}
		for verdict, right := range map[support.Verdict]string{support.Supported: "right", support.Unsupported: "far"} {
			wrong := map[string]string{"right": "far", "far": "right"}[right]
			if precision := share[right][verdict] / (share[right][verdict] + share[wrong][verdict]); precision < 0.88 || share[right][verdict] < 0.4 {
				t.Errorf("odd %v: %s is right in %.3f of cases, and found in %.3f", odd, verdict, precision, share[right][verdict])
			}
		}
	}
}
