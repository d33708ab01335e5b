package chaos_test

import (
	"context"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/bench/chaos"
	"github.com/lodedb/lode/client"
)

// worked starts a node and lets the workload run for a while.
func worked(t *testing.T, dir string) (*chaos.Node, *chaos.Ledger) {
	t.Helper()
	n := startNode(t, dir)
	w := &chaos.Workload{Ledger: chaos.NewLedger(), Seed: 7}
	if err := w.Prepare(t.Context(), n.Client); err != nil {
		t.Fatal(err)
	}
	if err := w.Settle(t.Context(), n.Client.BaseURL()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	w.Run(ctx, n.Client.BaseURL())
	if w.Ledger.Acked() < 20 {
		t.Fatalf("only %d writes were acknowledged", w.Ledger.Acked())
	}
	return n, w.Ledger
}

func mustVerify(t *testing.T, r chaos.Reader, l *chaos.Ledger) []chaos.Finding {
	t.Helper()
	findings, err := chaos.Verify(t.Context(), r, l)
	if err != nil {
		t.Fatal(err)
	}
	return findings
}

// TestVerify: an honest node has no findings, and each way of breaking a promise is found
// and called by its name.
func TestVerify(t *testing.T) {
	n, ledger := worked(t, filepath.Join(t.TempDir(), "data"))
	if findings := mustVerify(t, n.Client, ledger); len(findings) != 0 {
		t.Fatalf("an honest node: %v", findings)
	}
	document, vector, deleted := pick(t, ledger)
	for name, control := range map[string]struct {
		reader chaos.Reader
		tamper func(*chaos.Ledger)
		want   chaos.Verdict
	}{
		"acknowledged and never sent": {n.Client, func(l *chaos.Ledger) {
			k := chaos.Key{Kind: chaos.KindVector, Collection: "points", ID: "ghost"}
			l.Attempt(k, "The mark of this note is ghost.")
			l.Acknowledge(k)
		}, chaos.Lost},
		"collection missing": {n.Client, func(l *chaos.Ledger) {
			k := chaos.Key{Kind: chaos.KindCollection, Collection: "ghost"}
			l.Attempt(k, "3")
			l.Acknowledge(k)
		}, chaos.Lost},
		"change undone": {n.Client, func(l *chaos.Ledger) {
			l.Attempt(document, "The mark of this note is another.")
			l.Acknowledge(document)
		}, chaos.Lost},
		"document not searchable": {silent{n.Client}, nil, chaos.Lost},
		"listed twice":            {stutter{n.Client}, nil, chaos.Doubled},
		"found twice":             {echo{n.Client}, nil, chaos.Doubled},
		"document is back": {n.Client, func(l *chaos.Ledger) {
			l.Attempt(document, chaos.Absent)
			l.Acknowledge(document)
		}, chaos.Resurrected},
		"vector is back": {n.Client, func(l *chaos.Ledger) {
			l.Attempt(vector, chaos.Absent)
			l.Acknowledge(vector)
		}, chaos.Resurrected},
		"deleted text is found": {haunted{n.Client, deleted}, nil, chaos.Resurrected},
		"bytes differ":          {garbled{n.Client}, nil, chaos.Damaged},
		"text is cut":           {shortened{n.Client}, nil, chaos.Damaged},
		"breach in the check":   {breached{n.Client}, nil, chaos.Damaged},
	} {
		t.Run(name, func(t *testing.T) {
			l := ledger.Clone()
			if control.tamper != nil {
				control.tamper(l)
			}
			findings := mustVerify(t, control.reader, l)
			if !slices.ContainsFunc(findings, func(f chaos.Finding) bool { return f.Verdict == control.want }) {
				t.Errorf("%s is not found: %v", control.want, findings)
			}
		})
	}
}

// pick finds a document and a vector that surely exist, and one that was surely deleted.
func pick(t *testing.T, l *chaos.Ledger) (document, vector, deleted chaos.Key) {
	t.Helper()
	for _, k := range l.Keys() {
		switch {
		case k.Kind == chaos.KindDocument && l.Certain(k):
			document = k
		case k.Kind == chaos.KindDocument:
			deleted = k
		case k.Kind == chaos.KindVector && k.Collection == "points" && l.Certain(k):
			vector = k
		}
	}
	if document.ID == "" || vector.ID == "" || deleted.ID == "" {
		t.Fatalf("the workload left no choice: %v %v %v", document, vector, deleted)
	}
	return document, vector, deleted
}

// The nodes below lie in one way each.
type (
	silent  struct{ *client.Client }
	stutter struct{ *client.Client }
	echo    struct{ *client.Client }
	haunted struct {
		*client.Client
		key chaos.Key
	}
	garbled   struct{ *client.Client }
	shortened struct{ *client.Client }
	breached  struct{ *client.Client }
)

func (silent) Retrieve(context.Context, string, v1.Retrieve) (*v1.Retrieved, error) {
	return &v1.Retrieved{}, nil
}

func (s stutter) Documents(ctx context.Context, collection string, page client.DocumentPage) iter.Seq2[v1.Document, error] {
	return func(yield func(v1.Document, error) bool) {
		for doc, err := range s.Client.Documents(ctx, collection, page) {
			for range 2 {
				if !yield(doc, err) {
					return
				}
			}
		}
	}
}

func (e echo) Retrieve(ctx context.Context, collection string, req v1.Retrieve) (*v1.Retrieved, error) {
	found, err := e.Client.Retrieve(ctx, collection, req)
	if err == nil {
		found.Hits = append(found.Hits, found.Hits...)
	}
	return found, err
}

func (h haunted) Retrieve(ctx context.Context, collection string, req v1.Retrieve) (*v1.Retrieved, error) {
	found, err := h.Client.Retrieve(ctx, collection, req)
	if err == nil && len(found.Hits) == 0 && collection == h.key.Collection {
		found.Hits = []v1.Hit{{DocumentID: h.key.ID}}
	}
	return found, err
}

func (g garbled) GetBronze(ctx context.Context, collection string, id lode.DocID) (*client.BronzeLayer, error) {
	bronze, err := g.Client.GetBronze(ctx, collection, id)
	if err == nil {
		bronze.Content[len(bronze.Content)/2] ^= 1
	}
	return bronze, err
}

func (s shortened) GetSilver(ctx context.Context, collection string, id lode.DocID) (*v1.SilverLayer, error) {
	silver, err := s.Client.GetSilver(ctx, collection, id)
	if err == nil {
		silver.Text = silver.Text[:10]
	}
	return silver, err
}

func (breached) Check(context.Context) (*v1.CheckReport, error) {
	return &v1.CheckReport{Count: 1, Breaches: []v1.Breach{{Where: "here", What: "torn"}}}, nil
}

// TestHiddenDamage changes the folder of a stopped node where nobody looks at a start, and
// asks both checks.
func TestHiddenDamage(t *testing.T) {
	honest := filepath.Join(t.TempDir(), "data")
	n, ledger := worked(t, honest)
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
	if findings, err := chaos.VerifyDir(t.Context(), honest); err != nil || len(findings) != 0 {
		t.Fatalf("an honest folder: %v %v", findings, err)
	}
	for name, damage := range map[string]func(t *testing.T, dir string){
		"a flipped byte of a blob": func(t *testing.T, dir string) {
			for _, path := range allBlobs(t, dir) {
				flip(t, path)
			}
		},
		"a flipped byte of a sealed segment": func(t *testing.T, dir string) {
			for _, path := range allSealed(t, dir) {
				flip(t, path)
			}
		},
		// All of them: one alone may have been merged into another and wait to be swept.
		"sealed segments that are gone": func(t *testing.T, dir string) {
			for _, path := range allSealed(t, dir) {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			if err := os.CopyFS(dir, os.DirFS(honest)); err != nil {
				t.Fatal(err)
			}
			damage(t, dir)
			if findings, err := chaos.VerifyDir(t.Context(), dir); err == nil && len(findings) == 0 {
				t.Error("offline, it is not found")
			}
			online(t, dir, ledger)
		})
	}
}

// online demands that a node does not serve damage as if it were nothing: it finds it, or
// refuses to start.
func online(t *testing.T, dir string, ledger *chaos.Ledger) {
	t.Helper()
	binary, _ := program(t)
	n, err := chaos.StartSealing(t.Context(), binary, dir, t.TempDir())
	if n != nil {
		t.Cleanup(n.Kill)
	}
	if err != nil {
		t.Logf("it does not start: %v", err)
		return
	}
	findings, err := chaos.Verify(t.Context(), n.Client, ledger)
	if err != nil {
		t.Logf("it cannot be read: %v", err)
		return
	}
	if !slices.ContainsFunc(findings, func(f chaos.Finding) bool { return f.Verdict == chaos.Damaged || f.Verdict == chaos.Lost }) {
		t.Errorf("online, it is not found: %v", findings)
	}
}

// allSealed returns the paths of all sealed segments.
func allSealed(t *testing.T, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "segments", "*.segment"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no sealed segments: %v", err)
	}
	return paths
}

// allBlobs returns the paths of all blobs.
func allBlobs(t *testing.T, dir string) []string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir(filepath.Join(dir, "blobs"), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() && filepath.Base(filepath.Dir(path)) != "tmp" {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil || len(paths) == 0 {
		t.Fatalf("no blobs: %v", err)
	}
	return paths
}

func flip(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/2] ^= 1
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}
