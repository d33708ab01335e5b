// Package safetensors reads files of tensors in the safetensors form: a length, a header in
// JSON, and numbers. The file is read in place as memory; everything that the header says is
// held against the file's size before it is used, and no header makes the package hold more
// than a small multiple of its own bytes.
package safetensors
