package local

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed/tokenizer"
)

// Counter returns a function that counts the tokens of a text as the model's tokenizer.json cuts
// it, without special tokens at its ends; [lode.CodeInvalid] for a model without one. It may be used by
// many goroutines.
//
// What a vocabulary does not know counts as its piece for the unknown where it has one, and no text has fewer
// tokens than words: a text in another script must not look as if it were free.
func (s Store) Counter(name string) (func(string) int, error) {
	if err := ValidateName(name); err != nil {
		return nil, err
	}
	path := filepath.Join(s.Dir, name, tokenizerFile)
	if !exists(path) {
		return nil, lode.Invalid("tokenizer", name, "the model has no tokenizer.json")
	}
	b, err := readFile(path, tokenizer.MaxFileBytes)
	if err != nil {
		return nil, fmt.Errorf("open tokenizer of %s: %w", name, err)
	}
	words, err := tokenizer.Parse(b)
	if err != nil {
		return nil, fmt.Errorf("open tokenizer of %s: %w", name, err)
	}
	_ = words.KeepUnknown() // refused by vocabularies that have no such piece
	ids := sync.Pool{New: func() any { return new([]int32) }}
	return func(text string) int {
		buf := ids.Get().(*[]int32)
		*buf = words.Append((*buf)[:0], text)
		n := len(*buf)
		ids.Put(buf)
		return max(n, len(strings.Fields(text)))
	}, nil
}
