package flat_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/flat"
	"github.com/lodedb/lode/index/indextest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	indextest.Dense(t, func(dim int, m lode.Metric) index.Dense { return flat.New(dim, m) })
}
