package main

import (
	"github.com/lodedb/lode/client"
)

// connection is how every command that talks to a node finds it.
type connection struct {
	Server string `help:"URL of the node." default:"${default_server}" placeholder:"URL"`
}

func (c connection) open() (*client.Client, error) {
	node, err := client.New(client.Options{BaseURL: c.Server, UserAgent: "lode/" + version})
	if err != nil {
		return nil, usageError{err}
	}
	return node, nil
}

// target names a collection of a node.
type target struct {
	connection
	Collection string `short:"c" help:"Name of the collection." default:"default" placeholder:"NAME"`
}
