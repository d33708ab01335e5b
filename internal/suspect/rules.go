package suspect

// rule is a row of classes of words.
type rule struct {
	name  string
	steps []step
}

// step is the next word of a rule: of all classes in set, with at most gap other words before it.
type step struct {
	set class
	gap int
}

// rules name what text asks for. The gaps are for adjectives and politeness; they are short, since
// every word more lets through sentences that mean something else.
var rules = []rule{
	{"override", []step{{cIgnore, 0}, {cPrior, 4}, {cOrders, 3}}},
	{"override", []step{{cIgnore, 0}, {cOrders, 4}, {cPrior, 2}}},
	{"override", []step{{cPrior, 0}, {cOrders, 2}, {cIgnore, 3}}},
	{"override", []step{{cOrders, 0}, {cPrior, 1}, {cIgnore, 3}}},
	{"override", []step{{cIgnore, 0}, {cAll, 1}, {cOrders, 1}}},
	{"override", []step{{cIgnore, 0}, {cYours, 1}, {cOrders, 2}}},
	{"override", []step{{cIgnore, 0}, {cAll, 1}, {cAbove, 3}}},
	{"orders", []step{{cYours, 0}, {cNew, 0}, {cOrders, 1}}},
	{"role", []step{{cYou, 0}, {cAre, 0}, {cNow, 0}, {cRole, 3}}},
	{"role", []step{{cNow, 0}, {cYou, 0}, {cAre, 0}, {cRole, 3}}},
	{"role", []step{{cYou, 0}, {cAre, 0}, {cLonger, 1}, {cModel, 3}}},
	{"role", []step{{cFrom, 0}, {cNow, 0}, {cOn, 0}, {cYou, 2}, {cAnswer, 2}}},
	{"role", []step{{cFrom, 0}, {cNow, 0}, {cOn, 0}, {cYou, 2}, {cAct, 2}}},
	{"role", []step{{cFrom, 0}, {cNow, 0}, {cOn, 0}, {cYou, 2}, {cRole, 3}}},
	{"role", []step{{cAct, 0}, {cAs, 1}, {cModel, 3}}},
	{"role", []step{{cAct, 0}, {cAs, 1}, {cUnbound, 2}}},
	{"mode", []step{{cYou, 0}, {cUnbound, 5}, {cMode, 0}}},
	{"leak", []step{{cShow, 0}, {cPrompt | cSystem, 4}}},
	{"leak", []step{{cShow, 0}, {cSystem, 4}, {cOrders, 1}}},
	{"leak", []step{{cShow, 0}, {cOrders, 3}, {cSystem, 2}}},
	{"leak", []step{{cShow, 0}, {cYours, 2}, {cOrders, 2}}},
	{"leak", []step{{cRepeat, 0}, {cAll, 1}, {cAbove, 2}}},
	{"conceal", []step{{cNot, 0}, {cTell, 1}, {cUser, 4}}},
	{"conceal", []step{{cTell, 0}, {cUser, 2}, {cNothing, 1}}},
	{"address", []step{{cAddress, 0}, {cTo, 0}, {cModel, 3}}},
	{"address", []step{{cHail, 0}, {cModel, 1}}},
	{"address", []step{{cIf, 0}, {cYou, 0}, {cModel, 3}}},
	{"address", []step{{cAny, 0}, {cModel, 1}, {cReading, 2}}},
	{"address", []step{{cModel, 0}, {cReading, 1}}},
	{"address", []step{{cModel, 0}, {cMust, 0}, {cAnswer, 3}}},
	{"answer", []step{{cIn, 0}, {cYours, 0}, {cReply, 1}, {cInclude, 1}}},
	{"answer", []step{{cYours, 0}, {cReply, 1}, {cMust, 0}, {cInclude, 1}}},
	{"answer", []step{{cWhen, 0}, {cSummary, 1}, {cAnswer, 8}, {cOnly, 1}}},
	{"answer", []step{{cWhen, 0}, {cSummary, 1}, {cOnly, 8}, {cAnswer, 0}}},
	{"exfiltrate", []step{{cSend, 0}, {cTalk, 4}, {cTo, 3}}},
	{"exfiltrate", []step{{cSend, 0}, {cSecret, 5}, {cTo, 2}, {cPlace, 3}}},
	{"tool", []step{{cYours, 0}, {cKind, 1}, {cTool, 0}, {cTo, 0}}},
}

// byClass are the rules that begin with each class.
var byClass = func() map[class][]*rule {
	m := map[class][]*rule{}
	for i := range rules {
		m[rules[i].steps[0].set] = append(m[rules[i].steps[0].set], &rules[i])
	}
	return m
}()

// first is what any rule begins with.
var first = func() (all class) {
	for c := range byClass {
		all |= c
	}
	return all
}()

// matchWords returns where words match rules. For each word it looks at a bounded number of words
// after it.
func matchWords(words []word) []Finding {
	var found []Finding
	for i := range words {
		if words[i].entry == nil || words[i].classes&first == 0 {
			continue
		}
		if r, last := matchAt(words, i); r != nil {
			start, end := words[i].start, words[i].end
			for _, w := range words[i : last+1] { // words run together stand at one place
				start, end = min(start, w.start), max(end, w.end)
			}
			found = append(found, Finding{Start: start, End: end, Rule: r.name + languageOf(words[i:last+1])})
			if len(found) == maxFindings {
				break
			}
		}
	}
	return found
}

// matchAt returns the rule that matches at i and its last word.
func matchAt(words []word, i int) (*rule, int) {
	for left := words[i].classes & first; left != 0; left &= left - 1 {
		for _, r := range byClass[left&-left] {
			if last, ok := follow(words, i, r.steps[1:]); ok {
				return r, last
			}
		}
	}
	return nil, 0
}

// follow matches steps behind word i.
func follow(words []word, i int, steps []step) (last int, ok bool) {
	if len(steps) == 0 {
		return i, true
	}
	for j := i + 1; j < len(words) && words[j].first-words[i].last-1 <= steps[0].gap; j++ {
		if words[j].entry == nil || words[j].classes&steps[0].set != steps[0].set {
			continue
		}
		if last, ok := follow(words, j, steps[1:]); ok {
			return last, true
		}
	}
	return 0, false
}

// languageOf names the language of a match: that of the word which says what to do, else of the
// first one.
func languageOf(words []word) string {
	for _, w := range words {
		if w.entry != nil && w.classes&leading != 0 {
			return "/" + w.lang
		}
	}
	return "/" + words[0].lang
}
