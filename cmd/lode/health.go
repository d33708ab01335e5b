package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
)

// healthPoll is the pause between two questions of health --wait.
const healthPoll = 50 * time.Millisecond

type healthCommand struct {
	connection
	Wait time.Duration `help:"Wait up to this long until the node is ready." placeholder:"TIME" env:"-"`
}

// Run fails unless the node is ready.
func (c *healthCommand) Run(ctx context.Context, std streams) error {
	node, err := c.open()
	if err != nil {
		return err
	}
	ready, err := c.ask(ctx, node)
	if err != nil {
		return err
	}
	if std.json {
		if err := writeJSON(std.out, ready); err != nil {
			return err
		}
	} else if ready.Ready {
		fmt.Fprintf(std.out, "%s is ready\n", c.Server)
		for _, r := range ready.Restrictions {
			fmt.Fprintf(std.out, "writes are refused: %s: %s\n", r.Name, r.Detail)
		}
	}
	if !ready.Ready {
		return lode.Errorf(lode.CodeUnavailable, "the node is not ready: %s", reasons(ready))
	}
	return nil
}

func (c *healthCommand) ask(ctx context.Context, node *client.Client) (*v1.Readiness, error) {
	deadline := time.Now().Add(c.Wait)
	for {
		ready, err := node.Ready(ctx)
		if err == nil && ready.Ready || !time.Now().Add(healthPoll).Before(deadline) {
			return ready, err
		}
		select {
		case <-ctx.Done():
			return ready, ctx.Err()
		case <-time.After(healthPoll):
		}
	}
}

func reasons(r *v1.Readiness) string {
	parts := make([]string, len(r.Reasons))
	for i, reason := range r.Reasons {
		parts[i] = reason.Name + ": " + reason.Detail
	}
	return strings.Join(parts, "; ")
}
