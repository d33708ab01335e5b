package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/seal"
	"github.com/lodedb/lode/storage"
)

// formatVersion is the version of repository and manifests; doc.go holds its history.
const formatVersion = 2

// Kinds of envelope that this package writes. A number is never given to another kind.
const (
	kindRepository seal.Kind = 0x50 // repositoryRecord
	kindManifest   seal.Kind = 0x51 // manifest
	kindLock       seal.Kind = 0x52 // lockRecord
	kindObject     seal.Kind = 0x53 // stream: a blob, a sealed segment, or a piece of another file
)

// Bounds of what is read back.
const (
	maxManifestBytes = 1 << 30
	maxRecordBytes   = 4 << 10
	minChunkBytes    = 4 << 10
	maxChunkBytes    = 64 << 20
)

type repositoryRecord struct {
	Version int       `cbor:"1,keyasint"`
	Cluster string    `cbor:"2,keyasint"`
	Created time.Time `cbor:"3,keyasint"`
}

// manifest says what a backup consists of. Its id is not in it: the id holds the hash of the
// sealed manifest.
type manifest struct {
	Version     int         `cbor:"1,keyasint"`
	Cluster     string      `cbor:"2,keyasint"`
	Node        string      `cbor:"3,keyasint"`
	Index       uint64      `cbor:"4,keyasint"`
	Term        uint64      `cbor:"5,keyasint"`
	CatalogHash lode.Hash   `cbor:"6,keyasint"`
	Created     time.Time   `cbor:"7,keyasint"`
	Product     string      `cbor:"8,keyasint"` // version of the program
	Bytes       int64       `cbor:"9,keyasint"` // of the catalogue file
	ChunkBytes  int         `cbor:"10,keyasint"`
	Chunks      []lode.Hash `cbor:"11,keyasint"` // of the catalogue file, in order
	Blobs       []blob      `cbor:"12,keyasint"` // ascending
	Segments    []segment   `cbor:"13,keyasint"` // ascending by collection and number
}

type blob struct {
	_     struct{} `cbor:",toarray"`
	Hash  lode.Hash
	Bytes int64
}

var (
	encMode = mustEncMode()
	decMode = mustDecMode()
)

func mustEncMode() cbor.EncMode {
	options := cbor.CoreDetEncOptions()
	options.Time = cbor.TimeRFC3339NanoUTC
	mode, err := options.EncMode()
	if err != nil {
		panic(err)
	}
	return mode
}

func mustDecMode() cbor.DecMode {
	mode, err := cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, MaxNestedLevels: 8, MaxArrayElements: 1 << 26, IndefLength: cbor.IndefLengthForbidden,
		TagsMd: cbor.TagsForbidden, ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return mode
}

func encode(kind seal.Kind, v any, maxBytes int) ([]byte, error) {
	payload, err := encMode.Marshal(v)
	if err != nil {
		return nil, err
	}
	if len(payload) > maxBytes {
		return nil, lode.Errorf(lode.CodeTooLarge, "the manifest of the backup has %d bytes, at most %d can be read again", len(payload), maxBytes)
	}
	return seal.Seal(kind, payload), nil
}

func decode(kind seal.Kind, b []byte, v any) error {
	payload, err := seal.Open(kind, b)
	if err != nil {
		return err
	}
	if err := decMode.Unmarshal(payload, v); err != nil {
		return lode.Errorf(lode.CodeCorrupt, "decode: %w", err)
	}
	return nil
}

const idTime = "20060102T150405.000Z"

var idForm = regexp.MustCompile(`^\d{8}T\d{6}\.\d{3}Z-[0-9a-f]{16}$`)

// idOf names a backup: its time, so that names sort by age, and the hash of its manifest, so
// that a manifest under another name is noticed.
func idOf(created time.Time, sealed []byte) string {
	sum := sha256.Sum256(sealed)
	return created.Format(idTime) + "-" + hex.EncodeToString(sum[:8])
}

// parseManifest opens a sealed manifest and checks everything that can be checked without
// the objects.
func parseManifest(id string, sealed []byte) (*manifest, error) {
	m := new(manifest)
	if err := decode(kindManifest, sealed, m); err != nil {
		return nil, err
	}
	if m.Version != formatVersion {
		return nil, errVersion("backup", m.Version)
	}
	if got := idOf(m.Created, sealed); got != id {
		return nil, lode.Errorf(lode.CodeCorrupt, "the manifest is that of backup %s", got)
	}
	return m, m.validate()
}

func errVersion(what string, version int) error {
	err := lode.Errorf(lode.CodeCorrupt, "the %s has format version %d, this program knows %d", what, version, formatVersion)
	if version < formatVersion {
		return err.WithHint("begin a new repository; what is in this one needs the lode that made it")
	}
	return err.WithHint("a backup of a newer lode needs a newer lode")
}

func (m *manifest) validate() error {
	wrong := func(what string) error {
		return lode.Errorf(lode.CodeCorrupt, "the manifest is wrong: %s", what)
	}
	chunkBytes := int64(m.ChunkBytes)
	switch {
	case m.Cluster == "" || m.Node == "" || m.Index == 0 || m.Term == 0:
		return wrong("it names no state")
	case chunkBytes < minChunkBytes || chunkBytes > maxChunkBytes:
		return wrong("size of pieces")
	case !m.catalogue().whole():
		return wrong("number of the catalogue's pieces")
	}
	for i, b := range m.Blobs {
		if b.Bytes < 0 || b.Bytes > storage.MaxBlobBytes {
			return wrong("size of a blob")
		}
		if i > 0 && bytes.Compare(m.Blobs[i-1].Hash[:], b.Hash[:]) >= 0 {
			return wrong("order of the blobs")
		}
	}
	return m.validateSegments(wrong)
}

// objects returns every object of the backup with its length, each once.
func (m *manifest) objects() map[lode.Hash]int64 {
	all := make(map[lode.Hash]int64, len(m.Chunks)+len(m.Blobs)+len(m.Segments))
	add := func(p pieces) {
		for i, h := range p.hashes {
			all[h] = p.length(i)
		}
	}
	add(m.catalogue())
	for _, b := range m.Blobs {
		all[b.Hash] = b.Bytes
	}
	for i := range m.Segments {
		if s := &m.Segments[i]; s.sealed() {
			all[s.Hash] = s.Bytes
		} else {
			add(m.growing(s))
		}
	}
	return all
}

// Backup describes one backup.
type Backup struct {
	ID      string
	Cluster string // identity of the cluster it is of
	Node    string // that made it
	Index   uint64 // of the last log entry in it
	Term    uint64
	// CatalogHash is that of the replicated records at that entry, without rows
	// ([storage.CatalogInfo.Hash]).
	CatalogHash lode.Hash
	CreatedAt   time.Time
	Product     string // version of the program that made it
	Objects     int    // files that it consists of
	Bytes       int64  // of content
	// Uploaded and UploadedBytes are the part that [Repository.Create] had to write; others
	// were there already.
	Uploaded      int
	UploadedBytes int64
	// Damaged says why a manifest cannot be read; then ID alone is known. Only
	// [Repository.List] returns such backups.
	Damaged string
}

func (m *manifest) describe(id string) Backup {
	b := Backup{
		ID: id, Cluster: m.Cluster, Node: m.Node, Index: m.Index, Term: m.Term, CatalogHash: m.CatalogHash,
		CreatedAt: m.Created, Product: m.Product,
	}
	for _, n := range m.objects() {
		b.Objects++
		b.Bytes += n
	}
	return b
}
