package main

import (
	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// largest writes the largest magnitude of n numbers, a multiple of 8 and not zero.
func (s *set) largest() {
	s.Function("largest" + s.name)
	s.Attributes(attr.NOSPLIT)
	s.SignatureExpr("func(v *float32, n int) float32")
	s.Load(s.Param("v"), reg.RSI)
	s.Load(s.Param("n"), reg.RCX)
	s.VPXOR(reg.X0, reg.X0, reg.X0)
	s.MOVL(operand.U32(0x7fffffff), reg.R8L)
	s.VMOVD(reg.R8L, reg.X2)
	s.VPBROADCASTD(reg.X2, reg.Y2)
	s.Label("next")
	s.VANDPS(at(reg.RSI, reg.RCX, 4, -32), reg.Y2, reg.Y1)
	s.VMAXPS(reg.Y1, reg.Y0, reg.Y0)
	s.SUBQ(imm(8), reg.RCX)
	s.JNZ(ref("next"))
	s.VEXTRACTF128(imm(1), reg.Y0, reg.X1)
	s.VMAXPS(reg.X1, reg.X0, reg.X0)
	s.VPERMILPS(imm(0x4e), reg.X0, reg.X1)
	s.VMAXPS(reg.X1, reg.X0, reg.X0)
	s.VPERMILPS(imm(0xb1), reg.X0, reg.X1)
	s.VMAXPS(reg.X1, reg.X0, reg.X0)
	s.Store(reg.X0, s.ReturnIndex(0))
	s.VZEROUPPER()
	s.RET()
}

// round writes the rounding of n numbers, a multiple of 8 and not zero, to bytes; sums
// receives four times eight parts: of the codes, their squares, the squares of what was
// missed and the products of both.
func (s *set) round() {
	s.Function("round" + s.name)
	s.Attributes(attr.NOSPLIT)
	s.SignatureExpr("func(codes *int8, v *float32, n int, steps, step float32, sums *[32]uint32)")
	s.Load(s.Param("codes"), reg.RDI)
	s.Load(s.Param("v"), reg.RSI)
	s.Load(s.Param("n"), reg.RCX)
	s.Load(s.Param("steps"), reg.X8)
	s.Load(s.Param("step"), reg.X9)
	s.Load(s.Param("sums"), reg.RDX)
	s.VBROADCASTSS(reg.X8, reg.Y8)
	s.VBROADCASTSS(reg.X9, reg.Y9)
	for i := range 4 {
		s.zero(ys[i])
	}
	s.XORQ(reg.R8, reg.R8)
	s.Label("next")
	s.VMOVUPS(at(reg.RSI, reg.R8, 4, 0), reg.Y4) // what is missed, in the end
	s.VMULPS(reg.Y8, reg.Y4, reg.Y5)
	s.VCVTPS2DQ(reg.Y5, reg.Y5) // to the nearest
	s.VCVTDQ2PS(reg.Y5, reg.Y6)
	s.VFNMADD231PS(reg.Y9, reg.Y6, reg.Y4)
	s.VPADDD(reg.Y5, reg.Y0, reg.Y0)
	s.VPMULLD(reg.Y5, reg.Y5, reg.Y7)
	s.VPADDD(reg.Y7, reg.Y1, reg.Y1)
	s.VFMADD231PS(reg.Y4, reg.Y4, reg.Y2)
	s.VFMADD231PS(reg.Y6, reg.Y4, reg.Y3)
	s.VEXTRACTI128(imm(1), reg.Y5, reg.X6)
	s.VPACKSSDW(reg.X6, reg.X5, reg.X5)
	s.VPACKSSWB(reg.X5, reg.X5, reg.X5)
	s.VMOVQ(reg.X5, at(reg.RDI, reg.R8, 1, 0))
	s.ADDQ(imm(8), reg.R8)
	s.CMPQ(reg.R8, reg.RCX)
	s.JLT(ref("next"))
	for i := range 4 {
		s.VMOVUPS(ys[i], at(reg.RDX, nil, 0, 32*i))
	}
	s.VZEROUPPER()
	s.RET()
}

// others declares the functions that are no batch kernels.
const others = `
//go:noescape
func hadamardAVX2(v, signs *float32, n int)

//go:noescape
func largestAVX2(v *float32, n int) float32

//go:noescape
func roundAVX2(codes *int8, v *float32, n int, steps, step float32, sums *[32]uint32)

//go:noescape
func exactDotAVX2(dst *float64, x *float32, dim int, rows *byte, stride int, ids *uint32, n int)

//go:noescape
func exactL2AVX2(dst *float64, x *float32, dim int, rows *byte, stride int, ids *uint32, n int)

//go:noescape
func divideAVX2(dst, v *float32, n int, by float64)
`
