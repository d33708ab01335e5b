package suspect

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// word is a word that rules know, or a letter that stands alone, and where it stood.
type word struct {
	*entry
	letter     string // one that stands alone
	start, end int
	// first and last count the words of the text up to it: rules count those between two, which are
	// not kept. Several words of one that was run together have the same.
	first, last int
}

// folded is a text as the words of it that rules know.
type folded struct {
	words      []word
	ideographs bool // it holds a script that is written without spaces
}

// maxWordBytes bounds a folded word; the rest of a longer one is the next word. No rule knows a
// word of this length.
const maxWordBytes = 256

// folder builds the words of a text. What it writes of the current word is at the end of buf.
type folder struct {
	folded
	buf        []byte
	start      int  // of the current word in the text
	end        int  // behind its last character
	latin      bool // the word has Latin letters,
	foreign    bool // letters of scripts whose letters look like them,
	digits     bool // digits or signs that are written for letters
	count      int  // words so far
	singleRuns bool // there are words of one letter in a row
}

// fold cuts text into words.
func fold(text string) folded {
	f := folder{buf: make([]byte, 0, maxWordBytes+utf8.UTFMax)}
	f.words = make([]word, 0, 32)
	for i := 0; i < len(text); {
		if c := text[i]; c < utf8.RuneSelf {
			if isASCIILetter(c) {
				i = f.letters(text, i)
				continue
			}
			f.ascii(text, i, i, i+1)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		f.rune(r, i, i+size)
		i += size
	}
	f.flush()
	f.words = joinPairs(f.words)
	if f.singleRuns {
		f.words = joinLetters(f.words)
	}
	return f.folded
}

// letters adds the letters at i and returns where they end: most text is that.
func (f *folder) letters(text string, i int) int {
	if len(f.buf) == 0 {
		f.start = i
	}
	f.latin = true
	for i < len(text) && isASCIILetter(text[i]) && len(f.buf) < maxWordBytes {
		f.buf = append(f.buf, text[i]|0x20)
		i++
	}
	if f.end = i; len(f.buf) >= maxWordBytes {
		f.flush()
	}
	return i
}

// ascii adds the character at i, which stands in the text at [at, end).
func (f *folder) ascii(text string, i, at, end int) {
	c := text[i]
	switch {
	case 'a' <= c && c <= 'z':
		f.latin = true
		f.put(rune(c), at, end)
	case 'A' <= c && c <= 'Z':
		f.latin = true
		f.put(rune(c+'a'-'A'), at, end)
	case '0' <= c && c <= '9':
		f.digits = true
		f.put(rune(c), at, end)
	case (c == '@' || c == '$' || c == '!') && f.latin && i+1 < len(text) && isASCIILetter(text[i+1]):
		f.digits = true
		f.put(rune(c), at, end)
	case c == '\'' && f.latin: // don't
	default:
		f.flush()
	}
}

func isASCIILetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// put adds a character to the word.
func (f *folder) put(r rune, at, end int) {
	if len(f.buf) == 0 {
		f.start = at
	}
	f.buf = utf8.AppendRune(f.buf, r)
	f.end = end
	if len(f.buf) >= maxWordBytes {
		f.flush()
	}
}

// rune adds a character that is not ASCII.
func (f *folder) rune(r rune, at, end int) {
	switch {
	case isTag(r):
		f.ascii(string(r-tagBase), 0, at, end)
		return
	case isInvisible(r), r == '’' && f.latin:
		return
	case isIdeographic(r):
		f.ideographs = true
		f.flush()
		return
	}
	for _, d := range decompose(r) {
		switch {
		case unicode.Is(unicode.Mn, d):
		case unicode.IsLetter(d) || unicode.IsDigit(d) || unicode.Is(unicode.Mc, d):
			f.latin = f.latin || unicode.Is(unicode.Latin, d)
			f.foreign = f.foreign || unicode.In(d, unicode.Cyrillic, unicode.Greek, unicode.Armenian)
			f.digits = f.digits || d < utf8.RuneSelf && unicode.IsDigit(d)
			f.put(unicode.ToLower(d), at, end)
		default:
			f.flush()
		}
	}
}

// decompose returns the characters that r is made of, in compatibility form.
func decompose(r rune) string {
	var in [utf8.UTFMax]byte
	n := utf8.EncodeRune(in[:], r)
	if p := norm.NFKD.Properties(in[:n]).Decomposition(); p != nil {
		return string(p)
	}
	return string(in[:n])
}

// flush ends the word.
func (f *folder) flush() {
	if len(f.buf) == 0 {
		return
	}
	f.undisguise()
	w := word{entry: lookup(f.buf), start: f.start, end: f.end, first: f.count, last: f.count}
	f.count++
	switch {
	case w.entry == nil && len(f.buf) >= leastRun:
		if parts := segment(string(f.buf)); len(parts) > 2 {
			for _, part := range parts {
				w.entry = part.entry
				f.words = append(f.words, w)
			}
		}
	case len(f.buf) <= utf8.UTFMax && utf8.RuneCount(f.buf) == 1:
		w.letter = string(f.buf)
		if n := len(f.words); n > 0 && f.words[n-1].letter != "" && f.words[n-1].last == w.first-1 {
			f.singleRuns = true
		}
		f.words = append(f.words, w)
	case w.entry != nil:
		f.words = append(f.words, w)
	}
	f.buf = f.buf[:0]
	f.latin, f.foreign, f.digits = false, false, false
}

// undisguise puts Latin letters where others, or digits, stand for them.
func (f *folder) undisguise() {
	if !f.latin {
		return
	}
	if f.foreign {
		f.buf = []byte(strings.Map(lookalike, string(f.buf)))
	}
	if f.digits {
		for i, c := range f.buf {
			if letter := letterDigits[c]; letter != 0 {
				f.buf[i] = letter
			}
		}
	}
}

// letterDigits are the digits and signs that are written for letters.
var letterDigits = [256]byte{'0': 'o', '1': 'i', '3': 'e', '4': 'a', '5': 's', '7': 't', '@': 'a', '$': 's', '!': 'i'}

// lookalikes are letters of other scripts that look like Latin ones.
var lookalikes = func() map[rune]rune {
	m := map[rune]rune{}
	for _, pair := range strings.Fields("аa вb еe кk мm нh оo рp сc тt уy хx іi јj ѕs ԁd ԛq ԝw һh ӏl ґr гr пn зz " +
		"αa βb εe ηn ιi κk μm νv οo ρp σo τt υu χx ωw γy ςs օo սu հh ոn цu") {
		runes := []rune(pair)
		m[runes[0]] = runes[1]
	}
	return m
}()

func lookalike(r rune) rune {
	if latin, ok := lookalikes[r]; ok {
		return latin
	}
	return r
}

// joinPairs makes one word of pairs that mean one thing.
func joinPairs(words []word) []word {
	out := words[:0]
	for _, w := range words {
		if n := len(out); n > 0 && w.entry != nil && out[n-1].entry != nil && w.pairs && w.first <= out[n-1].last+1 {
			before := &out[n-1]
			if joined := vocabulary[pairs[[2]string{before.text, w.text}]]; joined != nil {
				*before = word{entry: joined, start: before.start, end: w.end, first: before.first, last: w.last}
				continue
			}
		}
		out = append(out, w)
	}
	return out
}

// Letters spaced out are at least so many, at most so many bytes apart.
const (
	leastLetters = 4
	widestGap    = 12
)

// joinLetters makes words of letters that stand alone in a row: new ones begin where a gap is wider
// than the narrowest, and where words of rules end.
func joinLetters(words []word) []word {
	out := make([]word, 0, len(words))
	for i := 0; i < len(words); {
		end, narrowest := i, widestGap
		for end < len(words) && words[end].letter != "" {
			if end > i {
				gap := words[end].start - words[end-1].end
				if gap > widestGap || words[end].first != words[end-1].last+1 {
					break
				}
				narrowest = min(narrowest, gap)
			}
			end++
		}
		if end-i < leastLetters {
			out = append(out, words[i:max(end, i+1)]...)
			i = max(end, i+1)
			continue
		}
		out = appendSpelt(out, words[i:end], narrowest)
		i = end
	}
	return joinPairs(out)
}

// appendSpelt joins letters up to each gap that is wider than the narrowest.
func appendSpelt(out, letters []word, narrowest int) []word {
	for start := 0; start < len(letters); {
		end := start + 1
		for end < len(letters) && letters[end].start-letters[end-1].end <= narrowest {
			end++
		}
		var b strings.Builder
		for _, l := range letters[start:end] {
			b.WriteString(l.letter)
		}
		whole := word{start: letters[start].start, end: letters[end-1].end, first: letters[start].first, last: letters[end-1].last}
		if whole.entry = vocabulary[b.String()]; whole.entry != nil {
			out = append(out, whole)
		} else {
			out = appendParts(out, letters[start:end], segment(b.String()))
		}
		start = end
	}
	return out
}

// appendParts adds words that letters in a row spell, each where it stands. What no rule knows
// between two counts as one word.
func appendParts(out, letters []word, parts []part) []word {
	letter, at, count := 0, 0, letters[0].first
	for i, p := range parts {
		if at < p.at {
			count++
		}
		for ; at < p.at; letter++ {
			at += len(letters[letter].letter)
		}
		w := word{entry: p.entry, start: letters[letter].start, first: count, last: count}
		for ; at < p.end; letter++ {
			at += len(letters[letter].letter)
			w.end = letters[letter].end
		}
		if count++; i == len(parts)-1 {
			w.last = letters[len(letters)-1].last
		}
		out = append(out, w)
	}
	return out
}

// A word of at least leastRun bytes that no rule knows may be several run together.
const (
	leastRun     = 16
	longestKnown = 24
)

// part is a word of the vocabulary in words that were run together.
type part struct {
	*entry
	at, end int // bytes of the folded text
}

// segment cuts words that were run together where words of the vocabulary end, the longest first. It
// returns nothing when less than three quarters of the text are such words: then it is something
// else, such as encoded data.
func segment(text string) []part {
	var parts []part
	covered := 0
	for i := 0; i < len(text); {
		n := min(longestKnown, len(text)-i)
		for n > 2 && vocabulary[text[i:i+n]] == nil {
			n--
		}
		if n > 2 {
			parts = append(parts, part{vocabulary[text[i:i+n]], i, i + n})
			covered += n
		}
		i += max(n, 1)
	}
	if covered*4 < len(text)*3 {
		return nil
	}
	return parts
}
