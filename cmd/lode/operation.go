package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
)

type operationCommand struct {
	connection
	ID   string `arg:"" optional:"" help:"Id of the operation, as ingest --no-wait prints it."`
	Key  string `help:"Idempotency-Key of the write, instead of the id." placeholder:"KEY" env:"-"`
	Wait bool   `help:"Wait until none of its documents is being processed."`
}

// Run prints what became of a write; one that failed or is incomplete is exit code 3.
func (c *operationCommand) Run(ctx context.Context, std streams) error {
	if (c.ID == "") == (c.Key == "") {
		return usageError{lode.Invalid("id", c.ID, "name the operation by its id or by --key").WithHint("lode operation --help")}
	}
	node, err := c.open()
	if err != nil {
		return err
	}
	op, err := c.ask(ctx, node)
	if err != nil {
		return err
	}
	if std.json {
		err = writeJSON(std.out, op)
	} else {
		writeOperation(std.out, op)
	}
	if err == nil && (op.State == v1.OperationFailed || op.State == v1.OperationIncomplete) {
		return partialError{lode.Errorf(codePartial, "the operation is %s", op.State)}
	}
	return err
}

func (c *operationCommand) ask(ctx context.Context, node *client.Client) (*v1.Operation, error) {
	id := c.ID
	if c.Key != "" {
		op, err := node.FindOperation(ctx, c.Key)
		if err != nil || !c.Wait {
			return op, err
		}
		id = op.ID
	}
	if c.Wait {
		return node.AwaitOperation(ctx, id)
	}
	return node.GetOperation(ctx, id)
}

func writeOperation(w io.Writer, op *v1.Operation) {
	fmt.Fprintf(w, "%s %s, %d of %d parts recorded\n", strings.ReplaceAll(op.Kind, "_", " "), op.State, op.Recorded, op.Parts)
	if op.Collection != "" {
		fmt.Fprintf(w, "collection  %s\n", op.Collection)
	}
	fmt.Fprintf(w, "accepted    %s\n", op.AcceptedAt.Format(time.RFC3339))
	if op.FinishedAt != nil {
		fmt.Fprintf(w, "finished    %s\n", op.FinishedAt.Format(time.RFC3339))
	}
	for _, item := range op.Items {
		line := fmt.Sprintf("%-10s  %s", item.State, item.ID)
		if item.Version > 0 {
			line += fmt.Sprintf(", %s, version %d", item.Outcome, item.Version)
		}
		if item.Chunks > 0 {
			line += fmt.Sprintf(", %d chunks", item.Chunks)
		}
		if e := item.Error; e != nil {
			line += fmt.Sprintf(" %d: %s: %s", item.Index, e.Code, e.Detail)
		}
		fmt.Fprintln(w, line)
	}
}
