// Package lint holds the checks of the whole tree that run as ordinary tests: the floors,
// the linters, forbidden imports, package comments, file and function lengths, and what
// must never stand in a commit. One command, go test ./..., says whether the tree is good.
//
// The package has no code outside its tests.
package lint
