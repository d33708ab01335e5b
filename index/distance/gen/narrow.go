package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// familiesAVX2 are the row formats with 32-byte registers: AVX2, FMA, F16C and BMI2. There
// are masks for whole float32 only; the last bytes of other formats are read as part of the
// row's last 16 bytes and moved to the front, so rows are at least 16 bytes.
func familiesAVX2(s *set) []family {
	return []family{
		s.floatsNarrow("f32Dot", false), s.floatsNarrow("f32L2", true),
		s.halvesNarrow("f16Dot", false), s.halvesNarrow("f16L2", true),
		s.int8Narrow(), s.int4Narrow(), s.bit1Narrow(),
	}
}

// addFloat adds the row block in Y13 to the sum, the query's block being in Y12.
func (s *set) addFloat(l2 bool, acc reg.VecPhysical) {
	if l2 {
		s.VSUBPS(reg.Y13, reg.Y12, reg.Y13)
		s.VFMADD231PS(reg.Y13, reg.Y13, acc)
		return
	}
	s.VFMADD231PS(reg.Y13, reg.Y12, acc)
}

func (s *set) floatsNarrow(name string, l2 bool) family {
	return family{
		name: name, block: 8, twice: true, reduce: s.reduceFloats(true),
		begin: func() { // Y15: as many ones as elements are left
			s.LEAQ(s.lanes.Offset(32), reg.R8)
			s.MOVQ(field("rest"), reg.R13)
			s.NEGQ(reg.R13)
			s.VMOVDQU(at(reg.R8, reg.R13, 4, 0), reg.Y14)
		},
		step: func(rows, at, group int) {
			s.VMOVUPS(query(4, 4*at), reg.Y12)
			for r := range rows {
				acc := ys[4*group+r]
				if l2 {
					s.VSUBPS(row(r, 4, 4*at), reg.Y12, reg.Y13)
					s.VFMADD231PS(reg.Y13, reg.Y13, acc)
				} else {
					s.VFMADD231PS(row(r, 4, 4*at), reg.Y12, acc)
				}
			}
		},
		tail: func(rows int) {
			s.VMOVUPS(query(4, 0), reg.Y12)
			for r := range rows {
				s.VMASKMOVPS(row(r, 4, 0), reg.Y14, reg.Y13)
				s.addFloat(l2, ys[r])
			}
		},
	}
}

// lastBytes loads the control that moves the rest of a row, given in units of size bytes,
// from the end of a register to its front.
func (s *set) lastBytes(size int) {
	s.LEAQ(s.shift.Offset(16), reg.R8)
	s.MOVQ(field("rest"), reg.R13)
	if size == 1 {
		s.ANDQ(imm(15), reg.R13)
	}
	s.NEGQ(reg.R13)
	s.VMOVDQU(at(reg.R8, reg.R13, uint8(size), 0), reg.X14)
}

// last puts the last bytes of a row into X13, zeros behind them.
func (s *set) last(r int, size uint8) {
	s.VMOVDQU(at(rowRegisters[r], reg.R12, size, -16), reg.X13)
	s.VPSHUFB(reg.X14, reg.X13, reg.X13)
}

func (s *set) halvesNarrow(name string, l2 bool) family {
	return family{
		name: name, block: 8, twice: true, reduce: s.reduceFloats(true),
		begin: func() { s.lastBytes(2) },
		step: func(rows, at, group int) {
			s.VMOVUPS(query(4, 4*at), reg.Y12)
			for r := range rows {
				s.VCVTPH2PS(row(r, 2, 2*at), reg.Y13)
				s.addFloat(l2, ys[4*group+r])
			}
		},
		tail: func(rows int) {
			s.VMOVUPS(query(4, 0), reg.Y12)
			for r := range rows {
				s.last(r, 2)
				s.VCVTPH2PS(reg.X13, reg.Y13)
				s.addFloat(l2, ys[r])
			}
		},
	}
}

func (s *set) int8Narrow() family {
	multiply := func(acc reg.VecPhysical) {
		s.VPMADDWD(reg.Y12, reg.Y13, reg.Y13)
		s.VPADDD(reg.Y13, acc, acc)
	}
	return family{
		name: "int8Dot", block: 16, twice: true, sums: true, reduce: s.reduceSums(true),
		begin: func() { s.lastBytes(1) },
		step: func(rows, at, group int) {
			s.VPMOVSXBW(query(1, at), reg.Y12)
			for r := range rows {
				s.VPMOVSXBW(row(r, 1, at), reg.Y13)
				multiply(ys[4*group+r])
			}
		},
		tail: func(rows int) {
			s.VPMOVSXBW(query(1, 0), reg.Y12)
			for r := range rows {
				s.last(r, 1)
				s.VPMOVSXBW(reg.X13, reg.Y13)
				multiply(ys[r])
			}
		},
	}
}

