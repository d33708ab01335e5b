package chaos

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/storage"
)

// Verdict is how a node broke its word.
type Verdict string

// Verdicts of [Verify].
const (
	Lost        Verdict = "lost"        // acknowledged and not there, or not found by its word
	Doubled     Verdict = "doubled"     // there twice
	Resurrected Verdict = "resurrected" // deleted or replaced, and seen again
	Damaged     Verdict = "damaged"     // there, and not what it must be
)

// Finding is one broken promise.
type Finding struct {
	Verdict Verdict `json:"verdict"`
	Where   string  `json:"where"`
	What    string  `json:"what"`
}

func (f Finding) String() string { return fmt.Sprintf("%s: %s: %s", f.Verdict, f.Where, f.What) }

// Reader is the part of a [client.Client] that the verdict needs.
type Reader interface {
	Collections(ctx context.Context) iter.Seq2[v1.Collection, error]
	GetCollection(ctx context.Context, name string) (*v1.Collection, error)
	Documents(ctx context.Context, collection string, page client.DocumentPage) iter.Seq2[v1.Document, error]
	GetBronze(ctx context.Context, collection string, id lode.DocID) (*client.BronzeLayer, error)
	GetSilver(ctx context.Context, collection string, id lode.DocID) (*v1.SilverLayer, error)
	GetGold(ctx context.Context, collection string, id lode.DocID) (*v1.GoldLayer, error)
	Retrieve(ctx context.Context, collection string, req v1.Retrieve) (*v1.Retrieved, error)
	SearchVectors(ctx context.Context, collection string, req v1.SearchVectors) (*v1.VectorHits, error)
	GetVector(ctx context.Context, collection string, id lode.DocID) (*v1.Point, error)
	Check(ctx context.Context) (*v1.CheckReport, error)
}

var _ Reader = (*client.Client)(nil)

// settleTimeout bounds the wait for documents that were accepted before the fault.
const settleTimeout = 30 * time.Second

// verifier compares one node with one ledger.
type verifier struct {
	ctx      context.Context
	node     Reader
	ledger   *Ledger
	held     map[Key]string
	aside    map[Key]bool // in quarantine, where a write without an answer may have left it
	findings []Finding
}

// Verify lists every difference between what a node holds and what its clients were told,
// by lists, layers and searches, and everything that the node's own check finds. The error
// is non-nil only when the node cannot be read.
func Verify(ctx context.Context, node Reader, l *Ledger) ([]Finding, error) {
	v := &verifier{ctx: ctx, node: node, ledger: l, held: map[Key]string{}, aside: map[Key]bool{}}
	for _, step := range []func() error{v.readAll, v.compare, v.findByWords, v.check} {
		if err := step(); err != nil {
			return v.findings, err
		}
	}
	return v.findings, nil
}

func (v *verifier) find(verdict Verdict, where fmt.Stringer, format string, args ...any) {
	v.findings = append(v.findings, Finding{verdict, where.String(), fmt.Sprintf(format, args...)})
}

// readAll reads all collections and what is in them.
func (v *verifier) readAll() error {
	var names []string
	for c, err := range v.node.Collections(v.ctx) {
		if err != nil {
			return fmt.Errorf("list collections: %w", err)
		}
		v.hold(Key{Kind: KindCollection, Collection: c.Name}, strconv.Itoa(c.Dim))
		names = append(names, c.Name)
	}
	for _, name := range slices.Compact(names) {
		if err := v.readCollection(name); err != nil {
			return fmt.Errorf("read collection %s: %w", name, err)
		}
	}
	return nil
}

func (v *verifier) hold(k Key, value string) {
	if _, twice := v.held[k]; twice {
		v.find(Doubled, k, "listed twice")
	}
	v.held[k] = value
}

func (v *verifier) readCollection(name string) error {
	c, err := v.settled(name)
	if err != nil {
		return err
	}
	documents, err := v.readDocuments(name)
	if err != nil {
		return err
	}
	vectors, err := v.readVectors(c)
	if err != nil {
		return err
	}
	where := Key{Kind: KindCollection, Collection: name}
	if got := c.Stats.Documents + c.Stats.Quarantined; got < documents || c.Stats.Documents > documents {
		v.find(Damaged, where, "counts %d documents and %d in quarantine, lists %d", c.Stats.Documents, c.Stats.Quarantined, documents)
	}
	if c.Stats.Vectors != vectors {
		v.find(Damaged, where, "counts %d vectors, finds %d", c.Stats.Vectors, vectors)
	}
	return nil
}

