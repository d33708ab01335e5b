package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// familiesAVX512 are the row formats with 64-byte registers: AVX-512 F, BW, DQ and VL, VNNI
// and VPOPCNTDQ. Tails are read under a mask, which never touches the bytes it hides.
func familiesAVX512(s *set) []family {
	return []family{
		s.floatsWide("f32Dot", 4, false), s.floatsWide("f32L2", 4, true),
		s.floatsWide("f16Dot", 2, false), s.floatsWide("f16L2", 2, true),
		s.int8Wide(), s.int4Wide(), s.bit1Wide(),
	}
}

// mask sets K1 to as many bits as elements are left.
func (s *set) mask() {
	s.MOVQ(operand.I32(-1), reg.R13)
	s.MOVQ(field("rest"), reg.R8)
	s.BZHIQ(reg.R8, reg.R13, reg.R13)
	s.KMOVQ(reg.R13, reg.K1)
}

// floatsWide adds up products or squared differences of rows with size bytes an element.
func (s *set) floatsWide(name string, size int, l2 bool) family {
	z := func(i int) reg.VecPhysical { return zs[i] }
	add := func(r, group int) {
		if l2 {
			s.VSUBPS(reg.Z13, reg.Z12, reg.Z13)
			s.VFMADD231PS(reg.Z13, reg.Z13, z(4*group+r))
			return
		}
		s.VFMADD231PS(reg.Z13, reg.Z12, z(4*group+r))
	}
	return family{
		name: name, block: 16, twice: true, begin: s.mask, reduce: s.reduceFloats(true),
		step: func(rows, at, group int) {
			s.VMOVUPS(query(4, 4*at), reg.Z12)
			for r := range rows {
				src := row(r, uint8(size), size*at)
				switch {
				case size == 2:
					s.VCVTPH2PS(src, reg.Z13)
					add(r, group)
				case l2:
					s.VSUBPS(src, reg.Z12, reg.Z13)
					s.VFMADD231PS(reg.Z13, reg.Z13, z(4*group+r))
				default:
					s.VFMADD231PS(src, reg.Z12, z(4*group+r))
				}
			}
		},
		tail: func(rows int) {
			s.VMOVUPS(query(4, 0), reg.Z12)
			for r := range rows {
				if size == 2 {
					s.VMOVDQU16_Z(row(r, 2, 0), reg.K1, reg.Y13)
					s.VCVTPH2PS(reg.Y13, reg.Z13)
				} else {
					s.VMOVUPS_Z(row(r, 4, 0), reg.K1, reg.Z13)
				}
				add(r, 0)
			}
		},
	}
}

// int8Wide multiplies signed bytes with VPDPBUSD, which wants one side unsigned: rows are
// moved up by 128, and 128 times the sum of the query is taken off again at the end.
func (s *set) int8Wide() family {
	block := func(rows, group int, load func(r int)) {
		s.unknown("VPDPBUSD", reg.Z12, reg.Z14, reg.Z11)
		for r := range rows {
			load(r)
			s.unknown("VPDPBUSD", reg.Z12, reg.Z13, zs[4*group+r])
		}
	}
	reduce := s.reduceSums(true)
	return family{
		name: "int8Dot", block: 64, twice: true, sums: true,
		begin: func() {
			s.mask()
			s.MOVL(operand.U32(0x80808080), reg.R8L)
			s.VPBROADCASTD(reg.R8L, reg.Z14)
		},
		start: func() { s.zero(reg.Z11) },
		step: func(rows, at, group int) {
			s.VMOVDQU32(query(1, at), reg.Z12)
			block(rows, group, func(r int) { s.VPXORD(row(r, 1, at), reg.Z14, reg.Z13) })
		},
		tail: func(rows int) {
			s.VMOVDQU32(query(1, 0), reg.Z12)
			block(rows, 0, func(r int) {
				s.VMOVDQU8_Z(row(r, 1, 0), reg.K1, reg.Z13)
				s.VPXORD(reg.Z14, reg.Z13, reg.Z13)
			})
		},
		reduce: func(rows int) {
			for r := range rows {
				s.VPSUBD(reg.Z11, zs[r], zs[r])
			}
			reduce(rows)
		},
	}
}

// int4Wide multiplies four-bit codes, two to a byte, with the query's even and odd places.
func (s *set) int4Wide() family {
	block := func(rows int, load func(r int)) {
		s.VMOVDQU32(query(1, 0), reg.Z12)
		s.VMOVDQU32(at(reg.R14, reg.R13, 1, 0), reg.Z11)
		for r := range rows {
			load(r)
			s.VPANDD(reg.Z14, reg.Z13, reg.Z10)
			s.VPSRLW(imm(4), reg.Z13, reg.Z13)
			s.VPANDD(reg.Z14, reg.Z13, reg.Z13)
			s.unknown("VPDPBUSD", reg.Z12, reg.Z10, zs[r])
			s.unknown("VPDPBUSD", reg.Z11, reg.Z13, zs[4+r])
		}
	}
	reduce := s.reduceSums(true)
	return family{
		name: "int4Dot", block: 64, groups: 2, sums: true,
		begin: func() {
			s.mask()
			s.MOVL(operand.U32(0x0f0f0f0f), reg.R8L)
			s.VPBROADCASTD(reg.R8L, reg.Z14)
			s.MOVQ(field("plane"), reg.R14)
			s.ADDQ(reg.RDI, reg.R14)
		},
		step: func(rows, _, _ int) {
			block(rows, func(r int) { s.VMOVDQU32(row(r, 1, 0), reg.Z13) })
		},
		tail: func(rows int) {
			block(rows, func(r int) { s.VMOVDQU8_Z(row(r, 1, 0), reg.K1, reg.Z13) })
		},
		reduce: reduce,
	}
}

// bit1Wide counts the bits that a row shares with each of the query's four bit planes,
// which weigh 1, 2, 4 and -8. The planes lie side by side for every 64 bytes of a row. Each
// row has a sum for each plane: row r and plane p share register 4p+r.
func (s *set) bit1Wide() family {
	count := func(r int) {
		for p := range 4 {
			s.VPANDQ(at(reg.RDI, reg.R13, 4, 64*p), reg.Z16, reg.Z17)
			s.VPOPCNTQ(reg.Z17, reg.Z17)
			s.VPADDD(reg.Z17, zs[4*p+r], zs[4*p+r])
		}
	}
	reduce := s.reduceSums(false)
	return family{
		name: "bit1Dot", block: 64, groups: 4, sums: true,
		begin: s.mask,
		step: func(rows, _, _ int) {
			for r := range rows {
				s.VMOVDQU64(row(r, 1, 0), reg.Z16)
				count(r)
			}
		},
		tail: func(rows int) {
			for r := range rows {
				s.VMOVDQU8_Z(row(r, 1, 0), reg.K1, reg.Z16)
				count(r)
			}
		},
		reduce: func(rows int) {
			for r := range rows {
				for p := 1; p < 4; p++ {
					s.VPSLLD(imm(uint64(p)), zs[4*p+r], zs[4*p+r])
				}
				s.VPADDD(zs[4+r], zs[r], zs[r])
				s.VPADDD(zs[8+r], zs[r], zs[r])
				s.VPSUBD(zs[12+r], zs[r], zs[r])
			}
			reduce(rows)
		},
	}
}
