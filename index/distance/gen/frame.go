package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// fields of the call, as declared in package distance.
var fields = []struct {
	name   string
	offset int
}{
	{"query", 0}, {"rows", 8}, {"stride", 16}, {"ids", 24}, {"n", 32}, {"width", 40},
	{"scores", 48}, {"positions", 56}, {"limit", 64}, {"lines", 72}, {"corrections", 80}, {"apart", 88},
	{"whole", 96}, {"pairs", 104}, {"rest", 112}, {"plane", 120}, {"flags", 128},
	{"mul", 136}, {"off", 140}, {"add", 144}, {"threshold", 148},
	{"links", 152}, {"slots", 160}, {"visited", 168}, {"epoch", 176}, {"keys", 184},
	{"held", 192}, {"room", 200}, {"follow", 208}, {"next", 216}, {"hops", 224}, {"compared", 232},
}

// The flags of a call.
const (
	flagCorrected = 1 // rows carry their own addend and factor
	flagSums      = 2 // write integer sums as they are
	flagAll       = 4 // write every score
)

// field is a field of the call that AX points to.
func field(name string) operand.Mem {
	for _, f := range fields {
		if f.name == name {
			return operand.Mem{Base: reg.RAX, Disp: f.offset}
		}
	}
	panic("no field " + name)
}

// set is one instruction set's file.
type set struct {
	*build.Context
	name, file string
	wide       bool // 64-byte registers and masks
	families   func(*set) []family
	compress   operand.Mem
	iota       operand.Mem
	shift      operand.Mem
	lanes      operand.Mem
}

// family adds up one row format. The functions write code for the given rows of a group.
type family struct {
	name   string
	block  int  // elements of width that step takes
	twice  bool // step twice a turn, into two groups of sums
	sums   bool // sums are integers
	groups int  // groups of sums: 1, or 2 with twice, unless said otherwise
	// begin runs once a call, start once a group of rows.
	begin, start func()
	// step adds the block at R13, moved on by at elements, into the given group of sums.
	step func(rows, at, group int)
	// tail adds the elements from R13 to the end; rest is not zero.
	tail func(rows int)
	// reduce leaves one sum per row in X0.
	reduce func(rows int)
	// inline replaces step, tail and reduce.
	inline func(rows int)
}

var rowRegisters = []reg.GPPhysical{reg.R8, reg.R9, reg.R10, reg.R11}

func imm(v uint64) operand.Op { return operand.Imm(v) }

func at(base, index reg.Register, scale uint8, disp int) operand.Mem {
	return operand.Mem{Base: base, Index: index, Scale: scale, Disp: disp}
}

func ref(format string, args ...any) operand.LabelRef {
	return operand.LabelRef(fmt.Sprintf(format, args...))
}

// unknown writes an instruction that Go's assembler knows and the library does not.
func (s *set) unknown(opcode string, ops ...operand.Op) {
	last := len(ops) - 1
	s.Instruction(&ir.Instruction{Opcode: opcode, Operands: ops, Inputs: ops, Outputs: ops[last:]})
}

// tables are constants: how to pack the chosen of four numbers to the front, the numbers 0
// to 3, the control that moves the last bytes of a register to its front, and lane masks.
func (s *set) tables() {
	prefix := map[bool]string{false: "narrow", true: "wide"}[s.wide]
	s.compress = s.StaticGlobal(prefix + "Compress")
	s.DataAttributes(attr.RODATA | attr.NOPTR)
	for mask := range 16 {
		var control [16]byte
		next := 0
		for lane := range 4 {
			if mask>>lane&1 == 1 {
				for b := range 4 {
					control[4*next+b] = byte(4*lane + b)
				}
				next++
			}
		}
		for i := 4 * next; i < 16; i++ {
			control[i] = 0x80
		}
		for i, b := range control {
			s.AddDatum(16*mask+i, operand.U8(b))
		}
	}
	s.iota = s.StaticGlobal(prefix + "Iota")
	s.DataAttributes(attr.RODATA | attr.NOPTR)
	for i := range 4 {
		s.AddDatum(4*i, operand.U32(i))
	}
	if s.wide {
		return
	}
	s.shift = s.StaticGlobal(prefix + "Shift")
	s.DataAttributes(attr.RODATA | attr.NOPTR)
	for i := range 32 {
		b := operand.U8(0x80)
		if i < 16 {
			b = operand.U8(i)
		}
		s.AddDatum(i, b)
	}
	s.lanes = s.StaticGlobal(prefix + "Lanes")
	s.DataAttributes(attr.RODATA | attr.NOPTR)
	for i := range 16 {
		v := operand.U32(0)
		if i < 8 {
			v = 0xffffffff
		}
		s.AddDatum(4*i, v)
	}
}

