package suspect

import (
	"regexp"
	"strings"
)

// literal is a sign that needs no words. The texts in needs are looked for first, since that is much
// cheaper than the expression: without any of them it is not asked.
type literal struct {
	name  string
	needs []string
	expr  *regexp.Regexp
}

var literalRules = []literal{
	// Marks of chat templates: a model may take what follows for a message of somebody else.
	{"template", []string{"<|"}, regexp.MustCompile(`<\|/?[a-z][a-z_]{2,30}\|>`)},
	{"template", []string{"INST]", "SYS>>"}, regexp.MustCompile(`\[/?INST\]|<</?SYS>>`)},
	{"template", []string{"_of_turn>", "<tool_call", "<function_call", "<system_prompt", "<system-reminder"}, regexp.MustCompile(`<(?:start|end)_of_turn>|</?(?:tool_calls?|function_calls?|system_prompt|system-reminder)>`)},
	{"template", []string{"###"}, regexp.MustCompile(`(?mi)^[ \t]*###\s*(?:system|instruction|new instructions)\s*:?\s*$`)},
	{"label", []string{"ystem", "SYSTEM"}, regexp.MustCompile(`(?mi)^[\s>*_#\[("-]{0,8}system\s+(?:prompt|message|override|instructions?|notice|note)\s*[\])]?[*_]{0,2}\s*:`)},
	{"label", []string{"ystem]", "SYSTEM]"}, regexp.MustCompile(`(?i)\[/?system\]`)},
	{"label", []string{"nstructions:", "NSTRUCTIONS:"}, regexp.MustCompile(`(?mi)^[\s>*_#\[("-]{0,8}(?:new|updated|real|actual|hidden|secret)\s+instructions:`)},
	// Calls of tools, as models write them.
	{"tool", []string{"\"arguments\"", "to=functions."}, regexp.MustCompile(`\{\s*"name"\s*:\s*"[^"]{1,80}"\s*,\s*"arguments"\s*:|to=functions\.\w+`)},
	// Images whose address is to be filled with what the model knows: showing the answer sends it.
	{"image", []string{"!["}, regexp.MustCompile(`(?i)!\[[^\]]{0,200}\]\(\s*<?https?://[^\s)]{1,400}[?&/=](?:[^\s)]{0,100}(?:\{[^})]{1,60}\}|\[[^\])]{1,60}\]|%s|\$\{)|(?:data|secret|prompt|history|conversation|context|chat|exfil|leak|payload|stolen)=)`)},
	{"image", []string{"<img", "<IMG"}, regexp.MustCompile(`(?i)<img[^>]{1,200}src\s*=\s*["']?https?://[^\s"'>]{1,400}[?&](?:[^\s"'>]{0,100}(?:\{[^}]{1,60}\}|\[[^\]]{1,60}\])|(?:data|secret|prompt|history|conversation|context|chat|exfil|leak|payload|stolen)=)`)},
}

// literals looks for signs in text as it stands.
func literals(text string) []Finding {
	var found []Finding
	for _, l := range literalRules {
		if !containsAny(text, l.needs) {
			continue
		}
		for _, at := range l.expr.FindAllStringIndex(text, maxFindings) {
			start := at[0]
			for start < at[1] && strings.IndexByte(" \t\r\n", text[start]) >= 0 {
				start++
			}
			found = append(found, Finding{Start: start, End: at[1], Rule: l.name})
		}
	}
	return found
}

func containsAny(text string, parts []string) bool {
	for _, p := range parts {
		if strings.Contains(text, p) {
			return true
		}
	}
	return false
}