// int4Narrow multiplies into 16-bit sums: two products of 15 and 128 at most, twice, stay
// far inside them.
func (s *set) int4Narrow() family {
	second := func() operand.Mem { return at(reg.R14, reg.R13, 1, 0) }
	// multiply takes its codes in register 13; all registers are of one width.
	multiply := func(low, high, codes, spare, nibble, ones reg.Register, total reg.VecPhysical) {
		s.VPAND(nibble, codes, spare)
		s.VPSRLW(imm(4), codes, codes)
		s.VPAND(nibble, codes, codes)
		s.VPMADDUBSW(low, spare, spare)
		s.VPMADDUBSW(high, codes, codes)
		s.VPADDW(spare, codes, codes)
		s.VPMADDWD(ones, codes, codes)
		s.VPADDD(total, reg.Y13, total) // the upper half of a narrow product is zero
	}
	narrow := func(r int) {
		multiply(reg.X12, reg.X11, reg.X13, reg.X10, reg.X9, reg.X8, ys[r])
	}
	return family{
		name: "int4Dot", block: 32, sums: true, reduce: s.reduceSums(false),
		begin: func() {
			s.lastBytes(1)
			s.MOVL(operand.U32(0x0f0f0f0f), reg.R8L)
			s.VMOVD(reg.R8L, reg.X9)
			s.VPBROADCASTD(reg.X9, reg.Y9)
			s.MOVL(operand.U32(0x00010001), reg.R8L)
			s.VMOVD(reg.R8L, reg.X8)
			s.VPBROADCASTD(reg.X8, reg.Y8)
			s.MOVQ(field("plane"), reg.R14)
			s.ADDQ(reg.RDI, reg.R14)
		},
		step: func(rows, _, _ int) {
			s.VMOVDQU(query(1, 0), reg.Y12)
			s.VMOVDQU(second(), reg.Y11)
			for r := range rows {
				s.VMOVDQU(row(r, 1, 0), reg.Y13)
				multiply(reg.Y12, reg.Y11, reg.Y13, reg.Y10, reg.Y9, reg.Y8, ys[r])
			}
		},
		tail: func(rows int) {
			s.TESTQ(operand.U32(16), field("rest"))
			s.JZ(ref("below16of%d", rows))
			s.VMOVDQU(query(1, 0), reg.X12)
			s.VMOVDQU(second(), reg.X11)
			for r := range rows {
				s.VMOVDQU(row(r, 1, 0), reg.X13)
				narrow(r)
			}
			s.ADDQ(imm(16), reg.R13)
			s.Label(fmt.Sprintf("below16of%d", rows))
			s.TESTQ(operand.U32(15), field("rest"))
			s.JZ(ref("sum%d", rows))
			s.VMOVDQU(query(1, 0), reg.X12)
			s.VMOVDQU(second(), reg.X11)
			for r := range rows {
				s.last(r, 1)
				narrow(r)
			}
		},
	}
}

// bit1Narrow counts word by word in ordinary registers: POPCNT takes a word a cycle, which
// the byte-table method in wide registers beats only for rows of some hundred bytes.
func (s *set) bit1Narrow() family {
	return family{
		name: "bit1Dot", block: 8, sums: true,
		inline: func(rows int) {
			for r := range rows {
				word := fmt.Sprintf("word%dof%d", r, rows)
				s.XORQ(reg.R13, reg.R13)
				s.XORQ(reg.R14, reg.R14)
				s.Label(word)
				s.CMPQ(reg.R13, reg.R12)
				s.JGE(ref("counted%dof%d", r, rows))
				for p := range 4 {
					s.MOVQ(row(r, 1, 0), reg.RBX)
					s.ANDQ(query(4, 8*p), reg.RBX)
					s.POPCNTQ(reg.RBX, reg.RBX)
					if p == 3 {
						s.SHLQ(imm(3), reg.RBX)
						s.SUBQ(reg.RBX, reg.R14)
					} else {
						s.LEAQ(at(reg.R14, reg.RBX, 1<<p, 0), reg.R14)
					}
				}
				s.ADDQ(imm(8), reg.R13)
				s.JMP(operand.LabelRef(word))
				s.Label(fmt.Sprintf("counted%dof%d", r, rows))
				if r == 0 {
					s.VMOVD(reg.R14L, reg.X0)
				} else {
					s.VPINSRD(imm(uint64(r)), reg.R14L, reg.X0, reg.X0)
				}
			}
		},
	}
}
