package lode

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Facts are what an owner says about a document beside its content.
type Facts struct {
	Metadata  Metadata
	Readers   []string // sorted, once each
	ExpiresAt *time.Time
}

// Validate checks the facts and their limits.
func (f *Facts) Validate() error {
	if err := f.Metadata.Validate(); err != nil {
		return err
	}
	if err := ValidateReaders(f.Readers); err != nil {
		return err
	}
	return ValidateExpiry(f.ExpiresAt)
}

// Patch changes the facts of a document without its content. The zero value of a member leaves
// things as they are. As JSON the members are set, delete, replace, readers, add_readers,
// remove_readers and expires_at.
//
// Delete goes before Set. Both take paths as filters do, see [Metadata.Find]:
//
//   - Delete removes whatever filters find at each path, also in every object of a list on the
//     way, whether the keys are nested or dotted. Nothing there is no error.
//   - Set gives each path a value, which replaces the one there as a whole: objects are not
//     merged, a path into them changes one member. Where there is none yet, the longest object on
//     the way gets the rest of the path as a key, and so does every object of a list on the way;
//     without any, the path becomes a key of the metadata as it is written. Paths are taken
//     in the order of their bytes, so "a" comes before "a.b".
//
// Null is a value that is set, as in an upload; it deletes nothing. That is what differs from
// JSON Merge Patch (RFC 7396), which cannot set it.
type Patch struct {
	Set     Metadata  `cbor:"1,keyasint,omitempty"`
	Delete  []string  `cbor:"2,keyasint,omitempty"`
	Replace *Metadata `cbor:"3,keyasint,omitempty"` // instead of Set and Delete: all of the metadata; may be empty, not nil
	// Readers is instead of AddReaders and RemoveReaders. An empty list, which is not nil, opens the document to
	// everybody, and only this does: to remove the last reader is refused. To add one to a document
	// that everybody may see closes it to all others.
	Readers       *[]string `cbor:"4,keyasint,omitempty"`
	AddReaders    []string  `cbor:"5,keyasint,omitempty"`
	RemoveReaders []string  `cbor:"6,keyasint,omitempty"`
	ExpiresAt     *Expiry   `cbor:"7,keyasint,omitempty"` // nil leaves it; as JSON null clears it
}

// Expiry says when something ends. The zero Expiry is never.
type Expiry struct {
	At *time.Time `cbor:"1,keyasint,omitempty"`
}

// IsZero reports whether the patch changes nothing.
func (p *Patch) IsZero() bool {
	return len(p.Set) == 0 && len(p.Delete) == 0 && p.Replace == nil && p.Readers == nil &&
		len(p.AddReaders) == 0 && len(p.RemoveReaders) == 0 && p.ExpiresAt == nil
}

// Validate checks the patch by itself. It must change something.
func (p *Patch) Validate() error {
	if p.IsZero() {
		return Invalid("", "", "the patch changes nothing").WithHint("use one of " + strings.Join(patchMembers, ", "))
	}
	if err := p.validateMetadata(); err != nil {
		return err
	}
	if err := p.validateReaders(); err != nil {
		return err
	}
	if p.ExpiresAt != nil {
		return ValidateExpiry(p.ExpiresAt.At)
	}
	return nil
}

func (p *Patch) validateMetadata() error {
	if p.Replace != nil {
		if *p.Replace == nil {
			return Invalid("replace", "", "replace is not nil, which would be lost in the log, but empty")
		}
		if len(p.Set) > 0 || len(p.Delete) > 0 {
			return Invalid("replace", "", "replace stands without set and delete")
		}
		if err := p.Replace.Validate(); err != nil {
			return underName("replace", err)
		}
	}
	var t tally
	for path, v := range p.Set {
		if err := validatePath("set", path); err != nil {
			return err
		}
		if err := t.value(v, 0); err != nil {
			return err.In(path).In("set")
		}
	}
	if most := max(len(p.Set), len(p.Delete)); most > MaxMetadataKeys {
		return Invalid("", most, "a patch has at most %d paths", MaxMetadataKeys)
	}
	for i, path := range p.Delete {
		if err := validatePath(indexed("delete", i), path); err != nil {
			return err
		}
	}
	return nil
}

// underName puts the name of a member for "metadata" in the path of an error.
func underName(name string, err error) error {
	e := *asError(err)
	e.Field = name + strings.TrimPrefix(e.Field, "metadata")
	return &e
}

