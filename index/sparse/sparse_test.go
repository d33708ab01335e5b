package sparse_test

import (
	"testing"

	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/indextest"
	"github.com/lodedb/lode/index/sparse"
)

func TestConformance(t *testing.T) {
	indextest.Sparse(t, func() index.Sparse { return sparse.New() })
}
