package raft

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	hclog "github.com/hashicorp/go-hclog"
)

func TestBridge(t *testing.T) {
	f := func(alone bool, least slog.Level, want string) {
		t.Helper()
		var out bytes.Buffer
		to := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: least, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}}))
		b := newBridge(to, alone).Named("net").With("peer", "b")
		b.Trace("one")
		b.Debug("two")
		b.Info("three", "servers", hclog.Fmt("%d of %d", 2, 3))
		b.Warn("four")
		b.Error("five", "error", "disk")
		if got := strings.TrimSpace(out.String()); got != strings.TrimSpace(want) {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		if b.IsInfo() != (least <= slog.LevelDebug) || !b.IsError() || b.Name() != "raft.net" {
			t.Error("levels or name")
		}
	}
	f(false, slog.LevelInfo, `
level=WARN msg="raft: four" part=raft.net peer=b
level=ERROR msg="raft: five" part=raft.net peer=b error=disk`)
	f(true, slog.LevelInfo, `level=ERROR msg="raft: five" part=raft.net peer=b error=disk`)
	f(false, slog.LevelDebug, `
level=DEBUG msg="raft: two" part=raft.net peer=b
level=DEBUG msg="raft: three" part=raft.net peer=b servers="2 of 3"
level=WARN msg="raft: four" part=raft.net peer=b
level=ERROR msg="raft: five" part=raft.net peer=b error=disk`)
}
