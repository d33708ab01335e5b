package tokenizer

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// parseSplitters reads a pre-tokenizer as the list of splitters that it is.
func parseSplitters(field string, raw json.RawMessage) ([]splitter, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var f struct {
		Type        string            `json:"type"`
		Parts       []json.RawMessage `json:"pretokenizers"`
		Replacement string            `json:"replacement"`
		AddSpace    *bool             `json:"add_prefix_space"`
		Prepend     string            `json:"prepend_scheme"`
		Split       *bool             `json:"split"`
		UseRegex    *bool             `json:"use_regex"`
		Pattern     json.RawMessage   `json:"pattern"`
		Behavior    string            `json:"behavior"`
		Invert      bool              `json:"invert"`
		Individual  bool              `json:"individual_digits"`
		Delimiter   string            `json:"delimiter"`
	}
	if json.Unmarshal(raw, &f) != nil {
		return nil, malformed(field, "is no pre-tokenizer")
	}
	yes := func(flag *bool) bool { return flag == nil || *flag } // the default of all flags is true
	switch f.Type {
	case "Sequence":
		return splitterSequence(field, f.Parts)
	case "BertPreTokenizer":
		return []splitter{each(splitBert)}, nil
	case "Whitespace":
		return []splitter{each(splitWordsAndSigns)}, nil
	case "WhitespaceSplit":
		return []splitter{each(strings.Fields)}, nil
	case "Metaspace":
		scheme := f.Prepend
		if scheme == "" && yes(f.AddSpace) {
			scheme = "always"
		}
		return []splitter{metaspace(f.Replacement, scheme, yes(f.Split))}, nil
	case "ByteLevel":
		return []splitter{byteLevel(yes(f.AddSpace), yes(f.UseRegex))}, nil
	case "Punctuation":
		return byMatches(field, f.Behavior, "Isolated", runesThat(isPunctuation), false)
	case "Digits":
		if f.Individual {
			return byMatches(field, "Isolated", "", runesThat(unicode.IsNumber), false)
		}
		return byMatches(field, "Contiguous", "", runesThat(unicode.IsNumber), false)
	case "CharDelimiterSplit":
		return byMatches(field, "Removed", "", plainMatches(f.Delimiter), false)
	case "Split":
		plain, expression, err := parsePattern(field+".pattern", f.Pattern)
		if err != nil {
			return nil, err
		}
		return byMatches(field, f.Behavior, "", matches(plain, expression), f.Invert)
	}
	return nil, unknown(field+".type", f.Type)
}

