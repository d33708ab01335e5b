package tokens

import (
	"slices"
	"strings"

	"github.com/lodedb/lode"
)

// The names of counters beside [Name].
const (
	O200K = "o200k_base"
	// Bytes counts bytes: no tokenizer that begins from bytes or characters makes more tokens of a
	// text, so a budget in them is safe for models whose tokenizer is not here.
	Bytes = "bytes"
)

// families are names of models, or the beginnings of them, and their encodings. A longer name
// belongs to a family when a separator follows: gpt-4-turbo is of gpt-4, gpt-4x is not.
var families = []struct{ model, encoding string }{
	{"gpt-5", O200K}, {"gpt-4.5", O200K}, {"gpt-4.1", O200K}, {"gpt-4o", O200K}, {"chatgpt-4o", O200K}, {"gpt-oss", O200K},
	{"o1", O200K}, {"o3", O200K}, {"o4", O200K},
	{"gpt-4", Name}, {"gpt-3.5", Name}, {"gpt-35", Name}, {"text-embedding-3", Name}, {"text-embedding-ada-002", Name},
}

// For returns the counter of an encoding or of a model's, and the name of what it counts: that of
// the encoding. The empty name is [Name]. An unknown name is [lode.CodeInvalid] on the field
// tokenizer, with the names that there are. Counters may be used by many goroutines.
func For(name string) (count func(string) int, canonical string, err error) {
	switch canonical = encodingOf(name); canonical {
	case Name:
		return Count, Name, nil
	case O200K:
		return func(s string) int { return vocabulary200k().text(s) }, O200K, nil
	case Bytes:
		return func(s string) int { return len(s) }, Bytes, nil
	}
	return nil, "", lode.Invalid("tokenizer", name, "no tokenizer of this name is known").
		WithHint("use " + strings.Join(Names(), ", ") + "; bytes is a safe bound for any other model")
}

// Names lists the encodings, then the families of models, as messages show them.
func Names() []string {
	names := []string{Name, O200K, Bytes}
	for _, f := range families {
		names = append(names, f.model)
	}
	return names
}

func encodingOf(name string) string {
	if name == "" {
		return Name
	}
	if slices.Contains([]string{Name, O200K, Bytes}, name) {
		return name
	}
	model := strings.TrimPrefix(strings.ToLower(name), "openai/")
	for _, f := range families {
		rest, ok := strings.CutPrefix(model, f.model)
		if ok && (rest == "" || strings.ContainsAny(rest[:1], "-.:@")) {
			return f.encoding
		}
	}
	return ""
}
