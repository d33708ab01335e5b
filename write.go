package lode

// Write is what a caller says about a write beside its content. The zero Write is an
// ordinary one, of which nothing is kept.
//
// A write with a key happens at most once: its outcome is kept with the state, and the same
// request under the same key is answered with it. A request is carried out in parts where it
// is too large for one step of the log; each part has an outcome of its own.
type Write struct {
	Key     string // names the write among those of its principal; empty: it has no name
	Request Hash   // of everything that is asked for; the same key with another one is [CodeConflict]
	Part    int    // which part of the request this is, from 0
	Parts   int    // how many it has; 0 means 1
}

// MaxKeyBytes is the longest key of a [Write].
const MaxKeyBytes = 128

// ValidateKey checks the key of a [Write]: 1 to [MaxKeyBytes] visible characters of ASCII.
func ValidateKey(key string) error {
	if key == "" || len(key) > MaxKeyBytes {
		return Invalid("idempotency_key", key, "a key has 1 to %d characters", MaxKeyBytes)
	}
	for i := range len(key) {
		if key[i] <= ' ' || key[i] > '~' {
			return Invalid("idempotency_key", key, "a key holds visible ASCII characters only")
		}
	}
	return nil
}

// Target is a document or raw vector to delete.
type Target struct {
	ID        DocID
	IfVersion *Version // delete only while its newest version is this one; nil: whichever
}
