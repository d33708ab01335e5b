package quant

import (
	"encoding/binary"
	"math"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index/distance"
)

// Every row but those of [None] ends in its corrections, little-endian:
//
//	0  float32  addend of the score
//	4  float32  factor of the score's sum
//	8  bfloat16 length of the coding error, rounded up
//	10 bfloat16 length of the coded vector, rounded up
const correctionBytes = 12

// Encoder turns vectors into rows, one at a time.
type Encoder struct {
	z      *Quantizer
	vector []float32
	codes  []int8
}

// Encoder returns a new encoder.
func (z *Quantizer) Encoder() *Encoder {
	return &Encoder{z: z, vector: make([]float32, z.dim), codes: make([]int8, z.dim)}
}

// Encode writes the row of v to the first [Quantizer.Size] bytes of dst. A vector of
// another dimension, that is not finite or longer than 2^60 is an error of
// [lode.CodeInvalid]. The same vector and options make the same row on one CPU; others may
// round differently when they rotate.
func (e *Encoder) Encode(dst []byte, v []float32) error {
	return e.encode(dst[:e.z.code], dst[e.z.code:e.z.size], v)
}

func (e *Encoder) encode(code, tail []byte, v []float32) error {
	z := e.z
	norm2, centered, err := z.prepare("vector", e.vector, v)
	if err != nil {
		return err
	}
	if z.options.Kind == None {
		distance.PutFloat32(code, v)
		return nil
	}
	clear(code)
	var c coding
	if norm2 > 0 {
		c = e.code(code, norm2)
	}
	addend := norm2
	if z.options.Metric != lode.L2 {
		addend = -(centered + z.norm2)
	}
	binary.LittleEndian.PutUint32(tail, math.Float32bits(float32(addend)))
	binary.LittleEndian.PutUint32(tail[4:], math.Float32bits(float32(-z.factor*c.scale)))
	binary.LittleEndian.PutUint16(tail[8:], roundUp(c.missed))
	binary.LittleEndian.PutUint16(tail[10:], roundUp(c.length))
	return nil
}

// coding is what the codes of a vector stand for. Scaled so, the coded vector plus an error
// at right angles to the vector is the vector: the error of an inner product has no
// preferred sign.
type coding struct {
	scale  float64 // of the codes
	missed float64 // length of the error
	length float64 // of the coded vector
}

// newCoding takes the square of the vector's length, its product with the codes and the
// square of the codes' length.
func newCoding(norm2, along, length2 float64) coding {
	if !(along > 0) {
		return coding{missed: math.Sqrt(norm2)} // too near to zero to be coded
	}
	scale := norm2 / along
	return coding{scale, math.Sqrt(max(0, scale*scale*length2-norm2)), scale * math.Sqrt(length2)}
}

// code writes the codes of the prepared vector, which is not zero.
func (e *Encoder) code(dst []byte, norm2 float64) coding {
	switch e.z.options.Kind {
	case Int8:
		return e.int8s(dst, norm2)
	case Int4:
		return e.int4s(dst, norm2)
	}
	return e.bits(dst, norm2)
}

// int8s rounds to 127 steps on either side of zero up to the largest number. The errors are
// so small beside the vector that their square would drown in the difference of squares of
// [newCoding]; it is put together from what the rounding itself saw.
func (e *Encoder) int8s(dst []byte, norm2 float64) coding {
	step, ok := stepOf(e.vector, 127)
	if !ok {
		return coding{missed: math.Sqrt(norm2)}
	}
	r := distance.RoundInt8(e.codes, e.vector, step)
	for i, code := range e.codes {
		dst[i] = byte(code)
	}
	length2 := float64(r.Squares)
	c := newCoding(norm2, float64(step)*length2+r.Cross, length2)
	shift := c.scale - float64(step)
	c.missed = math.Sqrt(max(0, r.Missed-2*shift*r.Cross+shift*shift*length2))
	return c
}

// stepOf divides the largest number into so many steps, unless all are so near to zero that
// the squares of what is missed would leave the range of float32.
func stepOf(v []float32, steps float32) (float32, bool) {
	step := distance.Largest(v) / steps
	return step, step > 0x1p-60
}

// int4Step is the step, in standard deviations, with the least mean square error for 16
// even steps over normally distributed numbers, which rotated vectors are nearly.
const int4Step = 0.3352

// int4s codes to the middles of 16 steps around zero: code c stands for c-7.5.
func (e *Encoder) int4s(dst []byte, norm2 float64) coding {
	steps := float32(math.Sqrt(float64(e.z.dim)/norm2) / int4Step)
	if math.IsInf(float64(steps), 0) {
		return newCoding(norm2, 0, 0)
	}
	var along, length2 float64
	for i, x := range e.vector {
		code := min(15, max(0, int32(x*steps+8))) // truncated, but nothing below zero is left
		dst[i/2] |= byte(code) << (i % 2 * 4)
		value := float64(code) - 7.5
		along += value * float64(x)
		length2 += value * value
	}
	return newCoding(norm2, along, length2)
}

func (e *Encoder) bits(dst []byte, norm2 float64) coding {
	var along float64
	for i, x := range e.vector {
		dst[i/8] |= byte(^math.Float32bits(x)>>31) << (i % 8)
		along += math.Abs(float64(x))
	}
	return newCoding(norm2, along, float64(e.z.dim))
}

// roundUp is x as a bfloat16 that is not below it.
func roundUp(x float64) uint16 {
	single := float32(x)
	if float64(single) < x {
		single = math.Nextafter32(single, float32(math.Inf(1)))
	}
	return uint16((math.Float32bits(single) + 0xffff) >> 16)
}

func fromBfloat(b uint16) float64 {
	return float64(math.Float32frombits(uint32(b) << 16))
}
