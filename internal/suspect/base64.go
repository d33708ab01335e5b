package suspect

import (
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What is decoded: runs of at least leastEncoded characters, of which lines of at least
// foldedLine go on in the next. The decoded text is text when all but a tenth is printable.
const (
	leastEncoded = 24
	foldedLine   = 40
)

// encoded decodes runs of base64, and looks at those that are text.
func encoded(text string) []Finding {
	var found []Finding
	for i := 0; i < len(text) && len(found) < maxFindings; {
		if !isBase64(text[i]) {
			i++
			continue
		}
		end := runOfBase64(text, i)
		if end-i >= leastEncoded {
			if plain, ok := decode(text[i:end]); ok {
				for _, f := range plainInstructions(plain) {
					found = append(found, Finding{Start: i, End: end, Rule: "base64/" + f.Rule})
					break
				}
			}
		}
		i = end
	}
	return found
}

func isBase64(c byte) bool {
	return isASCIILetter(c) || '0' <= c && c <= '9' || c == '+' || c == '/' || c == '-' || c == '_'
}

// runOfBase64 returns where the run at i ends, over the ends of long lines.
func runOfBase64(text string, i int) int {
	line := i
	for i < len(text) {
		switch {
		case isBase64(text[i]):
			i++
		case text[i] == '\n' && i-line >= foldedLine && i+1 < len(text) && isBase64(text[i+1]):
			i++
			line = i
		default:
			return i
		}
	}
	return i
}

// decode returns the text that a run stands for.
func decode(run string) (string, bool) {
	encoding := base64.RawStdEncoding
	if strings.ContainsAny(run, "-_") {
		encoding = base64.RawURLEncoding
	}
	run = strings.ReplaceAll(run, "\n", "")
	plain, err := encoding.DecodeString(run[:len(run)-len(run)%4])
	if err != nil || !utf8.Valid(plain) {
		return "", false
	}
	odd := 0
	for _, r := range string(plain) {
		if !unicode.IsPrint(r) && !unicode.IsSpace(r) {
			odd++
		}
	}
	return string(plain), odd*10 <= utf8.RuneCount(plain)
}
