package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const checked = 1 // flag of a key; the row lies above it

// walk writes the function that expands rows of a graph, best first, until none is left in
// the pool or the given number of them was: for each, it gathers the links that are new,
// scores their rows as the kernel does, and puts those that are good enough into the pool.
// Register 14 and mask 1 belong to the family throughout.
func (s *set) walk(f family) {
	s.begin(f, f.name+"Walk"+s.name)
	s.limits(f)
	s.Label("hop")
	s.takeBest()
	s.gather()
	s.MOVQ(reg.RCX, field("n"))
	s.TESTQ(reg.RCX, reg.RCX)
	s.JZ(ref("hop"))
	s.ADDQ(reg.RCX, field("compared"))
	s.prefetch()
	s.setThreshold()
	s.MOVQ(field("width"), reg.R12)
	s.XORQ(reg.RCX, reg.RCX)
	s.XORQ(reg.RDX, reg.RDX)
	s.rows(f)
	s.TESTQ(reg.RDX, reg.RDX)
	s.JZ(ref("hop"))
	s.insertAll()
	s.JMP(ref("hop"))
	s.Label("done")
	s.MOVQ(reg.R8, field("next"))
	s.end(func() { s.status(0) })
	s.Label("pause")
	s.end(func() { s.status(1) })
	s.Label("stray")
	s.end(func() { s.status(-1) })
}

// takeBest marks the best row of the pool that is not checked and leaves it in R11, and asks
// for the links of the one after it, which is likely to be next.
func (s *set) takeBest() {
	s.MOVQ(field("next"), reg.R8)
	s.MOVQ(field("held"), reg.R9)
	s.MOVQ(field("follow"), reg.R10)
	s.CMPQ(reg.R9, reg.R10)
	s.CMOVQGT(reg.R10, reg.R9)
	s.MOVQ(field("keys"), reg.R10)
	s.Label("seek")
	s.CMPQ(reg.R8, reg.R9)
	s.JGE(ref("done"))
	s.MOVL(at(reg.R10, reg.R8, 8, 0), reg.R11L)
	s.INCQ(reg.R8)
	s.TESTL(operand.U32(checked), reg.R11L)
	s.JNZ(ref("seek"))
	s.DECQ(field("hops"))
	s.JLT(ref("pause"))
	s.MOVQ(reg.R8, field("next"))
	s.ORQ(imm(checked), at(reg.R10, reg.R8, 8, -8))
	s.SHRL(imm(1), reg.R11L)
	s.CMPQ(reg.R8, reg.R9)
	s.JGE(ref("taken"))
	s.MOVL(at(reg.R10, reg.R8, 8, 0), reg.R12L)
	s.SHRL(imm(1), reg.R12L)
	s.IMULQ(field("slots"), reg.R12)
	s.MOVQ(field("links"), reg.R13)
	s.PREFETCHT0(at(reg.R13, reg.R12, 4, 0))
	s.PREFETCHT0(at(reg.R13, reg.R12, 4, 64))
	s.Label("taken")
}

// gather writes the links of the row in R11 that were not visited to ids, marks them, and
// leaves their number in CX. A link to the row itself ends the list.
func (s *set) gather() {
	s.MOVQ(field("slots"), reg.R12)
	s.MOVQ(reg.R11, reg.R13)
	s.IMULQ(reg.R12, reg.R13)
	s.SHLQ(imm(2), reg.R13)
	s.ADDQ(field("links"), reg.R13)
	s.LEAQ(at(reg.R13, reg.R12, 4, 0), reg.R12)
	s.MOVQ(field("visited"), reg.R8)
	s.MOVQ(field("ids"), reg.RBX)
	s.MOVQ(field("epoch"), reg.RDX)
	s.XORQ(reg.RCX, reg.RCX)
	s.XORQ(reg.R9, reg.R9)
	s.Label("slot")
	s.CMPQ(reg.R13, reg.R12)
	s.JEQ(ref("gathered"))
	s.MOVL(at(reg.R13, nil, 0, 0), reg.R10L)
	s.ADDQ(imm(4), reg.R13)
	s.CMPL(reg.R10L, reg.R11L)
	s.JEQ(ref("gathered"))
	s.CMPQ(reg.R10, field("limit"))
	s.JAE(ref("stray"))
	s.MOVL(reg.R10L, at(reg.RBX, reg.RCX, 4, 0))
	s.CMPB(at(reg.R8, reg.R10, 1, 0), reg.DL)
	s.SETNE(reg.R9B)
	s.MOVB(reg.DL, at(reg.R8, reg.R10, 1, 0))
	s.ADDQ(reg.R9, reg.RCX)
	s.JMP(ref("slot"))
	s.Label("gathered")
}

// prefetch asks for the first lines of the CX rows in ids.
func (s *set) prefetch() {
	s.MOVQ(field("stride"), reg.R12)
	s.MOVQ(field("lines"), reg.R13)
	s.Label("ahead")
	s.DECQ(reg.RCX)
	s.JLT(ref("asked"))
	s.MOVL(at(reg.RBX, reg.RCX, 4, 0), reg.R8L)
	s.prefetchCorrections()
	s.IMULQ(reg.R12, reg.R8)
	s.ADDQ(reg.RSI, reg.R8)
	s.MOVQ(reg.R13, reg.R10)
	s.Label("line")
	s.DECQ(reg.R10)
	s.JLT(ref("ahead"))
	s.PREFETCHT0(at(reg.R8, nil, 0, 0))
	s.ADDQ(imm(64), reg.R8)
	s.JMP(ref("line"))
	s.Label("asked")
}

