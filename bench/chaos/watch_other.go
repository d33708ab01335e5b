//go:build !linux

package chaos

import "errors"

// buildWatch needs inotify.
type buildWatch struct{}

func watchBuilds(string, int, func()) (*buildWatch, error) {
	return nil, errors.New("kills at a build need inotify, which only Linux has")
}

func (*buildWatch) call() string { return "" }

func (*buildWatch) close() {}
