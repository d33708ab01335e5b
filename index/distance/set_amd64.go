package distance

//go:generate go run -C gen . ..

import "golang.org/x/sys/cpu"

var exactAVX2 = [2]func(dst *float64, x *float32, dim int, rows *byte, stride int, ids *uint32, n int){exactDotAVX2, exactL2AVX2}

// assembly returns the sets that this CPU can run, slowest first.
func assembly() []*set {
	var sets []*set
	x := cpu.X86
	if !x.HasAVX2 || !x.HasFMA || !x.HasBMI2 || !x.HasPOPCNT || !x.HasF16C {
		return nil
	}
	pair := withVek()
	shown := ", " + pair.name
	sets = append(sets, &set{
		name: "avx2", shown: "avx2" + shown, pair: pair, bitBlock: 8,
		hadamard: hadamardAVX2, largest: largestAVX2, round: roundAVX2,
		exact: exactAVX2, divide: divideAVX2,
		shortest: [formats]int{Float16: 16, Int8: 16, Int4: 16},
		batch: [formats][2]batch{
			Float32: {f32DotAVX2, f32L2AVX2}, Float16: {f16DotAVX2, f16L2AVX2},
			Int8: {int8DotAVX2}, Int4: {int4DotAVX2}, Bit1: {bit1DotAVX2},
		},
		walk: [formats][2]batch{
			Float32: {f32DotWalkAVX2, f32L2WalkAVX2},
			Int8:    {int8DotWalkAVX2}, Int4: {int4DotWalkAVX2}, Bit1: {bit1DotWalkAVX2},
		},
	})
	if x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL && x.HasAVX512VNNI && x.HasAVX512VPOPCNTDQ {
		sets = append(sets, &set{
			name: "avx512", shown: "avx512+vnni+vpopcntdq" + shown, pair: pair, bitBlock: 64,
			hadamard: hadamardAVX2, largest: largestAVX2, round: roundAVX2,
			exact: exactAVX2, divide: divideAVX2,
			batch: [formats][2]batch{
				Float32: {f32DotAVX512, f32L2AVX512}, Float16: {f16DotAVX512, f16L2AVX512},
				Int8: {int8DotAVX512}, Int4: {int4DotAVX512}, Bit1: {bit1DotAVX512},
			},
			walk: [formats][2]batch{
				Float32: {f32DotWalkAVX512, f32L2WalkAVX512},
				Int8:    {int8DotWalkAVX512}, Int4: {int4DotWalkAVX512}, Bit1: {bit1DotWalkAVX512},
			},
		})
	}
	return sets
}
