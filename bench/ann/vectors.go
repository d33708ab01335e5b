package ann

import (
	"bufio"
	"encoding/binary"
	"io"
	"math"
	"os"
	"path/filepath"

	"github.com/lodedb/lode"
)

// Vectors are rows of float32 in one slice.
type Vectors struct {
	Rows, Dim int
	Data      []float32 // Rows times Dim
}

// Row returns the row i; it must not be changed.
func (v *Vectors) Row(i int) lode.Vector {
	return v.Data[i*v.Dim : (i+1)*v.Dim : (i+1)*v.Dim]
}

// each yields the rows in order.
func (v *Vectors) each(yield func(lode.Vector) bool) {
	for i := range v.Rows {
		if !yield(v.Row(i)) {
			return
		}
	}
}

// Head returns the first n rows, or all if there are fewer. They share memory with v.
func (v *Vectors) Head(n int) *Vectors {
	n = min(n, v.Rows)
	return &Vectors{Rows: n, Dim: v.Dim, Data: v.Data[:n*v.Dim]}
}

// check refuses what cannot be compared under the metric, naming the first row.
func (v *Vectors) check(what string, metric lode.Metric) error {
	if v.Rows == 0 {
		return lode.Invalid(what, 0, "%s has no rows", what)
	}
	for i := range v.Rows {
		if err := v.Row(i).ValidateFor(v.Dim, metric); err != nil {
			return lode.Invalid(what, i, "row %d of %s cannot be compared by %s: %v", i, what, metric, err)
		}
	}
	return nil
}

// normalize brings every row to unit length.
func (v *Vectors) normalize() {
	for i := range v.Rows {
		copy(v.Row(i), v.Row(i).Normalize())
	}
}

// writeFBin writes rows in the form that every engine reads: rows and dimensions as
// little-endian uint32, then float32.
func (v *Vectors) writeFBin(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	if err := v.encode(w); err != nil {
		f.Close()
		return err
	}
	if err := w.Flush(); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

func (v *Vectors) encode(w io.Writer) error {
	row := make([]byte, max(4*v.Dim, 8))
	binary.LittleEndian.PutUint32(row, uint32(v.Rows))
	binary.LittleEndian.PutUint32(row[4:], uint32(v.Dim))
	if _, err := w.Write(row[:8]); err != nil {
		return err
	}
	for i := range v.Rows {
		for j, x := range v.Row(i) {
			binary.LittleEndian.PutUint32(row[4*j:], math.Float32bits(x))
		}
		if _, err := w.Write(row[:4*v.Dim]); err != nil {
			return err
		}
	}
	return nil
}