func splitterSequence(field string, raws []json.RawMessage) (all []splitter, err error) {
	for i, raw := range raws {
		some, err := parseSplitters(fmt.Sprintf("%s.pretokenizers[%d]", field, i), raw)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// each splits every word alone.
func each(split func(string) []string) splitter {
	return func(words []string, _ bool) (out []string) {
		for _, word := range words {
			out = append(out, split(word)...)
		}
		return out
	}
}

// splitBert cuts at spaces and makes each sign a word.
func splitBert(text string) (words []string) {
	start := 0
	for i, r := range text {
		space := unicode.IsSpace(r)
		if !space && !isPunctuation(r) {
			continue
		}
		if i > start {
			words = append(words, text[start:i])
		}
		start = i + utf8.RuneLen(r)
		if !space {
			words = append(words, text[i:start])
		}
	}
	if start < len(text) {
		words = append(words, text[start:])
	}
	return words
}

// splitWordsAndSigns is \w+|[^\w\s]+.
func splitWordsAndSigns(text string) (words []string) {
	class := func(r rune) int {
		switch {
		case unicode.IsSpace(r):
			return 0
		case isWordRune(r):
			return 1
		}
		return 2
	}
	start, last := 0, 0
	for i, r := range text {
		if c := class(r); c != last {
			if last != 0 {
				words = append(words, text[start:i])
			}
			start, last = i, c
		}
	}
	if last != 0 {
		words = append(words, text[start:])
	}
	return words
}

func isWordRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.In(r, unicode.M, unicode.Nd, unicode.Nl, unicode.Pc, unicode.Other_Alphabetic) || r == 0x200C || r == 0x200D
}

func isPunctuation(r rune) bool {
	if r <= unicode.MaxASCII {
		return r >= '!' && r <= '/' || r >= ':' && r <= '@' || r >= '[' && r <= '`' || r >= '{' && r <= '~'
	}
	return unicode.IsPunct(r)
}

// metaspace writes spaces as a sign and cuts before each.
func metaspace(sign, scheme string, split bool) splitter {
	if sign == "" {
		sign = "▁"
	}
	return func(words []string, first bool) (out []string) {
		for i, word := range words {
			word = strings.ReplaceAll(word, " ", sign)
			if (scheme == "always" || scheme == "first" && first && i == 0) && !strings.HasPrefix(word, sign) {
				word = sign + word
			}
			if !split {
				out = append(out, word)
				continue
			}
			out = append(out, cut(word, plainMatches(sign)(word), "MergedWithNext", false)...)
		}
		return out
	}
}

// span is a part of a word; match says that it is what was looked for.
type span struct {
	start, end int
	match      bool
}

// runesThat finds single characters.
func runesThat(is func(rune) bool) func(string) [][]int {
	return func(word string) (found [][]int) {
		for i, r := range word {
			if is(r) {
				found = append(found, []int{i, i + utf8.RuneLen(r)})
			}
		}
		return found
	}
}

func plainMatches(plain string) func(string) [][]int {
	return func(word string) (found [][]int) {
		for start := 0; plain != ""; {
			at := strings.Index(word[start:], plain)
			if at < 0 {
				break
			}
			found = append(found, []int{start + at, start + at + len(plain)})
			start += at + len(plain)
		}
		return found
	}
}

func matches(plain string, expression *regexp.Regexp) func(string) [][]int {
	if expression == nil {
		return plainMatches(plain)
	}
	return func(word string) [][]int { return expression.FindAllStringIndex(word, -1) }
}

// byMatches cuts words at what is found in them.
func byMatches(field, behavior, missing string, find func(string) [][]int, invert bool) ([]splitter, error) {
	if behavior == "" {
		behavior = missing
	}
	switch behavior {
	case "Removed", "Isolated", "Contiguous", "MergedWithPrevious", "MergedWithNext":
	default:
		return nil, unknown(field+".behavior", behavior)
	}
	return []splitter{each(func(word string) []string { return cut(word, find(word), behavior, invert) })}, nil
}

// cut cuts a word at matches and does with them what the behavior says.
func cut(word string, found [][]int, behavior string, invert bool) (words []string) {
	var parts []span
	at := 0
	for _, m := range found {
		if m[0] > at {
			parts = append(parts, span{at, m[0], invert})
		}
		if m[1] > m[0] {
			parts = append(parts, span{m[0], m[1], !invert})
		}
		at = m[1]
	}
	if at < len(word) {
		parts = append(parts, span{at, len(word), invert})
	}
	switch behavior {
	case "Contiguous":
		parts = joinParts(parts, func(last, p span) bool { return last.match == p.match })
	case "MergedWithPrevious":
		parts = joinParts(parts, func(last, p span) bool { return p.match && !last.match })
	case "MergedWithNext":
		parts = joinParts(parts, func(last, p span) bool { return last.match && !p.match })
	}
	for _, p := range parts {
		if p.match && behavior == "Removed" {
			continue
		}
		words = append(words, word[p.start:p.end])
	}
	return words
}

// joinParts joins a part to the one before it where the two, as they were found, belong together.
func joinParts(parts []span, together func(last, p span) bool) (out []span) {
	for i, p := range parts {
		if i > 0 && together(parts[i-1], p) {
			out[len(out)-1].end = p.end
			continue
		}
		out = append(out, p)
	}
	return out
}