// kernel writes the whole function of a family.
func (s *set) kernel(f family) {
	s.begin(f, f.name+s.name)
	s.check()
	s.limits(f)
	s.XORQ(reg.RCX, reg.RCX)
	s.XORQ(reg.RDX, reg.RDX)
	s.rows(f)
	s.end(func() { s.Store(reg.RDX, s.ReturnIndex(0)) })
	s.Label("stray")
	s.end(func() { s.status(-1) })
}

func (s *set) begin(f family, name string) {
	s.Function(name)
	s.Attributes(attr.NOSPLIT)
	s.SignatureExpr("func(c *byte) int")
	s.Load(s.Param("c"), reg.RAX)
	s.MOVQ(field("query"), reg.RDI)
	s.MOVQ(field("rows"), reg.RSI)
}

func (s *set) end(result func()) {
	result()
	s.VZEROUPPER()
	s.RET()
}

func (s *set) status(result int) {
	s.MOVQ(operand.I32(int32(result)), reg.RDX)
	s.Store(reg.RDX, s.ReturnIndex(0))
}

// rows takes all rows, four at a time and then one by one, and writes what is wanted.
func (s *set) rows(f family) {
	for _, rows := range []int{4, 1} {
		s.Label(fmt.Sprintf("take%d", rows))
		s.LEAQ(at(reg.RCX, nil, 0, rows), reg.R13)
		s.CMPQ(reg.R13, field("n"))
		s.JGT(ref("last%d", rows))
		s.addresses(rows)
		if f.inline != nil {
			f.inline(rows)
		} else {
			s.addUp(f, rows)
			f.reduce(rows)
		}
		s.emit(f, rows)
		s.Label(fmt.Sprintf("next%d", rows))
		s.ADDQ(imm(uint64(rows)), reg.RCX)
		s.JMP(ref("take%d", rows))
		s.Label(fmt.Sprintf("last%d", rows))
	}
}

// check compares every id with the number of rows and asks for the first lines of its row,
// so that the memory is on its way before the first sum.
func (s *set) check() {
	s.MOVQ(field("ids"), reg.RBX)
	s.TESTQ(reg.RBX, reg.RBX)
	s.JZ(ref("checked"))
	s.MOVQ(field("limit"), reg.R9)
	s.MOVQ(field("stride"), reg.R12)
	s.MOVQ(field("lines"), reg.R13)
	s.XORQ(reg.RCX, reg.RCX)
	s.Label("check")
	s.CMPQ(reg.RCX, field("n"))
	s.JGE(ref("checked"))
	s.MOVL(at(reg.RBX, reg.RCX, 4, 0), reg.R8L)
	s.INCQ(reg.RCX)
	s.CMPQ(reg.R8, reg.R9)
	s.JAE(ref("stray"))
	s.prefetchCorrections()
	s.IMULQ(reg.R12, reg.R8)
	s.ADDQ(reg.RSI, reg.R8)
	s.MOVQ(reg.R13, reg.R10)
	s.Label("line")
	s.DECQ(reg.R10)
	s.JLT(ref("check"))
	s.PREFETCHT0(at(reg.R8, nil, 0, 0))
	s.ADDQ(imm(64), reg.R8)
	s.JMP(ref("line"))
	s.Label("checked")
}

