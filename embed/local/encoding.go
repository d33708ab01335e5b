package local

import (
	"context"
	"math"

	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/index/distance"
)

// encoding is the memory of one text on its way through an encoder.
type encoding struct {
	ids                        []int32
	x, query, key, value, mean matrix // a row for each piece
	inner                      matrix
	scores                     []float32
}

// reuse gives a matrix so many rows and columns, in memory that is there when it is enough.
func (m *matrix) reuse(rows, cols int) {
	if cap(m.data) < rows*cols {
		m.data = make([]float32, rows*cols)
	}
	m.data, m.cols = m.data[:rows*cols], cols
}

// window computes the vectors of pieces between [CLS] and [SEP] into s.x.
func (s *encoding) window(ctx context.Context, e *encoder, ids []int32) error {
	n, h := len(ids)+2, e.config.Hidden
	for _, m := range []*matrix{&s.x, &s.query, &s.key, &s.value, &s.mean} {
		m.reuse(n, h)
	}
	s.inner.reuse(n, e.config.Inner)
	for i := range n {
		id := e.first
		switch {
		case i == n-1:
			id = e.last
		case i > 0:
			id = ids[i-1]
		}
		row, word, place, kind := s.x.row(i), e.table.row(int(id)), e.places.row(i), e.kinds.row(0)
		for j := range row {
			row[j] = word[j] + place[j] + kind[j]
		}
		e.norm.apply(row, e.config.Epsilon)
	}
	for i := range e.layers {
		if err := embed.ContextError(ctx); err != nil {
			return err
		}
		s.layer(e, &e.layers[i])
	}
	return nil
}

// layer passes all pieces through one layer.
func (s *encoding) layer(e *encoder, l *layer) {
	l.query.apply(s.x, s.query)
	l.key.apply(s.x, s.key)
	l.value.apply(s.x, s.value)
	s.attend(e)
	l.joined.apply(s.mean, s.query) // query is free again
	s.add(s.query, &l.afterAttention, e.config.Epsilon)
	l.up.apply(s.x, s.inner)
	for i, x := range s.inner.data {
		s.inner.data[i] = e.config.activate(x)
	}
	l.down.apply(s.inner, s.query)
	s.add(s.query, &l.afterAll, e.config.Epsilon)
}

// add adds rows to those of x and scales them.
func (s *encoding) add(rows matrix, n *layerNorm, epsilon float64) {
	for i, x := range rows.data {
		s.x.data[i] += x
	}
	for i := range s.x.rows() {
		n.apply(s.x.row(i), epsilon)
	}
}

// attend computes for each piece and head the mean of all values, weighted by how well their
// keys fit its query.
func (s *encoding) attend(e *encoder) {
	n, width := s.x.rows(), e.config.Hidden/e.config.Heads
	if cap(s.scores) < n {
		s.scores = make([]float32, n)
	}
	scores := s.scores[:n]
	scale := float32(1 / math.Sqrt(float64(width)))
	clear(s.mean.data)
	for head := range e.config.Heads {
		from, to := head*width, (head+1)*width
		for i := range n {
			query := s.query.row(i)[from:to]
			for j := range n {
				scores[j] = distance.Dot(query, s.key.row(j)[from:to]) * scale
			}
			softmax(scores)
			out := s.mean.row(i)[from:to]
			for j, weight := range scores {
				for k, x := range s.value.row(j)[from:to] {
					out[k] += float32(x * weight)
				}
			}
		}
	}
}

// softmax makes scores positive with the sum 1.
func softmax(scores []float32) {
	most, sum := float32(math.Inf(-1)), 0.0
	for _, x := range scores {
		most = max(most, x)
	}
	for i, x := range scores {
		w := math.Exp(float64(x - most))
		scores[i] = float32(w)
		sum += w
	}
	for i := range scores {
		scores[i] = float32(float64(scores[i]) / sum)
	}
}

// pool adds the vectors of the pieces, or that of [CLS], to sums.
func (s *encoding) pool(e *encoder, sums []float64) {
	rows := s.x.rows()
	if e.config.First {
		rows = 1
	}
	for i := range rows {
		for j, x := range s.x.row(i) {
			sums[j] += float64(x)
		}
	}
}
