package hnsw_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/hnsw"
	"github.com/lodedb/lode/index/indextest"
	"github.com/lodedb/lode/index/quant"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var kinds = []quant.Kind{quant.None, quant.Int8, quant.Int4, quant.Bit1}

// The suite is for exact indexes: with the largest breadth every search compares all rows.
func TestConformance(t *testing.T) {
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			indextest.Dense(t, func(dim int, m lode.Metric) index.Dense {
				x, err := hnsw.New(hnsw.Options{Dim: dim, Metric: m, Kind: kind, Ef: hnsw.MaxEf, EfConstruction: 40, M: 6})
				if err != nil {
					t.Fatal(err)
				}
				return x
			})
		})
	}
}
