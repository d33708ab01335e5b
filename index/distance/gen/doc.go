// Command gen writes the assembly of package distance.
//
//	go run . FOLDER
//
// writes avx2_amd64.s, avx512_amd64.s and kernels_amd64.go into FOLDER. It is a module of
// its own, so that the assembler library is no dependency of the product.
//
// Every kernel has the same frame ([set.kernel]): check the ids and prefetch, then take
// rows four at a time and the rest one by one; add up one row format ([family]); reduce;
// turn the sums into scores; write what is better than the threshold. Registers are fixed,
// not allocated, because all kernels want the same few:
//
//	AX the call    DI query    SI rows    BX ids    CX row    DX written
//	R8-R11 addresses of four rows    R12 width    R13 place in the row    R14 second plane
//	V0-V3, V4-V7 sums of the four rows, even and odd blocks    V8-V15 temporary
package main
