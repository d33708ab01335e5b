package main

import (
	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// hadamard writes the Walsh-Hadamard transform of n numbers, a power of two and at least
// 16, times signs. Butterflies of distance 1, 2 and 4 stay within a register: the numbers, every second,
// pair or half negated, are added to themselves swapped. The sets share it: wider registers
// would win little on what fits the nearest cache.
func (s *set) hadamard() {
	signs := s.StaticGlobal("hadamardSigns")
	s.DataAttributes(attr.RODATA | attr.NOPTR)
	for stage := range 3 {
		for lane := range 8 {
			s.AddDatum(32*stage+4*lane, operand.U32(lane>>stage&1)<<31)
		}
	}
	s.Function("hadamard" + s.name)
	s.Attributes(attr.NOSPLIT)
	s.SignatureExpr("func(v, signs *float32, n int)")
	s.Load(s.Param("v"), reg.RSI)
	s.Load(s.Param("signs"), reg.RDI)
	s.Load(s.Param("n"), reg.RCX)
	s.SHLQ(imm(2), reg.RCX) // bytes
	for stage := range 3 {
		s.VMOVUPS(signs.Offset(32*stage), ys[4+stage])
	}
	s.XORQ(reg.R9, reg.R9)
	s.Label("near")
	s.VMOVUPS(at(reg.RSI, reg.R9, 1, 0), reg.Y0)
	s.VMULPS(at(reg.RDI, reg.R9, 1, 0), reg.Y0, reg.Y0)
	for stage, swap := range []uint64{0xb1, 0x4e, 0x01} {
		if stage < 2 {
			s.VPERMILPS(imm(swap), reg.Y0, reg.Y1)
		} else {
			s.VPERM2F128(imm(swap), reg.Y0, reg.Y0, reg.Y1)
		}
		s.VXORPS(ys[4+stage], reg.Y0, reg.Y0)
		s.VADDPS(reg.Y1, reg.Y0, reg.Y0)
	}
	s.VMOVUPS(reg.Y0, at(reg.RSI, reg.R9, 1, 0))
	s.ADDQ(imm(32), reg.R9)
	s.CMPQ(reg.R9, reg.RCX)
	s.JLT(ref("near"))

	s.MOVQ(operand.I32(32), reg.R8) // the distance
	s.Label("distance")
	s.CMPQ(reg.R8, reg.RCX)
	s.JGE(ref("done"))
	s.LEAQ(at(reg.RSI, reg.R8, 1, 0), reg.R12)
	s.XORQ(reg.R10, reg.R10)
	s.Label("pairs")
	s.LEAQ(at(reg.R10, reg.R8, 1, 0), reg.R11)
	s.Label("butterfly")
	s.VMOVUPS(at(reg.RSI, reg.R10, 1, 0), reg.Y0)
	s.VMOVUPS(at(reg.R12, reg.R10, 1, 0), reg.Y1)
	s.VADDPS(reg.Y1, reg.Y0, reg.Y2)
	s.VSUBPS(reg.Y1, reg.Y0, reg.Y3)
	s.VMOVUPS(reg.Y2, at(reg.RSI, reg.R10, 1, 0))
	s.VMOVUPS(reg.Y3, at(reg.R12, reg.R10, 1, 0))
	s.ADDQ(imm(32), reg.R10)
	s.CMPQ(reg.R10, reg.R11)
	s.JLT(ref("butterfly"))
	s.ADDQ(reg.R8, reg.R10)
	s.CMPQ(reg.R10, reg.RCX)
	s.JLT(ref("pairs"))
	s.ADDQ(reg.R8, reg.R8)
	s.JMP(ref("distance"))
	s.Label("done")
	s.VZEROUPPER()
	s.RET()
}
