package collection

import (
	"time"

	"github.com/lodedb/lode"
)

// fence finds the version that a job works on. The refusal says why the job may not go on:
// the version is gone, done, or belongs to a later epoch.
func (b *batch) fence(j lode.Job) (*document, *lode.Error, error) {
	d, err := b.jobDocument(j)
	if err != nil || d == nil {
		return nil, errSuperseded(j), err
	}
	if d.newest.Version != j.Version || d.newest.State != lode.StatePending || d.newest.Epoch != j.Epoch {
		return nil, errSuperseded(j), nil
	}
	return d, nil, nil
}

func (b *batch) jobDocument(j lode.Job) (*document, error) {
	settings, err := b.collection(j.Collection)
	if err != nil || settings == nil {
		return nil, err
	}
	doc, err := absent(b.tx.Document(j.Collection, j.Doc))
	if err != nil {
		return nil, err
	}
	return readDocument(b.tx, doc)
}

func errSuperseded(j lode.Job) *lode.Error {
	return lode.Errorf(lode.CodeSuperseded, "document %d version %d epoch %d: a newer version, epoch or result has taken over", j.Doc, j.Version, j.Epoch)
}

// claim starts the job again under the next epoch, with nothing staged.
func (b *batch) claim(c *claim) (any, error) {
	old, refusal, err := b.fence(c.Job)
	if err != nil || refusal != nil {
		return refused(refusal, err)
	}
	next := old.clone()
	if err := b.restart(next, next.newest.UpdatedAt); err != nil {
		return nil, err
	}
	if err := next.put(b.tx); err != nil {
		return nil, err
	}
	return next.job(), b.tx.PutJob(next.job())
}

// refused gives a refusal the form of a result.
func refused(refusal *lode.Error, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return refusal, nil
}

// restart makes the newest version pending under the next epoch and drops what was staged
// for it. The caller stores document, version and job.
func (b *batch) restart(d *document, at time.Time) error {
	v := d.newest
	if v.State == lode.StateQuarantined {
		if err := b.tx.DropQuarantined(d.doc.Collection, d.doc.No); err != nil {
			return err
		}
	}
	if err := b.dropStaged(d); err != nil {
		return err
	}
	v.State, v.Failure = lode.StatePending, nil
	v.Epoch++
	v.Runs = receiveRuns(v.Runs)
	v.UpdatedAt = at
	return nil
}

// receiveRuns keeps what is known from before the job began.
func receiveRuns(runs []lode.Run) []lode.Run {
	for i := range runs {
		if runs[i].Stage == lode.StageReceive {
			return runs[i : i+1 : i+1]
		}
	}
	return nil
}

// addRuns puts the runs of a job behind that of the receive stage.
func addRuns(received, worked []lode.Run) []lode.Run {
	runs := receiveRuns(received)
	for _, r := range worked {
		if r.Stage != lode.StageReceive {
			runs = append(runs, r)
		}
	}
	return runs
}

func (b *batch) stageSilver(c *stageSilver) (any, error) {
	d, refusal, err := b.fence(c.Job)
	if err != nil || refusal != nil {
		return refused(refusal, err)
	}
	if c.Part < 0 || len(c.Data) == 0 {
		return lode.Invalid("part", c.Part, "a silver part has a number from 0 and at least one byte"), nil
	}
	return b.stage(d, func(v *lode.DocVersion) error {
		return b.tx.PutSilverPart(d.doc.Collection, v, c.Part, c.Data)
	})
}

// stage writes parts of the newest version to its segment. Parts that differ from what the
// same epoch has staged are refused; those before them stay, where nothing shows them.
func (b *batch) stage(d *document, put func(*lode.DocVersion) error) (any, error) {
	v, placed := d.newest, d.newest.Segment != 0
	if err := b.tx.Place(d.doc.Collection, v); err != nil {
		return nil, err
	}
	err := put(v)
	if !placed {
		if err := b.tx.PutVersion(d.doc.Collection, v); err != nil {
			return nil, err
		}
	}
	if lode.IsCode(err, lode.CodeConflict) {
		return coded(err), nil
	}
	if err != nil {
		return nil, err
	}
	return done{}, nil
}

