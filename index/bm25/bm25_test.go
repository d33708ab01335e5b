package bm25_test

import (
	"testing"

	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/bm25"
	"github.com/lodedb/lode/index/indextest"
)

func TestConformance(t *testing.T) {
	indextest.Lexical(t, func() index.Lexical { return bm25.New(bm25.Options{}) })
}
