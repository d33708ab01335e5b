//go:build !unix

package vfs

import "os"

func mapFile(f *os.File, size int) (*Mapping, error) { return readMapping(f, size) }
