package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// exact writes sums in float64 of rows of float32, in the order of the functions in Go: four
// sums over every fourth element, what is left added to the first, then (a+b)+(c+d). Rows
// are taken four at a time, since each has only one register of sums to wait for.
func (s *set) exact(name string, l2 bool) {
	s.Function(name + s.name)
	s.Attributes(attr.NOSPLIT)
	s.SignatureExpr("func(dst *float64, x *float32, dim int, rows *byte, stride int, ids *uint32, n int)")
	s.Load(s.Param("dst"), reg.RDI)
	s.Load(s.Param("x"), reg.RSI)
	s.Load(s.Param("dim"), reg.RAX)
	s.Load(s.Param("rows"), reg.RDX)
	s.Load(s.Param("stride"), reg.R12)
	s.Load(s.Param("ids"), reg.RBX)
	s.Load(s.Param("n"), reg.R13)
	s.XORQ(reg.RCX, reg.RCX)
	s.Label("ahead") // the first lines of all rows; the hardware goes on from there
	s.CMPQ(reg.RCX, reg.R13)
	s.JGE(ref("asked"))
	s.MOVL(at(reg.RBX, reg.RCX, 4, 0), reg.R8L)
	s.IMULQ(reg.R12, reg.R8)
	s.ADDQ(reg.RDX, reg.R8)
	for line := range 4 {
		s.PREFETCHT0(at(reg.R8, nil, 0, 64*line))
	}
	s.INCQ(reg.RCX)
	s.JMP(ref("ahead"))
	s.Label("asked")
	s.MOVQ(reg.RAX, reg.R14)
	s.ANDQ(operand.I32(-4), reg.R14)
	for _, rows := range []int{4, 1} {
		s.Label(fmt.Sprintf("take%d", rows))
		s.CMPQ(reg.R13, imm(uint64(rows)))
		s.JLT(ref("last%d", rows))
		for r := range rows {
			s.MOVL(at(reg.RBX, nil, 0, 4*r), rowRegisters[r].As32())
			s.IMULQ(reg.R12, rowRegisters[r])
			s.ADDQ(reg.RDX, rowRegisters[r])
			s.zero(ys[r])
		}
		s.exactRows(rows, l2)
		for r := range rows {
			s.VHADDPD(xs[8+r], xs[r], xs[r])
			s.VPERMILPD(imm(1), xs[r], reg.X4)
			s.VADDSD(reg.X4, xs[r], xs[r])
			s.VMOVSD(xs[r], at(reg.RDI, nil, 0, 8*r))
		}
		s.ADDQ(imm(uint64(8*rows)), reg.RDI)
		s.ADDQ(imm(uint64(4*rows)), reg.RBX)
		s.SUBQ(imm(uint64(rows)), reg.R13)
		s.JMP(ref("take%d", rows))
		s.Label(fmt.Sprintf("last%d", rows))
	}
	s.VZEROUPPER()
	s.RET()
}

func (s *set) exactRows(rows int, l2 bool) {
	s.XORQ(reg.RCX, reg.RCX)
	s.Label(fmt.Sprintf("block%d", rows))
	s.CMPQ(reg.RCX, reg.R14)
	s.JGE(ref("halve%d", rows))
	s.VCVTPS2PD(at(reg.RSI, reg.RCX, 4, 0), reg.Y4)
	for r := range rows {
		s.VCVTPS2PD(at(rowRegisters[r], reg.RCX, 4, 0), reg.Y5)
		if l2 {
			s.VSUBPD(reg.Y5, reg.Y4, reg.Y5)
			s.VMULPD(reg.Y5, reg.Y5, reg.Y5)
			s.VADDPD(reg.Y5, ys[r], ys[r])
		} else {
			s.VFMADD231PD(reg.Y5, reg.Y4, ys[r]) // the product is exact
		}
	}
	s.ADDQ(imm(4), reg.RCX)
	s.JMP(ref("block%d", rows))
	s.Label(fmt.Sprintf("halve%d", rows))
	for r := range rows {
		s.VEXTRACTF128(imm(1), ys[r], xs[8+r])
	}
	s.Label(fmt.Sprintf("tail%d", rows))
	s.CMPQ(reg.RCX, reg.RAX)
	s.JGE(ref("sum%d", rows))
	s.VXORPD(reg.X4, reg.X4, reg.X4)
	s.VCVTSS2SD(at(reg.RSI, reg.RCX, 4, 0), reg.X4, reg.X4)
	for r := range rows {
		s.VCVTSS2SD(at(rowRegisters[r], reg.RCX, 4, 0), reg.X4, reg.X5)
		if l2 {
			s.VSUBSD(reg.X5, reg.X4, reg.X5)
			s.VMULSD(reg.X5, reg.X5, reg.X5)
		} else {
			s.VMULSD(reg.X5, reg.X4, reg.X5)
		}
		s.VADDSD(reg.X5, xs[r], xs[r])
	}
	s.INCQ(reg.RCX)
	s.JMP(ref("tail%d", rows))
	s.Label(fmt.Sprintf("sum%d", rows))
}

// divide writes n numbers, a multiple of 4, divided in float64 and rounded once.
func (s *set) divide() {
	s.Function("divide" + s.name)
	s.Attributes(attr.NOSPLIT)
	s.SignatureExpr("func(dst, v *float32, n int, by float64)")
	s.Load(s.Param("dst"), reg.RDI)
	s.Load(s.Param("v"), reg.RSI)
	s.Load(s.Param("n"), reg.RCX)
	s.Load(s.Param("by"), reg.X0)
	s.VBROADCASTSD(reg.X0, reg.Y0)
	s.XORQ(reg.RAX, reg.RAX)
	s.Label("next")
	s.CMPQ(reg.RAX, reg.RCX)
	s.JGE(ref("done"))
	s.VCVTPS2PD(at(reg.RSI, reg.RAX, 4, 0), reg.Y1)
	s.VDIVPD(reg.Y0, reg.Y1, reg.Y1)
	s.VCVTPD2PSY(reg.Y1, reg.X1)
	s.VMOVUPS(reg.X1, at(reg.RDI, reg.RAX, 4, 0))
	s.ADDQ(imm(4), reg.RAX)
	s.JMP(ref("next"))
	s.Label("done")
	s.VZEROUPPER()
	s.RET()
}