// prefetchCorrections asks for those of the row in R8.
func (s *set) prefetchCorrections() {
	s.MOVQ(reg.R8, reg.R10)
	s.IMULQ(field("apart"), reg.R10)
	s.ADDQ(field("corrections"), reg.R10)
	s.PREFETCHT0(at(reg.R10, nil, 0, 0))
}

// limits finds where whole pairs of blocks and whole blocks end, and what is left.
func (s *set) limits(f family) {
	s.MOVQ(field("width"), reg.R12)
	s.MOVQ(reg.R12, reg.R13)
	s.ANDQ(operand.I32(-2*f.block), reg.R13)
	s.MOVQ(reg.R13, field("pairs"))
	s.MOVQ(reg.R12, reg.R13)
	s.ANDQ(operand.I32(-f.block), reg.R13)
	s.MOVQ(reg.R13, field("whole"))
	s.NEGQ(reg.R13)
	s.ADDQ(reg.R12, reg.R13)
	s.MOVQ(reg.R13, field("rest"))
	if f.begin != nil {
		f.begin()
	}
}

// addresses puts the addresses of the next rows into R8 to R11.
func (s *set) addresses(rows int) {
	s.MOVQ(field("ids"), reg.RBX)
	s.TESTQ(reg.RBX, reg.RBX)
	s.JNZ(ref("gather%d", rows))
	s.MOVQ(reg.RCX, reg.R8)
	s.IMULQ(field("stride"), reg.R8)
	s.ADDQ(reg.RSI, reg.R8)
	for i := 1; i < rows; i++ {
		s.MOVQ(rowRegisters[i-1], rowRegisters[i])
		s.ADDQ(field("stride"), rowRegisters[i])
	}
	s.JMP(ref("add%d", rows))
	s.Label(fmt.Sprintf("gather%d", rows))
	for i := range rows {
		s.MOVL(at(reg.RBX, reg.RCX, 4, 4*i), rowRegisters[i].As32())
		s.IMULQ(field("stride"), rowRegisters[i])
		s.ADDQ(reg.RSI, rowRegisters[i])
	}
	s.Label(fmt.Sprintf("add%d", rows))
}

// addUp runs a family's steps over the rows.
func (s *set) addUp(f family, rows int) {
	groups := max(1, f.groups)
	if f.twice {
		groups = 2
	}
	for g := range groups {
		for r := range rows {
			acc := s.vec(4*g + r)
			s.zero(acc)
		}
	}
	if f.start != nil {
		f.start()
	}
	s.XORQ(reg.R13, reg.R13)
	if f.twice {
		s.Label(fmt.Sprintf("pair%d", rows))
		s.CMPQ(reg.R13, field("pairs"))
		s.JGE(ref("block%d", rows))
		f.step(rows, 0, 0)
		f.step(rows, f.block, 1)
		s.ADDQ(imm(uint64(2*f.block)), reg.R13)
		s.JMP(ref("pair%d", rows))
	}
	s.Label(fmt.Sprintf("block%d", rows))
	s.CMPQ(reg.R13, field("whole"))
	s.JGE(ref("tail%d", rows))
	f.step(rows, 0, 0)
	s.ADDQ(imm(uint64(f.block)), reg.R13)
	s.JMP(ref("block%d", rows))
	s.Label(fmt.Sprintf("tail%d", rows))
	s.CMPQ(field("rest"), imm(0))
	s.JE(ref("sum%d", rows))
	f.tail(rows)
	s.Label(fmt.Sprintf("sum%d", rows))
}

// vec is a register of the set's width.
func (s *set) vec(i int) reg.VecPhysical {
	if s.wide {
		return zs[i]
	}
	return ys[i]
}

// zero clears a register; the narrow form clears all of it.
func (s *set) zero(v reg.VecPhysical) {
	x := v.AsX()
	s.VPXOR(x, x, x)
}
