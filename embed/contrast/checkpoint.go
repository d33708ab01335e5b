package contrast

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"os"
)

// checkpointEvery is how many batches may be lost when a run is stopped.
const checkpointEvery = 250

// identity names a run: what its rows depend on. A checkpoint of another run is not gone on with.
func (t *Trainer) identity() uint64 {
	h := fnv.New64a()
	o := t.o
	o.Threads = 0
	fmt.Fprintf(h, "%+v %d %d", o, len(t.corpus.Words), len(t.rows))
	for _, s := range t.corpus.Sources {
		fmt.Fprintf(h, " %s %g %d", s.Name, s.Weight, len(s.Pairs))
	}
	return h.Sum64()
}

// Save stores the state of the run.
func (t *Trainer) Save(path string) error {
	f, err := os.Create(path + ".new")
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	head := binary.LittleEndian.AppendUint64(nil, t.identity())
	head = binary.LittleEndian.AppendUint64(head, uint64(t.done))
	_, _ = w.Write(head)
	for _, numbers := range [][]float32{t.rows, t.steps} {
		if err := writeFloats(w, numbers); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// Resume takes the state from a checkpoint of the same run. Without one it does nothing.
func (t *Trainer) Resume(path string) error {
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	var head [16]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return fmt.Errorf("read checkpoint %s: %w", path, err)
	}
	if binary.LittleEndian.Uint64(head[:]) != t.identity() {
		return nil
	}
	for _, numbers := range [][]float32{t.rows, t.steps} {
		if err := readFloats(r, numbers); err != nil {
			return fmt.Errorf("read checkpoint %s: %w", path, err)
		}
	}
	t.done = int(binary.LittleEndian.Uint64(head[8:]))
	return nil
}

func writeFloats(w io.Writer, numbers []float32) error {
	buf := make([]byte, 0, 4096)
	for len(numbers) > 0 {
		n := min(len(numbers), 1024)
		buf = buf[:0]
		for _, x := range numbers[:n] {
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(x))
		}
		if _, err := w.Write(buf); err != nil {
			return err
		}
		numbers = numbers[n:]
	}
	return nil
}

func readFloats(r io.Reader, numbers []float32) error {
	buf := make([]byte, 4096)
	for len(numbers) > 0 {
		n := min(len(numbers), 1024)
		if _, err := io.ReadFull(r, buf[:4*n]); err != nil {
			return err
		}
		for i := range n {
			numbers[i] = math.Float32frombits(binary.LittleEndian.Uint32(buf[4*i:]))
		}
		numbers = numbers[n:]
	}
	return nil
}
