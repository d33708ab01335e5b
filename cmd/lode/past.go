package main

import (
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/client"
)

// past is the time that a question is about.
type past struct {
	AsOf string `help:"What was shown at a time, as 2026-11-27T09:30:00Z, or so long ago, as 2h or 7d; for collections with a history." placeholder:"TIME" env:"-"`
}

// of returns a client that asks about the time.
func (p *past) of(node *client.Client) (*client.Client, error) {
	at, err := p.parse(time.Now())
	return node.AsOf(at), err
}

// parse returns the zero time for the present.
func (p *past) parse(now time.Time) (time.Time, error) {
	if p.AsOf == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339, p.AsOf); err == nil {
		return at, nil
	}
	ago, err := lode.ParsePeriod(p.AsOf)
	if err != nil || ago == 0 {
		return time.Time{}, usageError{lode.Invalid("as-of", p.AsOf, "%q is no time as RFC 3339 writes it, and no length of time", p.AsOf).
			WithHint("write it as 2026-11-27T09:30:00Z, 2h or 7d")}
	}
	return now.Add(-time.Duration(ago)), nil
}
