package quant

// CorrectionBytes is the size of the corrections of a row that is rounded.
const CorrectionBytes = correctionBytes

// Rows is a region of rows: the code of row i begins at byte i·Stride of Codes. Its
// corrections follow the code or, where Tails is given, begin at byte i·[CorrectionBytes]
// of that, so that they cost a code no cache line of its own.
type Rows struct {
	Codes  []byte
	Stride int
	Tails  []byte
}

// Layout is the recommended place of rows: the distance of codes, and whether corrections
// are better kept apart, because a code and its corrections together would take up one cache
// line more.
func (z *Quantizer) Layout() (stride int, apart bool) {
	if apart = lines(z.size) > lines(z.code); apart {
		return padded(z.code), true
	}
	return padded(z.size), false
}

func lines(size int) int { return (size + 63) / 64 }

// padded is the size with which rows lie across no more cache lines than they must, if the
// first begins at one.
func padded(size int) int {
	if size > 64 {
		return lines(size) * 64
	}
	stride := 16
	for stride < size {
		stride *= 2
	}
	return stride
}

// Split returns code and corrections of row i; of rows of [None] the latter is nil.
func (z *Quantizer) Split(r Rows, i uint32) (code, tail []byte) {
	start := int(i) * r.Stride
	code = r.Codes[start : start+z.code : start+z.code]
	switch {
	case z.options.Kind == None:
		return code, nil
	case r.Tails != nil:
		return code, r.Tails[int(i)*correctionBytes:][:correctionBytes]
	}
	return code, r.Codes[start+z.code : start+z.size]
}

// EncodeAt writes the row of v as row i of the region; see [Encoder.Encode].
func (e *Encoder) EncodeAt(r Rows, i uint32, v []float32) error {
	code, tail := e.z.Split(r, i)
	return e.encode(code, tail, v)
}

// SetRegion sets the region that holds the rows.
func (q *Query) SetRegion(r Rows) {
	corrections := -1
	if q.z.options.Kind != None && r.Tails == nil {
		corrections = q.z.code
	}
	q.rows = r
	q.scorer.SetRows(r.Codes, r.Stride, corrections)
	if r.Tails != nil {
		q.scorer.SetCorrections(r.Tails, correctionBytes)
	}
}

// SetRows sets the region that holds the rows, with their corrections, from one to the next
// stride bytes.
func (q *Query) SetRows(data []byte, stride int) { q.SetRegion(Rows{Codes: data, Stride: stride}) }