func (b *batch) stageChunks(c *stageChunks) (any, error) {
	d, refusal, err := b.fence(c.Job)
	if err != nil || refusal != nil {
		return refused(refusal, err)
	}
	settings, err := b.tx.Collection(c.Job.Collection)
	if err != nil {
		return nil, err
	}
	for i := range c.decoded {
		if refusal := checkChunk(settings, c.Job, &c.decoded[i]); refusal != nil {
			return refusal, nil
		}
	}
	return b.stage(d, func(v *lode.DocVersion) error {
		for i := range c.decoded {
			if err := b.tx.PutChunk(d.doc.Collection, v, &c.decoded[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// checkChunk refuses a chunk that could not be indexed or belongs to another version, and gives
// its vectors the form that is stored.
func checkChunk(settings *lode.Collection, j lode.Job, s *lode.StagedChunk) *lode.Error {
	id := s.Chunk.ID
	if id.Doc != j.Doc || id.Version != j.Version {
		return lode.Invalid("chunk", id, "chunk does not belong to document %d version %d", j.Doc, j.Version)
	}
	_, vector, err := parseVector(settings, s.Vector)
	if err != nil {
		return err.In("chunk " + id.String())
	}
	_, named, err := parseOthers(settings, s.Vectors, s.Sparse)
	if err != nil {
		return err.In("chunk " + id.String())
	}
	s.Vector, s.Vectors = vector, named
	return nil
}

// parseVector reads the vector of a write and checks that it fits the collection. Under cosine
// it becomes one of unit length: that is what is compared, and so what is stored. stored is
// the vector in the form in which it is.
func parseVector(settings *lode.Collection, b []byte) (v lode.Vector, stored []byte, refusal *lode.Error) {
	v, err := lode.ParseVector(b)
	if err == nil {
		err = v.ValidateFor(settings.Dim, settings.Metric)
	}
	if err != nil {
		return nil, nil, coded(err)
	}
	if settings.Metric != lode.Cosine {
		return v, b, nil
	}
	unit := v.Normalize()
	if &unit[0] == &v[0] {
		return v, b, nil
	}
	return unit, lode.AppendVector(nil, unit), nil
}

// coded gives the coded form of an error.
func coded(err error) *lode.Error {
	if e, ok := err.(*lode.Error); ok {
		return e
	}
	return lode.Errorf(lode.CodeOf(err), "%w", err)
}

// fail puts a version into quarantine. Its bytes stay, what was staged goes, and an older
// version stays visible.
func (b *batch) fail(c *fail) (any, error) {
	old, refusal, err := b.fence(c.Job)
	if err != nil || refusal != nil {
		return refused(refusal, err)
	}
	next := old.clone()
	v := next.newest
	v.State, v.Failure = lode.StateQuarantined, &c.Failure
	v.Runs = addRuns(v.Runs, c.Runs)
	v.UpdatedAt, next.doc.UpdatedAt = c.Failure.At, c.Failure.At
	if err := b.tx.DropJob(c.Job); err != nil {
		return nil, err
	}
	if err := b.dropStaged(next); err != nil {
		return nil, err
	}
	if err := next.put(b.tx); err != nil {
		return nil, err
	}
	if err := b.tx.PutQuarantined(next.doc.Collection, next.doc.No); err != nil {
		return nil, err
	}
	b.changed(old, next, nil)
	b.tell(func(ev *Events) {
		if ev.Quarantined != nil {
			ev.Quarantined(*next.doc, *next.newest)
		}
	})
	return done{}, nil
}

// retry takes a document out of quarantine and gives it a new job.
func (b *batch) retry(c *retry) (any, error) {
	settings, err := b.collection(c.Collection)
	if err != nil {
		return nil, err
	}
	if settings == nil {
		return errNoCollection(c.Collection), nil
	}
	old, err := findDocument(b.tx, c.Collection, lode.KindDocument, c.ID)
	if err != nil {
		return nil, err
	}
	if old == nil || !old.maySee(c.Actor.principal()) {
		return errNoDocument(lode.KindDocument, c.ID), nil
	}
	if old.newest.State != lode.StateQuarantined {
		return lode.FieldError(lode.CodeConflict, "id", c.ID, "the document is %s, not in quarantine", old.newest.State), nil
	}
	next := old.clone()
	next.doc.UpdatedAt = c.At
	if err := b.restart(next, c.At); err != nil {
		return nil, err
	}
	if _, err := b.enqueue(old, next, lode.OutcomeUpdated); err != nil {
		return nil, err
	}
	return next.job(), nil
}
