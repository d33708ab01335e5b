package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// emit turns the sums in X0 into scores and writes those that are wanted.
func (s *set) emit(f family, rows int) {
	if f.sums {
		s.TESTQ(operand.U32(flagSums), field("flags"))
		s.JZ(ref("score%d", rows))
		s.MOVQ(field("scores"), reg.R13)
		if rows == 4 {
			s.VMOVDQU(reg.X0, at(reg.R13, reg.RCX, 4, 0))
		} else {
			s.VMOVD(reg.X0, at(reg.R13, reg.RCX, 4, 0))
		}
		s.JMP(ref("next%d", rows))
		s.Label(fmt.Sprintf("score%d", rows))
		s.VCVTDQ2PS(reg.X0, reg.X0)
	}
	s.VBROADCASTSS(field("mul"), reg.X1)
	s.VBROADCASTSS(field("off"), reg.X2)
	s.VFMADD213PS(reg.X2, reg.X1, reg.X0)
	s.TESTQ(operand.U32(flagCorrected), field("flags"))
	s.JZ(ref("shared%d", rows))
	s.correct(rows)
	s.Label(fmt.Sprintf("shared%d", rows))
	s.VBROADCASTSS(field("add"), reg.X1)
	s.VADDPS(reg.X1, reg.X0, reg.X0)
	s.TESTQ(operand.U32(flagAll), field("flags"))
	s.JZ(ref("choose%d", rows))
	s.MOVQ(field("scores"), reg.R13)
	if rows == 4 {
		s.VMOVUPS(reg.X0, at(reg.R13, reg.RCX, 4, 0))
	} else {
		s.VMOVSS(reg.X0, at(reg.R13, reg.RCX, 4, 0))
	}
	s.JMP(ref("next%d", rows))
	s.Label(fmt.Sprintf("choose%d", rows))
	s.choose(rows)
}

// correct multiplies by the rows' factors and adds their addends; they lie side by side.
func (s *set) correct(rows int) {
	s.MOVQ(field("ids"), reg.RBX)
	s.TESTQ(reg.RBX, reg.RBX)
	s.JNZ(ref("own%d", rows))
	for r := range rows {
		s.LEAQ(at(reg.RCX, nil, 0, r), rowRegisters[r])
	}
	s.JMP(ref("correct%d", rows))
	s.Label(fmt.Sprintf("own%d", rows))
	for r := range rows {
		s.MOVL(at(reg.RBX, reg.RCX, 4, 4*r), rowRegisters[r].As32())
	}
	s.Label(fmt.Sprintf("correct%d", rows))
	s.MOVQ(field("corrections"), reg.R13)
	for r := range rows {
		s.IMULQ(field("apart"), rowRegisters[r])
	}
	s.VMOVSD(at(reg.R8, reg.R13, 1, 0), reg.X3)
	if rows == 1 {
		s.VMOVSHDUP(reg.X3, reg.X4)
		s.VFMADD213PS(reg.X3, reg.X4, reg.X0)
		return
	}
	s.VMOVHPS(at(reg.R9, reg.R13, 1, 0), reg.X3, reg.X3)
	s.VMOVSD(at(reg.R10, reg.R13, 1, 0), reg.X5)
	s.VMOVHPS(at(reg.R11, reg.R13, 1, 0), reg.X5, reg.X5)
	s.VSHUFPS(imm(0x88), reg.X5, reg.X3, reg.X4)
	s.VSHUFPS(imm(0xdd), reg.X5, reg.X3, reg.X5)
	s.VFMADD213PS(reg.X4, reg.X5, reg.X0)
}

