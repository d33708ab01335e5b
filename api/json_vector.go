package api

import (
	"bytes"
	"math"
	"strconv"

	"github.com/lodedb/lode"
)

// plainVector reads a list of numbers at the speed that every search and upload pays for. It
// knows no errors: of a list that it does not take whole it takes nothing and returns false,
// and [jsonDecoder.vector] finds out what is wrong with it.
func (s *jsonScanner) plainVector(out *lode.Vector) bool {
	size := bytes.IndexByte(s.src[s.pos:], ']')
	if size < 0 || len(s.path) >= maxJSONDepth {
		return false
	}
	text := s.src[s.pos+1 : s.pos+size]
	n := bytes.Count(text, []byte{','}) + 1
	if n > lode.MaxDim {
		return false
	}
	v := make(lode.Vector, n)
	at := 0
	for i := range v {
		var ok bool
		if v[i], at, ok = plainNumber(text, afterSpace(text, at)); !ok {
			return false
		}
		at = afterSpace(text, at)
		if i < n-1 {
			if at == len(text) || text[at] != ',' {
				return false
			}
			at++
		}
	}
	if at < len(text) {
		return false
	}
	*out = v
	s.pos += size + 1
	return true
}

func afterSpace(text []byte, at int) int {
	for at < len(text) && (text[at] == ' ' || text[at] == '\n' || text[at] == '\t' || text[at] == '\r') {
		at++
	}
	return at
}

// decimal is a number as it is written: mantissa times ten to the exponent.
type decimal struct {
	negative bool
	mantissa uint64
	digits   int // of the mantissa, leading zeros too
	exponent int
}

// maxDigits is the most digits that a mantissa of 64 bits holds for sure.
const maxDigits = 19

// plainNumber reads the number at a position and returns where it ends.
func plainNumber(text []byte, start int) (x float32, end int, ok bool) {
	d, end, ok := scanDecimal(text, start)
	if !ok {
		return 0, start, false
	}
	if x, ok = d.float32(); ok {
		return x, end, true
	}
	wide, err := strconv.ParseFloat(string(text[start:end]), 32)
	return float32(wide), end, err == nil && !math.IsInf(wide, 0)
}

// scanDecimal reads a number by the grammar of RFC 8259.
func scanDecimal(text []byte, at int) (d decimal, end int, ok bool) {
	if at < len(text) && text[at] == '-' {
		d.negative = true
		at++
	}
	whole := at
	at = d.scanDigits(text, at)
	if at == whole || text[whole] == '0' && at > whole+1 {
		return d, at, false
	}
	if at < len(text) && text[at] == '.' {
		point := at + 1
		at = d.scanDigits(text, point)
		d.exponent = point - at
		if at == point {
			return d, at, false
		}
	}
	if at < len(text) && text[at]|0x20 == 'e' {
		return d.scanExponent(text, at+1)
	}
	return d, at, d.digits <= maxDigits
}

// scanDigits takes digits into the mantissa.
func (d *decimal) scanDigits(text []byte, at int) int {
	start := at
	m := d.mantissa
	for at < len(text) && text[at]-'0' <= 9 {
		m = m*10 + uint64(text[at]-'0')
		at++
	}
	d.mantissa, d.digits = m, d.digits+at-start
	return at
}

// scanExponent reads what follows an e. Exponents of more than three digits are left to the
// slow path.
func (d decimal) scanExponent(text []byte, at int) (_ decimal, end int, ok bool) {
	sign := 1
	if at < len(text) && (text[at] == '-' || text[at] == '+') {
		if text[at] == '-' {
			sign = -1
		}
		at++
	}
	e := decimal{}
	end = e.scanDigits(text, at)
	if e.digits < 1 || e.digits > 3 {
		return d, end, false
	}
	d.exponent += sign * int(e.mantissa)
	return d, end, d.digits <= maxDigits
}

// tens are the powers of ten that a float64 holds exactly.
var tens = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// float32 rounds the number once, to nearest even, or says that it cannot. One operation on two exact float64
// is rounded right; rounding that again to float32 is too, unless the float64 lies exactly
// between two float32, where the true number may lie on either side, or below the normal
// ones, which have fewer bits.
func (d decimal) float32() (x float32, ok bool) {
	const halfway, below = 1 << 28, 1<<29 - 1  // of the bits that a float32 lacks
	if d.exponent == 0 && d.mantissa < 1<<24 { // whole and exact, as in vectors that were bytes
		x = float32(int32(d.mantissa))
		if d.negative {
			x = -x
		}
		return x, true
	}
	if d.mantissa >= 1<<53 || d.exponent < -22 || d.exponent > 22 {
		return 0, false
	}
	f := float64(int64(d.mantissa)) // there is an instruction for signed ones
	if d.exponent < 0 {
		f /= tens[-d.exponent]
	} else {
		f *= tens[d.exponent]
	}
	if math.Float64bits(f)&below == halfway || f != 0 && f < 0x1p-126 || f > math.MaxFloat32 {
		return 0, false
	}
	if d.negative {
		f = -f
	}
	return float32(f), true
}
