package lode_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/lodedb/lode"
)

func patchOf(t testing.TB, s string) lode.Patch {
	t.Helper()
	var p lode.Patch
	if err := json.Unmarshal([]byte(s), &p); err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return p
}

func TestPatchMetadata(t *testing.T) {
	f := func(old, patch, want string) {
		t.Helper()
		m := metadata(t, old)
		kept := m.Clone()
		p := patchOf(t, patch)
		got, err := p.Apply(lode.Facts{Metadata: m, Readers: []string{"a"}})
		if err != nil {
			t.Errorf("%s of %s: %v", patch, old, err)
			return
		}
		if out, _ := json.Marshal(got.Metadata); string(out) != want || len(got.Readers) != 1 {
			t.Errorf("%s of %s: got %s", patch, old, out)
		}
		if !maps.EqualFunc(m, kept, sameValue) {
			t.Errorf("%s changed the old metadata to %v", patch, m)
		}
		written, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		again := patchOf(t, string(written))
		if twice, err := again.Apply(lode.Facts{Metadata: m}); err != nil || !maps.EqualFunc(twice.Metadata, got.Metadata, sameValue) {
			t.Errorf("%s became %s: %v", patch, written, err)
		}
	}
	f(`{"a":1,"b":2}`, `{"set":{"b":3,"c":null}}`, `{"a":1,"b":3,"c":null}`)
	f(`{}`, `{"set":{"a":{"b":1}}}`, `{"a":{"b":1}}`)
	f(`{"a":{"b":1,"c":2}}`, `{"set":{"a":{"b":3}}}`, `{"a":{"b":3}}`) // a value is replaced as a whole
	f(`{"a":{"b":1,"c":2}}`, `{"set":{"a.b":3}}`, `{"a":{"b":3,"c":2}}`)
	f(`{"a":{"b":1}}`, `{"set":{"a.c.d":3}}`, `{"a":{"b":1,"c.d":3}}`)
	f(`{"a.b":1,"a":{"b":2}}`, `{"set":{"a.b":3}}`, `{"a":{"b":2},"a.b":3}`) // what filters find
	f(`{"a.b":1}`, `{"set":{"a.c":3}}`, `{"a.b":1,"a.c":3}`)
	f(`{"a":1}`, `{"set":{"a.b":3}}`, `{"a":1,"a.b":3}`) // a scalar is not torn down
	f(`{"a":{}}`, `{"set":{"a.b":3}}`, `{"a":{"b":3}}`)
	f(`{"a":[{"b":1},5,{"c":2}]}`, `{"set":{"a.b":3}}`, `{"a":[{"b":3},5,{"b":3,"c":2}]}`)
	f(`{"a":[{"b":1}]}`, `{"set":{"a[].b":3}}`, `{"a":[{"b":3}]}`)
	f(`{"a":[5]}`, `{"set":{"a[].b":3}}`, `{"a":[5],"a.b":3}`)
	f(`{"t":[1]}`, `{"set":{"t[]":2}}`, `{"t":2}`)
	f(`{"t[]":1,"t":0}`, `{"set":{"t[]":2}}`, `{"t":0,"t[]":2}`)
	f(`{"a":1}`, `{"set":{"a.b":2,"a":{}}}`, `{"a":{"b":2}}`) // in order of the paths
	f(`{"a":1,"b":2}`, `{"delete":["a","x","b.c"]}`, `{"b":2}`)
	f(`{"a":{"b":1,"c":2},"a.b":3,"d":[{"e":1},{"e":2,"f":3}]}`, `{"delete":["a.b","d[].e"]}`, `{"a":{"c":2},"d":[{},{"f":3}]}`)
	f(`{"a":{"b":1}}`, `{"delete":["a"],"set":{"a.b":2}}`, `{"a.b":2}`) // delete goes first
	f(`{"a":1}`, `{"replace":{}}`, `{}`)
	f(`{"a":1}`, `{"replace":{"b":{"c":null}}}`, `{"b":{"c":null}}`)
}