// settled waits until no document is pending.
func (v *verifier) settled(name string) (*v1.Collection, error) {
	for deadline := time.Now().Add(settleTimeout); ; {
		c, err := v.node.GetCollection(v.ctx, name)
		if err != nil {
			return nil, err
		}
		if c.Stats.Pending == 0 {
			return c, nil
		}
		if time.Now().After(deadline) {
			v.find(Damaged, Key{Kind: KindCollection, Collection: name}, "%d documents are still pending after %s", c.Stats.Pending, settleTimeout)
			return c, nil
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (v *verifier) readDocuments(collection string) (int, error) {
	n := 0
	for doc, err := range v.node.Documents(v.ctx, collection, client.DocumentPage{}) {
		if err != nil {
			return n, err
		}
		n++
		k := Key{KindDocument, collection, doc.ID}
		bronze, err := v.node.GetBronze(v.ctx, collection, doc.ID)
		if err != nil {
			v.find(Damaged, k, "received bytes: %v", err)
			v.hold(k, "unreadable")
			continue
		}
		v.hold(k, string(bronze.Content))
		if doc.Bronze == nil || *doc.Bronze != lode.HashOf(bronze.Content) {
			v.find(Damaged, k, "the received bytes are not those of the list")
		}
		v.readLayers(k, doc, wordOf(string(bronze.Content)))
	}
	return n, nil
}

// readLayers follows a document's word through text and chunks.
func (v *verifier) readLayers(k Key, doc v1.Document, word string) {
	if doc.State != lode.StateReady || doc.CurrentVersion != doc.Version {
		if possible, _ := v.ledger.possible(k); len(possible) == 1 {
			v.find(Lost, k, "acknowledged, and %s at version %d of %d: %+v", doc.State, doc.CurrentVersion, doc.Version, doc.Failure)
		}
		v.aside[k] = true
		return
	}
	silver, err := v.node.GetSilver(v.ctx, k.Collection, k.ID)
	if err != nil {
		v.find(Damaged, k, "text: %v", err)
	} else if strings.Count(silver.Text, word) != 1 {
		v.find(Damaged, k, "the text does not hold its word once")
	}
	gold, err := v.node.GetGold(v.ctx, k.Collection, k.ID)
	if err != nil {
		v.find(Damaged, k, "chunks: %v", err)
		return
	}
	n := 0
	for _, chunk := range gold.Chunks {
		n += strings.Count(chunk.Text, word)
	}
	if n != 1 || len(gold.Chunks) != doc.Chunks {
		v.find(Damaged, k, "%d of %d chunks, and %d hold its word", len(gold.Chunks), doc.Chunks, n)
	}
}

// readVectors finds all raw vectors by asking for more neighbours than there are.
func (v *verifier) readVectors(c *v1.Collection) (int, error) {
	if c.Stats.Vectors == 0 {
		return 0, nil
	}
	all := 10_000
	probe := make(lode.Vector, c.Dim)
	probe[0] = 1
	hits, err := v.node.SearchVectors(v.ctx, c.Name, v1.SearchVectors{Vector: probe, K: &all})
	if err != nil {
		return 0, err
	}
	n := 0
	for _, hit := range hits.Hits {
		if hit.Kind != string(KindVector) {
			continue
		}
		n++
		k := Key{KindVector, c.Name, hit.DocumentID}
		point, err := v.node.GetVector(v.ctx, c.Name, hit.DocumentID)
		if err != nil {
			v.find(Damaged, k, "found, and cannot be read: %v", err)
			v.hold(k, hit.Text)
			continue
		}
		v.hold(k, point.Text)
		if want := newPoint(k.ID, point.Text, c.Dim); !slices.Equal(point.Vector, want.Vector) || hit.Text != point.Text {
			v.find(Damaged, k, "its numbers are not those of its text")
		}
	}
	return n, nil
}

// compare judges every key of the ledger and every key that is held.
func (v *verifier) compare() error {
	for _, k := range v.ledger.Keys() {
		v.judge(k)
		delete(v.held, k)
	}
	for k := range v.held {
		v.find(Damaged, k, "nobody wrote it")
	}
	return nil
}

func (v *verifier) judge(k Key) {
	value := v.held[k]
	possible, former := v.ledger.possible(k)
	switch {
	case slices.Contains(possible, value):
	case value == Absent:
		v.find(Lost, k, "acknowledged and not there")
	case len(possible) == 1 && possible[0] == Absent:
		v.find(Resurrected, k, "its deletion was acknowledged")
	case slices.Contains(former, value):
		v.find(Lost, k, "holds a value that was replaced")
	default:
		v.find(Damaged, k, "holds a value that nobody wrote")
	}
}

// findByWords searches for every word that ever was: those of what is there lead to it
// alone, all others to nothing.
func (v *verifier) findByWords() error {
	for _, k := range v.ledger.Keys() {
		if k.Kind == KindCollection || v.aside[k] || !v.ledger.Certain(Key{Kind: KindCollection, Collection: k.Collection}) {
			continue
		}
		possible, former := v.ledger.possible(k)
		for _, value := range former {
			if err := v.search(k, value, 0); err != nil {
				return err
			}
		}
		if len(possible) == 1 && possible[0] != Absent {
			if err := v.search(k, possible[0], 1); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *verifier) search(k Key, value string, want int) error {
	five := 5
	found, err := v.node.Retrieve(v.ctx, k.Collection, v1.Retrieve{Text: wordOf(value), Mode: lode.ModeLexical, K: &five})
	if lode.IsCode(err, lode.CodeNotFound) {
		return nil // the collection is missing, which was found already
	}
	if err != nil {
		return fmt.Errorf("search %s: %w", k, err)
	}
	switch n := len(found.Hits); {
	case n > want && want == 0:
		v.find(Resurrected, k, "search finds a text that was replaced or deleted")
	case n > want:
		v.find(Doubled, k, "search finds it %d times", n)
	case n < want:
		v.find(Lost, k, "search does not find it")
	case want == 1 && (found.Hits[0].DocumentID != k.ID || !strings.Contains(found.Hits[0].Text, wordOf(value))):
		v.find(Damaged, k, "search finds %s for its word", found.Hits[0].DocumentID)
	}
	return nil
}

// check asks the node to walk everything.
func (v *verifier) check() error {
	report, err := v.node.Check(v.ctx)
	if err != nil {
		return fmt.Errorf("check: %w", err)
	}
	for _, b := range report.Breaches {
		v.findings = append(v.findings, Finding{Damaged, b.Where, b.What})
	}
	return nil
}

// VerifyDir is the offline check of a stopped node's folder.
func VerifyDir(ctx context.Context, dir string) ([]Finding, error) {
	var findings []Finding
	err := storage.CheckDir(ctx, dir, func(b storage.Breach) {
		if !b.Benign { // bytes of a killed upload wait for the sweeper
			findings = append(findings, Finding{Damaged, "offline " + b.Where, b.What})
		}
	})
	return findings, err
}
