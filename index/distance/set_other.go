//go:build !amd64

package distance

// assembly exists for amd64 only; other CPUs run the kernels in Go.
func assembly() []*set { return nil }
