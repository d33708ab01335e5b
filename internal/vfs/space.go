package vfs

// Space is how much room a file system has, in bytes.
type Space struct {
	Free  int64 // for this process
	Total int64
}