// choose writes the scores below the threshold and their positions. Four are packed to the
// front and written whole: at most as many were written before as rows were taken, so the
// four never reach beyond the row that is being taken.
func (s *set) choose(rows int) {
	const below = 0x11 // less than, ordered, quiet: a score that is no number is not chosen
	s.VBROADCASTSS(field("threshold"), reg.X1)
	s.VCMPPS(imm(below), reg.X1, reg.X0, reg.X2)
	s.VMOVMSKPS(reg.X2, reg.R13L)
	if rows == 1 {
		s.ANDL(imm(1), reg.R13L)
	} else {
		s.TESTL(reg.R13L, reg.R13L)
	}
	s.JZ(ref("next%d", rows))
	s.MOVQ(field("scores"), reg.R8)
	s.MOVQ(field("positions"), reg.R9)
	if rows == 1 {
		s.VMOVSS(reg.X0, at(reg.R8, reg.RDX, 4, 0))
		s.MOVL(reg.ECX, at(reg.R9, reg.RDX, 4, 0))
		s.INCQ(reg.RDX)
		return
	}
	s.MOVQ(reg.R13, reg.R11)
	s.SHLQ(imm(4), reg.R11)
	s.LEAQ(s.compress, reg.R10)
	s.VMOVDQU(at(reg.R10, reg.R11, 1, 0), reg.X3)
	s.VPSHUFB(reg.X3, reg.X0, reg.X0)
	s.VMOVUPS(reg.X0, at(reg.R8, reg.RDX, 4, 0))
	s.VMOVD(reg.ECX, reg.X4)
	s.VPBROADCASTD(reg.X4, reg.X4)
	s.VPADDD(s.iota, reg.X4, reg.X4)
	s.VPSHUFB(reg.X3, reg.X4, reg.X4)
	s.VMOVDQU(reg.X4, at(reg.R9, reg.RDX, 4, 0))
	s.POPCNTQ(reg.R13, reg.R13)
	s.ADDQ(reg.R13, reg.RDX)
}

// halve folds the upper half of a wide register into the lower.
func (s *set) halve(acc reg.VecPhysical, floats bool) {
	if !s.wide {
		return
	}
	if floats {
		s.VEXTRACTF64X4(imm(1), acc.AsZ(), reg.Y15)
		s.VADDPS(reg.Y15, acc.AsY(), acc.AsY())
		return
	}
	s.VEXTRACTI64X4(imm(1), acc.AsZ(), reg.Y15)
	s.VPADDD(reg.Y15, acc.AsY(), acc.AsY())
}

// reduceFloats adds the second group of sums to the first and folds each row's into X0.
func (s *set) reduceFloats(twice bool) func(rows int) {
	return func(rows int) {
		for r := range rows {
			if twice {
				s.VADDPS(s.vec(4+r), s.vec(r), s.vec(r))
			}
			s.halve(s.vec(r), true)
		}
		a, b, c, d := ys[0], ys[1], ys[2], ys[3]
		if rows == 1 {
			b, c, d = a, a, a
		}
		s.VHADDPS(b, a, a)
		if rows == 4 {
			s.VHADDPS(d, c, c)
		}
		s.VHADDPS(c, a, a)
		s.VEXTRACTF128(imm(1), a, reg.X1)
		s.VADDPS(reg.X1, reg.X0, reg.X0)
	}
}

// reduceSums is reduceFloats for integers.
func (s *set) reduceSums(twice bool) func(rows int) {
	return func(rows int) {
		for r := range rows {
			if twice {
				s.VPADDD(s.vec(4+r), s.vec(r), s.vec(r))
			}
			s.halve(s.vec(r), false)
		}
		a, b, c, d := ys[0], ys[1], ys[2], ys[3]
		if rows == 1 {
			b, c, d = a, a, a
		}
		s.VPHADDD(b, a, a)
		if rows == 4 {
			s.VPHADDD(d, c, c)
		}
		s.VPHADDD(c, a, a)
		s.VEXTRACTI128(imm(1), a, reg.X1)
		s.VPADDD(reg.X1, reg.X0, reg.X0)
	}
}

var (
	xs = []reg.VecPhysical{reg.X0, reg.X1, reg.X2, reg.X3, reg.X4, reg.X5, reg.X6, reg.X7, reg.X8, reg.X9, reg.X10, reg.X11, reg.X12, reg.X13, reg.X14, reg.X15}
	ys = []reg.VecPhysical{reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7, reg.Y8, reg.Y9, reg.Y10, reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15}
	zs = []reg.VecPhysical{reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7, reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15}
)

// row is the block of row r at R13, moved on by disp bytes.
func row(r int, scale uint8, disp int) operand.Mem { return at(rowRegisters[r], reg.R13, scale, disp) }

// query is the block of the query at R13, moved on by disp bytes.
func query(scale uint8, disp int) operand.Mem { return at(reg.RDI, reg.R13, scale, disp) }
