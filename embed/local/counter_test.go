package local_test

import (
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed/local"
	"github.com/lodedb/lode/embed/local/localtest"
)

func TestCounter(t *testing.T) {
	s := local.Store{Dir: t.TempDir()}
	if _, err := s.Add(t.Context(), localtest.Model(t), local.Info{Name: "small"}); err != nil {
		t.Fatal(err)
	}
	count, err := s.Counter("small")
	if err != nil {
		t.Fatal(err)
	}
	one, two := count("coal"), count("coal coal")
	if one < 1 || two != 2*one || count("") != 0 || count("東京 東京 東京") < 3 {
		t.Errorf("%d for a word, %d for two, %d for three that it does not know", one, two, count("東京 東京 東京"))
	}
	if _, err := s.Counter("none"); lode.CodeOf(err) != lode.CodeInvalid {
		t.Errorf("a model that is not there: %v", err)
	}
	if _, err := s.Counter("../x"); lode.CodeOf(err) != lode.CodeInvalid {
		t.Errorf("a name that is a path: %v", err)
	}
}
