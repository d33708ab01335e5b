package main

import "github.com/lodedb/lode/index/distance"

// autoKernel takes the best kernels that the CPU has.
const autoKernel = "auto"

// kernelFlag chooses the functions that compare vectors, for commands that do so themselves.
type kernelFlag struct {
	Kernel string `help:"Functions that compare vectors: go, avx2, avx512; auto takes the best that the CPU can run. Another one is for a CPU on which that misbehaves." default:"auto" placeholder:"NAME"`
}

// AfterApply makes the choice, before anything is compared.
func (k *kernelFlag) AfterApply() error {
	if k.Kernel == autoKernel {
		return distance.Force("")
	}
	return distance.Force(k.Kernel)
}