func TestPatchOfNothing(t *testing.T) {
	p := patchOf(t, `{"set":{"a":1},"delete":["b"],"add_readers":["x"]}`)
	got, err := p.Apply(lode.Facts{})
	if err != nil || !got.Metadata["a"].Equal(lode.IntegerValue(1)) || len(got.Readers) != 1 || got.ExpiresAt != nil {
		t.Errorf("%+v %v", got, err)
	}
}

func TestPatchReadersAndExpiry(t *testing.T) {
	day := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	f := func(readers, patch, want string, expires bool) {
		t.Helper()
		p := patchOf(t, patch)
		got, err := p.Apply(lode.Facts{Readers: strings.Fields(readers), ExpiresAt: &day})
		if err != nil || strings.Join(got.Readers, " ") != want || (got.ExpiresAt != nil) != expires {
			t.Errorf("%s of %q: %+v %v", patch, readers, got, err)
		}
		out, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := json.Marshal(patchOf(t, string(out))); err != nil || string(again) != string(out) {
			t.Errorf("%s became %s: %v", out, again, err)
		}
	}
	f("a b", `{"readers":["d","c","d"]}`, "c d", true)
	f("a b", `{"readers":[]}`, "", true)
	f("a c", `{"add_readers":["b","a"]}`, "a b c", true)
	f("a b", `{"remove_readers":["b","x"]}`, "a", true)
	f("a", `{"remove_readers":["a"],"add_readers":["b"]}`, "b", true)
	f("", `{"remove_readers":["a"]}`, "", true)
	f("a", `{"expires_at":null}`, "a", false)
	f("a", `{"expires_at":"2030-01-01T00:00:00.5+02:00"}`, "a", true)
	open := lode.Patch{RemoveReaders: []string{"a", "b"}}
	if _, err := open.Apply(lode.Facts{Readers: []string{"b", "a"}}); !lode.IsCode(err, lode.CodeInvalid) || coded(t, err).Field != "remove_readers" {
		t.Errorf("the last reader is removed: %v", err)
	}
	late := lode.Patch{ExpiresAt: &lode.Expiry{At: &day}}
	got, err := late.Apply(lode.Facts{})
	if err != nil || !got.ExpiresAt.Equal(day) {
		t.Errorf("%+v %v", got, err)
	}
	d := lode.Document{ExpiresAt: got.ExpiresAt}
	if d.Expired(day.Add(-1)) || !d.Expired(day) || (&lode.Document{}).Expired(day) {
		t.Error("a document ends at its time")
	}
}

func TestPatchRefuses(t *testing.T) {
	f := func(patch, field string, code lode.Code) {
		t.Helper()
		var p lode.Patch
		err := p.UnmarshalJSON([]byte(patch))
		if err == nil {
			t.Errorf("%s is accepted", lode.CutValue(patch))
			return
		}
		if e := coded(t, err); e.Code != code || e.Field != field {
			t.Errorf("%s: %s %q (%v)", lode.CutValue(patch), e.Code, e.Field, err)
		}
	}
	f(`{}`, "", lode.CodeInvalid)
	f(`[]`, "", lode.CodeInvalid)
	f(`{"set":{}}`, "", lode.CodeInvalid)
	f(`{"merge":{"a":1}}`, "merge", lode.CodeUnknownField)
	f(`{"set":null}`, "set", lode.CodeInvalid)
	f(`{"set":{"a":{"b":[[1]]}}}`, "set.a.b[0]", lode.CodeInvalid)
	f(`{"set":{"":1}}`, "set", lode.CodeInvalid)
	f(`{"delete":"a"}`, "delete", lode.CodeInvalid)
	f(`{"delete":["a",""]}`, "delete[1]", lode.CodeInvalid)
	f(`{"delete":[null]}`, "delete[0]", lode.CodeInvalid)
	f(`{"replace":{"a":1},"set":{"b":1}}`, "replace", lode.CodeInvalid)
	f(`{"replace":{"a":"`+strings.Repeat("x", lode.MaxMetadataTextBytes+1)+`"}}`, "replace.a", lode.CodeInvalid)
	f(`{"readers":[""]}`, "readers", lode.CodeInvalid)
	f(`{"readers":["a"],"add_readers":["b"]}`, "readers", lode.CodeInvalid)
	f(`{"add_readers":["a\u0000"]}`, "add_readers", lode.CodeInvalid)
	f(`{"add_readers":["a"],"remove_readers":["a"]}`, "add_readers", lode.CodeInvalid)
	f(`{"expires_at":"tomorrow"}`, "expires_at", lode.CodeInvalid)
	f(`{"expires_at":"0001-01-01T00:00:00Z"}`, "expires_at", lode.CodeInvalid)
	f(`{"expires_at":5}`, "expires_at", lode.CodeInvalid)
	for field, p := range map[string]lode.Patch{"replace": {Replace: new(lode.Metadata)}, "readers": {Readers: new([]string)}} {
		if err := p.Validate(); err == nil || coded(t, err).Field != field {
			t.Errorf("a nil %s is accepted: %v", field, err)
		}
	}
}

