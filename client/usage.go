package client

import (
	"context"

	"github.com/lodedb/lode/api/v1"
)

// NodeUsage returns what the node uses of memory and disk, and the limits in force.
func (c *Client) NodeUsage(ctx context.Context) (*v1.NodeUsage, error) {
	return get[v1.NodeUsage](ctx, c, call{path: v1.PathNodeUsage})
}
