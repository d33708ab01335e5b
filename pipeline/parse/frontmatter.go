package parse

import (
	"bytes"
	"encoding/json"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxFrontMatter bounds the front matter that is looked into.
const maxFrontMatter = 64 << 10

// FrontMatter finds the block of settings that many site generators put before a text: YAML
// between "---" lines, TOML between "+++" lines, or JSON in an HTML comment. It returns its
// length and the title and language that it declares; the rest of it is not text.
func FrontMatter(text []byte) (length int, title, language string) {
	switch {
	case bytes.HasPrefix(text, []byte("---")):
		body, n := fenced(text, "---", "...")
		fields := make(map[string]any)
		if n == 0 || yaml.Unmarshal(body, &fields) != nil {
			return n, "", ""
		}
		return n, textField(fields, "title"), textField(fields, "lang", "language", "locale")
	case bytes.HasPrefix(text, []byte("+++")):
		body, n := fenced(text, "+++", "+++")
		return n, tomlField(body, "title"), tomlField(body, "language")
	case bytes.HasPrefix(text, []byte("<!--{")):
		end := bytes.Index(text[:min(len(text), maxFrontMatter)], []byte("-->"))
		if end < 0 {
			return 0, "", ""
		}
		fields := make(map[string]any)
		if json.Unmarshal(text[len("<!--"):end], &fields) != nil {
			return 0, "", ""
		}
		return end + len("-->"), textField(fields, "title"), textField(fields, "lang", "language")
	}
	return 0, "", ""
}

// fenced returns the lines between the first line, which must be the opening fence alone,
// and a line that is a closing fence, and the length of all. A block that holds a blank first
// line is a thematic break, not front matter.
func fenced(text []byte, fence, alternative string) (body []byte, length int) {
	text = text[:min(len(text), maxFrontMatter)]
	first := bytes.IndexByte(text, '\n')
	if first < 0 || strings.TrimRight(string(text[:first]), " \t\r") != fence {
		return nil, 0
	}
	for at := first + 1; at < len(text); {
		end := len(text)
		if i := bytes.IndexByte(text[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		line := strings.TrimRight(string(text[at:end]), " \t\r\n")
		switch {
		case line == "" && at == first+1:
			return nil, 0
		case line == fence, line == alternative:
			return text[first+1 : at], end
		}
		at = end
	}
	return nil, 0
}

func textField(fields map[string]any, names ...string) string {
	for key, value := range fields {
		for _, name := range names {
			if s, ok := value.(string); ok && strings.EqualFold(key, name) {
				return s
			}
		}
	}
	return ""
}

// tomlField finds a string at the top level; a whole TOML reader for one line is not worth it.
func tomlField(body []byte, name string) string {
	for line := range strings.Lines(string(body)) {
		if strings.HasPrefix(strings.TrimSpace(line), "[") {
			return ""
		}
		key, value, ok := strings.Cut(line, "=")
		value = strings.TrimSpace(value)
		if ok && strings.EqualFold(strings.TrimSpace(key), name) && len(value) >= 2 && (value[0] == '"' || value[0] == '\'') {
			if end := strings.IndexByte(value[1:], value[0]); end >= 0 {
				return value[1 : 1+end]
			}
		}
	}
	return ""
}