// setThreshold makes the worst score of a full pool the threshold.
func (s *set) setThreshold() {
	const infinite = 0x7f800000
	s.MOVL(operand.U32(infinite), reg.R11L)
	s.MOVQ(field("held"), reg.R8)
	s.CMPQ(reg.R8, field("room"))
	s.JLT(ref("open"))
	s.MOVQ(field("keys"), reg.R10)
	s.MOVL(at(reg.R10, reg.R8, 8, -4), reg.R11L)
	s.ascend(reg.R11L, reg.R12L)
	s.Label("open")
	s.MOVL(reg.R11L, field("threshold"))
}

// ascend maps the bits of a float to an integer that sorts like it, or back.
func (s *set) ascend(bits, spare reg.Register) {
	s.MOVL(bits, spare)
	s.SARL(imm(31), spare)
	s.SHRL(imm(1), spare)
	s.XORL(spare, bits)
}

// insertAll puts the DX scores into the pool, which stays sorted. Keys move to the right a
// register at a time, from the end, until one is not larger; before the first key there is a
// register full of the smallest.
func (s *set) insertAll() {
	lanes, whole := 4, uint64(0xf)
	if s.wide {
		lanes, whole = 8, 0xff
	}
	v0, v1 := s.vec(0), s.vec(1)
	s.MOVQ(field("ids"), reg.RBX)
	s.XORQ(reg.RCX, reg.RCX)
	s.Label("insert")
	s.MOVQ(field("scores"), reg.R8)
	s.MOVL(at(reg.R8, reg.RCX, 4, 0), reg.R9L)
	s.ascend(reg.R9L, reg.R10L)
	s.SHLQ(imm(32), reg.R9)
	s.MOVQ(field("positions"), reg.R8)
	s.MOVL(at(reg.R8, reg.RCX, 4, 0), reg.R10L)
	s.MOVL(at(reg.RBX, reg.R10, 4, 0), reg.R10L)
	s.LEAQ(at(reg.R9, reg.R10, 2, 0), reg.R9)
	s.IMULQ(field("slots"), reg.R10)
	s.MOVQ(field("links"), reg.R8)
	s.PREFETCHT0(at(reg.R8, reg.R10, 4, 0))
	s.PREFETCHT0(at(reg.R8, reg.R10, 4, 64))
	s.INCQ(reg.RCX)
	s.MOVQ(field("keys"), reg.R8)
	s.MOVQ(field("held"), reg.R10)
	s.CMPQ(reg.R10, field("room"))
	s.JLT(ref("grow"))
	s.CMPQ(reg.R9, at(reg.R8, reg.R10, 8, -8))
	s.JGE(ref("inserted"))
	s.DECQ(reg.R10)
	s.JMP(ref("place"))
	s.Label("grow")
	s.INCQ(field("held"))
	s.Label("place")
	s.VMOVQ(reg.R9, reg.X1)
	s.VPBROADCASTQ(reg.X1, v1)
	s.Label("shift")
	if s.wide {
		s.VMOVDQU64(at(reg.R8, reg.R10, 8, -8*lanes), v0)
		s.VPCMPGTQ(v1, v0, reg.K2)
		s.KMOVB(reg.K2, reg.R11L)
	} else {
		s.VMOVDQU(at(reg.R8, reg.R10, 8, -8*lanes), v0)
		s.VPCMPGTQ(v1, v0, reg.Y2)
		s.VMOVMSKPD(reg.Y2, reg.R11L)
	}
	s.CMPL(reg.R11L, operand.U32(whole))
	s.JNE(ref("partly"))
	if s.wide {
		s.VMOVDQU64(v0, at(reg.R8, reg.R10, 8, 8-8*lanes))
	} else {
		s.VMOVDQU(v0, at(reg.R8, reg.R10, 8, 8-8*lanes))
	}
	s.SUBQ(imm(uint64(lanes)), reg.R10)
	s.JMP(ref("shift"))
	s.Label("partly")
	if s.wide {
		s.VMOVDQU64(v0, reg.K2, at(reg.R8, reg.R10, 8, 8-8*lanes))
	} else {
		s.VPMASKMOVQ(v0, reg.Y2, at(reg.R8, reg.R10, 8, 8-8*lanes))
	}
	s.POPCNTL(reg.R11L, reg.R11L)
	s.SUBQ(reg.R11, reg.R10)
	s.MOVQ(reg.R9, at(reg.R8, reg.R10, 8, 0))
	s.CMPQ(reg.R10, field("next"))
	s.JGE(ref("inserted"))
	s.MOVQ(reg.R10, field("next"))
	s.Label("inserted")
	s.CMPQ(reg.RCX, reg.RDX)
	s.JLT(ref("insert"))
}