// TestPatchKeepsLimits demands that the result is checked, not only the patch.
func TestPatchKeepsLimits(t *testing.T) {
	old := lode.Facts{Metadata: lode.Metadata{}}
	long := lode.StringValue(strings.Repeat("x", lode.MaxMetadataTextBytes))
	for _, key := range []string{"a", "b", "c"} {
		old.Metadata[key] = long
	}
	p := lode.Patch{Set: lode.Metadata{"d": long}}
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	got, err := p.Apply(old)
	if !lode.IsCode(err, lode.CodeInvalid) || len(got.Metadata) != 3 || len(old.Metadata) != 3 {
		t.Errorf("%v, %d keys", err, len(got.Metadata))
	}
	p = lode.Patch{Delete: []string{"a"}, Set: lode.Metadata{"d": long}}
	if got, err = p.Apply(old); err != nil || len(got.Metadata) != 3 {
		t.Errorf("%v, %d keys", err, len(got.Metadata))
	}
	var many []string
	for range lode.MaxReaders {
		many = append(many, strings.Repeat("r", len(many)%250+1)+string(rune('A'+len(many)/250)))
	}
	p = lode.Patch{AddReaders: []string{"one more"}}
	if _, err := p.Apply(lode.Facts{Readers: many}); err == nil {
		t.Error("too many readers")
	}
}

// FuzzPatch demands that what parses survives a round trip, and that a patch is a function:
// the same facts become the same, and the old ones stay as they were.
func FuzzPatch(f *testing.F) {
	f.Add([]byte(`{"set":{"a.b":1,"authors[].name":null},"delete":["a","x.y"],"add_readers":["r"],"expires_at":null}`), []byte(library))
	f.Add([]byte(`{"replace":{"a":{}},"readers":[]}`), []byte(sample))
	f.Fuzz(func(t *testing.T, patch, meta []byte) {
		var p, again lode.Patch
		var m lode.Metadata
		if p.UnmarshalJSON(patch) != nil || m.UnmarshalJSON(meta) != nil {
			return
		}
		out, err := p.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if err := again.UnmarshalJSON(out); err != nil {
			t.Fatalf("%s became %s: %v", patch, out, err)
		}
		kept := m.Clone()
		one, err1 := p.Apply(lode.Facts{Metadata: m})
		two, err2 := again.Apply(lode.Facts{Metadata: m})
		if (err1 == nil) != (err2 == nil) || !maps.EqualFunc(one.Metadata, two.Metadata, sameValue) || !maps.EqualFunc(m, kept, sameValue) {
			t.Fatalf("%s of %s: %v %v, %v %v", patch, meta, one, err1, two, err2)
		}
		if err1 != nil {
			return
		}
		for _, path := range p.Delete {
			if len(p.Set) == 0 && one.Metadata.Has(path) {
				t.Fatalf("%s of %s: %q is still there", patch, meta, path)
			}
		}
	})
}
