package server

import (
	"errors"
	"strings"
	"sync"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed/local"
	"github.com/lodedb/lode/internal/tokens"
)

// localPrefix begins the names of tokenizers of local models.
const localPrefix = "local/"

// tokenizers count the budgets of contexts: encodings and models that the program knows, and the
// tokenizer.json of local models.
type tokenizers struct {
	models local.Store
	mu     sync.Mutex
	made   map[string]func(string) int // by name and digest of a model, so that another model of the name is another
}

// of is what retrieval asks for.
func (t *tokenizers) of(name string) (count func(string) int, canonical string, err error) {
	model, isLocal := strings.CutPrefix(name, localPrefix)
	if !isLocal {
		return tokens.For(name)
	}
	info, err := t.models.Get(model)
	var coded *lode.Error
	switch {
	case lode.IsCode(err, lode.CodeNotFound), errors.As(err, &coded) && coded.Code == lode.CodeInvalid:
		return nil, "", lode.Invalid("tokenizer", name, "this node has no local model of this name").
			WithHint("lode models list shows those that there are; other tokenizers are " + strings.Join(tokens.Names(), ", "))
	case err != nil:
		return nil, "", err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	key := model + " " + info.Digest()
	if count, ok := t.made[key]; ok {
		return count, name, nil
	}
	if count, err = t.models.Counter(model); err != nil {
		return nil, "", err
	}
	if t.made == nil {
		t.made = map[string]func(string) int{}
	}
	t.made[key] = count
	return count, name, nil
}
