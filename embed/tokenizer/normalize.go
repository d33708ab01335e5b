package tokenizer

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// parseNormalizer reads a normalizer; nil leaves texts as they are.
func parseNormalizer(field string, raw json.RawMessage) (func(string) string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var f struct {
		Type        string            `json:"type"`
		Normalizers []json.RawMessage `json:"normalizers"`
		Clean       bool              `json:"clean_text"`
		Chinese     bool              `json:"handle_chinese_chars"`
		Accents     *bool             `json:"strip_accents"`
		Lower       bool              `json:"lowercase"`
		Left        bool              `json:"strip_left"`
		Right       bool              `json:"strip_right"`
		Prepend     string            `json:"prepend"`
		Pattern     json.RawMessage   `json:"pattern"`
		Content     string            `json:"content"`
		Map         []byte            `json:"precompiled_charsmap"`
	}
	if json.Unmarshal(raw, &f) != nil {
		return nil, malformed(field, "is no normalizer")
	}
	switch f.Type {
	case "Sequence":
		return sequence(field, f.Normalizers)
	case "BertNormalizer":
		accents := f.Lower
		if f.Accents != nil {
			accents = *f.Accents
		}
		return bertNormalizer(f.Clean, f.Chinese, accents, f.Lower), nil
	case "Lowercase":
		return lower, nil
	case "NFC":
		return norm.NFC.String, nil
	case "NFD":
		return norm.NFD.String, nil
	case "NFKC":
		return norm.NFKC.String, nil
	case "NFKD":
		return norm.NFKD.String, nil
	case "StripAccents":
		return without(unicode.M), nil
	case "Strip":
		return strip(f.Left, f.Right), nil
	case "Prepend":
		return func(text string) string { return f.Prepend + text }, nil
	case "Replace":
		return replacer(field, f.Pattern, f.Content)
	case "Precompiled":
		return parseCharsmap(field, f.Map)
	case "ByteLevel":
		return toByteRunes, nil
	}
	return nil, unknown(field+".type", f.Type)
}

func sequence(field string, raws []json.RawMessage) (func(string) string, error) {
	var all []func(string) string
	for i, raw := range raws {
		one, err := parseNormalizer(fmt.Sprintf("%s.normalizers[%d]", field, i), raw)
		if err != nil {
			return nil, err
		}
		if one != nil {
			all = append(all, one)
		}
	}
	return func(text string) string {
		for _, one := range all {
			text = one(text)
		}
		return text
	}, nil
}

// bertNormalizer cleans text as BERT does.
func bertNormalizer(clean, chinese, accents, lowercase bool) func(string) string {
	strip := without(unicode.Mn)
	return func(text string) string {
		if clean {
			text = strings.Map(cleanRune, text)
		}
		if chinese {
			text = spaceChinese(text)
		}
		if accents && !isASCII(text) {
			text = strip(norm.NFD.String(text))
		}
		if lowercase {
			text = lower(text)
		}
		return text
	}
}

func cleanRune(r rune) rune {
	switch {
	case r == '\t' || r == '\n' || r == '\r' || unicode.IsSpace(r):
		return ' '
	case r == 0 || r == unicode.ReplacementChar || unicode.Is(unicode.C, r):
		return -1
	}
	return r
}

// spaceChinese puts spaces around ideographs, so that each is a word.
func spaceChinese(text string) string {
	if isASCII(text) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if isIdeograph(r) {
			b.WriteByte(' ')
			b.WriteRune(r)
			b.WriteByte(' ')
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func isIdeograph(r rune) bool {
	return r >= 0x4E00 && r <= 0x9FFF || r >= 0x3400 && r <= 0x4DBF || r >= 0x20000 && r <= 0x2A6DF || r >= 0x2A700 && r <= 0x2B73F ||
		r >= 0x2B740 && r <= 0x2B81F || r >= 0x2B920 && r <= 0x2CEAF || r >= 0xF900 && r <= 0xFAFF || r >= 0x2F800 && r <= 0x2FA1F
}

// lower is the full mapping to lower case, which differs from Go's for one letter.
func lower(text string) string {
	return strings.ToLower(strings.ReplaceAll(text, "İ", "i̇"))
}

func without(table *unicode.RangeTable) func(string) string {
	return func(text string) string {
		return strings.Map(func(r rune) rune {
			if r > unicode.MaxASCII && unicode.Is(table, r) {
				return -1
			}
			return r
		}, text)
	}
}

func strip(left, right bool) func(string) string {
	return func(text string) string {
		if left {
			text = strings.TrimLeftFunc(text, unicode.IsSpace)
		}
		if right {
			text = strings.TrimRightFunc(text, unicode.IsSpace)
		}
		return text
	}
}

func replacer(field string, pattern json.RawMessage, content string) (func(string) string, error) {
	plain, expression, err := parsePattern(field+".pattern", pattern)
	switch {
	case err != nil:
		return nil, err
	case expression == nil:
		return func(text string) string { return strings.ReplaceAll(text, plain, content) }, nil
	}
	return func(text string) string { return expression.ReplaceAllLiteralString(text, content) }, nil
}

// parsePattern reads {"String": …} or {"Regex": …}. Expressions that look around are not known
// here.
func parsePattern(field string, raw json.RawMessage) (plain string, expression *regexp.Regexp, err error) {
	var f struct{ String, Regex *string }
	if json.Unmarshal(raw, &f) != nil || f.String == nil && f.Regex == nil || f.String != nil && *f.String == "" {
		return "", nil, malformed(field, "is no pattern")
	}
	if f.String != nil {
		return *f.String, nil, nil
	}
	translated, ok := translate(*f.Regex)
	if ok {
		expression, err = regexp.Compile(translated)
	}
	if !ok || err != nil {
		return "", nil, unknown(field, *f.Regex)
	}
	return "", expression, nil
}

// What \s and \w stand for, as parts of a class.
const (
	spaceClass = `\s\p{Z}\x{85}`
	wordClass  = `\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}`
)

// translate gives the classes of an expression the meaning that they have in these files,
// which is that of Unicode. It reports false where it cannot.
func translate(expression string) (string, bool) {
	var b strings.Builder
	class := false
	for i := 0; i < len(expression); i++ {
		c := expression[i]
		switch {
		case c == '\\' && i+1 < len(expression):
			i++
			to, ok := translateEscape(expression[i], class)
			if !ok {
				return "", false
			}
			b.WriteString(to)
			continue
		case class && (c == '[' || c == '&' && strings.HasPrefix(expression[i:], "&&")):
			return "", false // a class within a class, an intersection
		case c == '[':
			class = true
		case c == ']':
			class = false
		}
		b.WriteByte(c)
	}
	return b.String(), true
}

func translateEscape(c byte, class bool) (string, bool) {
	switch c {
	case 'd':
		return `\p{Nd}`, true
	case 'D':
		return `\P{Nd}`, true
	case 's', 'w':
		inner := spaceClass
		if c == 'w' {
			inner = wordClass
		}
		if class {
			return inner, true
		}
		return "[" + inner + "]", true
	case 'S':
		return "[^" + spaceClass + "]", !class
	case 'W':
		return "[^" + wordClass + "]", !class
	case 'b', 'B':
		return "", false // between ASCII words only
	}
	return `\` + string(c), true
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] > unicode.MaxASCII {
			return false
		}
	}
	return true
}