func (p *Patch) validateReaders() error {
	if p.Readers != nil {
		if *p.Readers == nil {
			return Invalid("readers", "", "readers is not nil, which would be lost in the log, but empty")
		}
		if len(p.AddReaders) > 0 || len(p.RemoveReaders) > 0 {
			return Invalid("readers", "", "readers stands without add_readers and remove_readers")
		}
		return ValidateReaders(*p.Readers)
	}
	for name, readers := range map[string][]string{"add_readers": p.AddReaders, "remove_readers": p.RemoveReaders} {
		if err := ValidateReaders(readers); err != nil {
			e := *asError(err)
			e.Field = name
			return &e
		}
	}
	for _, r := range p.AddReaders {
		if slices.Contains(p.RemoveReaders, r) {
			return Invalid("add_readers", r, "a reader is both added and removed")
		}
	}
	return nil
}

// Apply returns the facts as they are after the patch, which has been validated. It changes
// nothing of the old ones and depends on nothing else; the result may share memory with them
// and with the patch. It fails where the result breaks a limit, or has lost its last reader.
func (p *Patch) Apply(old Facts) (Facts, error) {
	now := old
	now.Metadata = p.patchMetadata(old.Metadata)
	var err error
	if now.Readers, err = p.patchReaders(old.Readers); err != nil {
		return old, err
	}
	if p.ExpiresAt != nil {
		now.ExpiresAt = p.ExpiresAt.At
	}
	if err := now.Validate(); err != nil {
		return old, err
	}
	return now, nil
}

func (p *Patch) patchMetadata(old Metadata) Metadata {
	if p.Replace != nil {
		return *p.Replace
	}
	if len(p.Set) == 0 && len(p.Delete) == 0 {
		return old
	}
	now := old.Clone()
	for _, path := range p.Delete {
		now.remove(path)
		now.remove(PlainPath(path))
	}
	for _, path := range slices.Sorted(maps.Keys(p.Set)) {
		if now == nil {
			now = Metadata{}
		}
		at := path
		if leads, _ := now.find(path, func(Value) bool { return false }); !leads {
			at = PlainPath(path)
		}
		now.set(at, p.Set[path].clone())
	}
	return now
}

// remove deletes everything at a path.
func (m Metadata) remove(path string) {
	for end := len(path); end > 0; end = strings.LastIndexByte(path[:end], '.') {
		if end == len(path) {
			delete(m, path)
			continue
		}
		m[path[:end]].eachObject(func(fields Metadata) { fields.remove(path[end+1:]) })
	}
}

// set gives a path a value.
func (m Metadata) set(path string, v Value) {
	switch end := m.step(path); end {
	case 0, len(path):
		m[path] = v
	default:
		m[path[:end]].eachObject(func(fields Metadata) { fields.set(path[end+1:], v.clone()) })
	}
}

// step returns where the longest key ends that a path goes on from: one that leads to a value,
// else one of an object. It is 0 where there is neither.
func (m Metadata) step(path string) (object int) {
	for end := len(path); end > 0; end = strings.LastIndexByte(path[:end], '.') {
		v, ok := m[path[:end]]
		if !ok {
			continue
		}
		if end == len(path) {
			return end
		}
		if leads, _ := v.find(path[end+1:], func(Value) bool { return false }); leads {
			return end
		}
		if object == 0 && v.eachObject(func(Metadata) {}) > 0 {
			object = end
		}
	}
	return object
}

// eachObject calls f with the object that v is, or with those of its items that are, and
// counts them.
func (v Value) eachObject(f func(Metadata)) (n int) {
	v.each(func(item Value) bool {
		if item.Kind == KindObject {
			f(item.Fields)
			n++
		}
		return true
	})
	return n
}

func (p *Patch) patchReaders(old []string) ([]string, error) {
	if p.Readers != nil {
		return sortedSet(*p.Readers), nil
	}
	if len(p.AddReaders) == 0 && len(p.RemoveReaders) == 0 {
		return old, nil
	}
	now := sortedSet(slices.Concat(old, p.AddReaders))
	now = slices.DeleteFunc(now, func(r string) bool { return slices.Contains(p.RemoveReaders, r) })
	if len(now) == 0 && len(old) > 0 {
		return nil, Invalid("remove_readers", p.RemoveReaders[0], "without its last reader the document would be open to everybody").
			WithHint(`say so with "readers": [], or add another reader`)
	}
	return now, nil
}

func sortedSet(list []string) []string {
	sorted := slices.Sorted(slices.Values(list))
	return slices.Compact(sorted)
}
