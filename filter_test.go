package lode_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/lodedb/lode"
)

var sample = `{"lang":"en","year":2021,"score":0.5,"big":9007199254740993,"draft":false,
	"tags":["go","raft"],"when":"2024-05-01T12:00:00Z","day":"2024-05-02","author.name":"Ada","empty":[]}`

func metadata(t testing.TB, s string) lode.Metadata {
	t.Helper()
	var m lode.Metadata
	if err := json.Unmarshal([]byte(s), &m); err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return m
}

func TestFilterMatch(t *testing.T) {
	m := metadata(t, sample)
	f := func(filter string, want bool) {
		t.Helper()
		var parsed lode.Filter
		if err := json.Unmarshal([]byte(filter), &parsed); err != nil {
			t.Errorf("%s: %v", filter, err)
			return
		}
		if got := parsed.Match(&lode.Document{Metadata: m}); got != want {
			t.Errorf("%s: got %v", filter, got)
		}
		again, err := json.Marshal(parsed)
		if err != nil {
			t.Fatal(err)
		}
		var reparsed lode.Filter
		if err := json.Unmarshal(again, &reparsed); err != nil || reparsed.Match(&lode.Document{Metadata: m}) != want {
			t.Errorf("%s became %s: %v", filter, again, err)
		}
	}
	f(`{}`, true)
	f(`{"and":[]}`, true)
	f(`{"or":[]}`, false)
	f(`{"field":"lang","eq":"en"}`, true)
	f(`{"field":"lang","eq":"de"}`, false)
	f(`{"field":"lang","ne":"de"}`, true)
	f(`{"field":"missing","ne":"de"}`, true)
	f(`{"field":"missing","eq":"de"}`, false)
	f(`{"field":"missing","exists":false}`, true)
	f(`{"field":"missing","exists":true}`, false)
	f(`{"field":"empty","exists":true}`, true)
	f(`{"field":"missing","exists":false,"ne":1}`, true)
	f(`{"field":"missing","gt":1}`, false)
	f(`{"field":"missing","in":["a"]}`, false)
	f(`{"field":"lang","in":[]}`, false)
	f(`{"field":"lang","in":["de","en"]}`, true)
	f(`{"field":"year","eq":2021.0}`, true)
	f(`{"field":"year","eq":"2021"}`, false)
	f(`{"field":"year","ne":"2021"}`, true)
	f(`{"field":"year","gte":2021,"lt":2022}`, true)
	f(`{"field":"year","gt":2021}`, false)
	f(`{"field":"year","gt":2020.5}`, true)
	f(`{"field":"big","eq":9007199254740993}`, true)
	f(`{"field":"big","gt":9007199254740992.0}`, true)
	f(`{"field":"big","lt":1e300}`, true)
	f(`{"field":"big","gt":-1e300}`, true)
	f(`{"field":"score","gte":0.5,"lte":0.5}`, true)
	f(`{"field":"draft","eq":false}`, true)
	f(`{"field":"draft","gt":0}`, false)
	f(`{"field":"tags","eq":"go"}`, true)
	f(`{"field":"tags","eq":["go","raft"]}`, true)
	f(`{"field":"tags","ne":"go"}`, false)
	f(`{"field":"tags","in":["rust","raft"]}`, true)
	f(`{"field":"tags","gte":"p"}`, true)
	f(`{"field":"empty","eq":"go"}`, false)
	f(`{"field":"when","gte":"2024-05-01T13:30:00+02:00"}`, true)
	f(`{"field":"when","gt":"2024-05-01"}`, true)
	f(`{"field":"when","lt":"2024-05-01T12:00:00.5Z"}`, true)
	f(`{"field":"day","gt":"2024-05-01T23:59:59Z"}`, true)
	f(`{"field":"lang","gt":1}`, false)
	f(`{"field":"author.name","eq":"Ada"}`, true)
	f(`{"not":{"field":"lang","eq":"en"}}`, false)
	f(`{"or":[{"field":"lang","eq":"de"},{"and":[{"field":"year","gt":2000},{"not":{"field":"draft","eq":true}}]}]}`, true)
}

func TestFilterRefuses(t *testing.T) {
	f := func(filter, field string, code lode.Code) {
		t.Helper()
		var parsed lode.Filter
		err := json.Unmarshal([]byte(filter), &parsed)
		if lode.CodeOf(err) != code {
			t.Errorf("%s: got %v", lode.CutValue(filter), err)
			return
		}
		if e := coded(t, err); e.Field != field {
			t.Errorf("%s: field %q, want %q (%v)", lode.CutValue(filter), e.Field, field, err)
		}
	}
	f(`[]`, "filter", lode.CodeInvalid)
	f(`"x"`, "filter", lode.CodeInvalid)
	f(`{"field":"a"}`, "filter.field", lode.CodeInvalid)
	f(`{"field":"","eq":1}`, "filter.field", lode.CodeInvalid)
	f(`{"field":7,"eq":1}`, "filter.field", lode.CodeInvalid)
	f(`{"eq":1}`, "filter", lode.CodeInvalid)
	f(`{"field":"a","equals":1}`, "filter.equals", lode.CodeUnknownField)
	f(`{"field":"a","gt":true}`, "filter.gt", lode.CodeInvalid)
	f(`{"field":"a","gt":[1]}`, "filter.gt", lode.CodeInvalid)
	f(`{"field":"a","exists":"yes"}`, "filter.exists", lode.CodeInvalid)
	f(`{"field":"a","in":"x"}`, "filter.in", lode.CodeInvalid)
	f(`{"and":{"field":"a","eq":1}}`, "filter.and", lode.CodeInvalid)
	f(`{"and":[{"field":"a","eq":1}],"or":[]}`, "filter", lode.CodeInvalid)
	f(`{"and":[{"field":"a","eq":1},{"field":"b","gte":{}}]}`, "filter.and[1].gte", lode.CodeInvalid)
	f(strings.Repeat(`{"not":`, 40)+`{}`+strings.Repeat(`}`, 40), "filter"+strings.Repeat(".not[0]", lode.MaxFilterDepth), lode.CodeInvalid)
	f(`{"or":[`+strings.Repeat(`{"field":"a","eq":1},`, lode.MaxFilterClauses)+`{}]}`, "filter.or", lode.CodeInvalid)
}

func coded(t testing.TB, err error) *lode.Error {
	t.Helper()
	e, ok := err.(*lode.Error)
	if !ok {
		t.Fatalf("not a coded error: %v", err)
	}
	return e
}

func TestMetadataRefuses(t *testing.T) {
	f := func(s, field string) {
		t.Helper()
		var m lode.Metadata
		if e := coded(t, json.Unmarshal([]byte(s), &m)); e.Field != field || e.Code != lode.CodeInvalid {
			t.Errorf("%s: %q %v", s, e.Field, e)
		}
	}
	f(`{"a":[1,[2]]}`, "metadata.a[1]")
	f(`{"a":{"b":[{"c":[[1]]}]}}`, "metadata.a.b[0].c[0]")
	f(`{"a":{"b":1e999}}`, "metadata.a.b")
	f(strings.Repeat(`{"a":`, lode.MaxMetadataDepth+2)+"1"+strings.Repeat("}", lode.MaxMetadataDepth+2), "metadata"+strings.Repeat(".a", lode.MaxMetadataDepth+1))
	f(`{"a":1e999}`, "metadata.a")
	f(`[]`, "metadata")
	if err := (lode.Metadata{"bad\x00key": lode.BoolValue(true)}).Validate(); !lode.IsCode(err, lode.CodeInvalid) {
		t.Errorf("control character in key: %v", err)
	}
	if err := (lode.Metadata{"a": lode.StringValue(strings.Repeat("x", lode.MaxMetadataTextBytes+1))}).Validate(); !lode.IsCode(err, lode.CodeInvalid) {
		t.Errorf("long string: %v", err)
	}
	if err := metadata(t, sample).Validate(); err != nil {
		t.Error(err)
	}
}

// FuzzFilter demands that whatever parses also validates, matches without a crash, and
// survives a round trip.
func FuzzFilter(f *testing.F) {
	for _, s := range []string{`{}`, `{"field":"lang","eq":"en"}`, `{"or":[{"not":{"field":"year","gte":1e3}}]}`, `{"field":"a","in":[1,"x",true,1.5]}`,
		`{"min_should":{"count":2,"of":[{"has_id":["b","a","a"]},{"nested":{"path":"a[].b","match":{"field":"c.d","eq":{"e":[null]},"nin":[null]}}}]}}`,
		`{"field":"o","is_null":true,"is_empty":false,"values_count":{"gt":0,"lte":3},"text":"ß x","text_any":"Y","phrase":"a b","prefix":"z","uuid":"{01890A5DAC96774BBCCEB302099A8057}"}`,
		`{"field":"place","geo_radius":{"center":{"lat":1,"lon":2},"meters":1e3},"geo_box":{"top_left":{"lat":1,"lon":2},"bottom_right":{"lat":0,"lon":-3}},"geo_polygon":{"exterior":[{"lat":0,"lon":0},{"lat":1,"lon":0},{"lat":1,"lon":1}],"interiors":[]}}`,
	} {
		f.Add([]byte(s))
	}
	m := metadata(f, sample)
	f.Fuzz(func(t *testing.T, b []byte) {
		var parsed, again lode.Filter
		if json.Unmarshal(b, &parsed) != nil {
			return
		}
		want := parsed.Match(&lode.Document{Metadata: m})
		out, err := json.Marshal(parsed)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(out, &again); err != nil || again.Match(&lode.Document{Metadata: m}) != want {
			t.Fatalf("%s became %s: %v", b, out, err)
		}
	})
}

// FuzzMetadata demands that whatever parses survives a round trip with its types.
func FuzzMetadata(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte(library))
	f.Add([]byte(`{"a":-0.0,"b":1e5,"c":"\ud800"}`))
	f.Add([]byte(`{"a":{"b":[{"c":null},1,1.0,{}]},"a.b":{"":[]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var m, again lode.Metadata
		if json.Unmarshal(b, &m) != nil {
			return
		}
		out, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(out, &again); err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		if !maps.EqualFunc(m, again, sameValue) {
			t.Fatalf("%s became %+v, was %+v", out, again, m)
		}
		for _, path := range m.Paths() {
			if m.Validate() == nil && !m.Has(path) { // an empty key makes no path
				t.Fatalf("%s: %q leads nowhere", out, path)
			}
		}
		if again := m.Clone(); !maps.EqualFunc(m, again, sameValue) {
			t.Fatalf("%+v is not a copy of %+v", again, m)
		}
	})
}

// sameValue is stricter than Equal: 1 and 1.0 are different.
func sameValue(v, w lode.Value) bool {
	return v.Kind == w.Kind && v.Equal(w) && slices.EqualFunc(v.List, w.List, sameValue) && maps.EqualFunc(v.Fields, w.Fields, sameValue)
}

func TestMetadataRoundTrip(t *testing.T) {
	const s = `{"a":{"b":[1,1.0,null,{"c":{}}],"n":null},"big":9007199254740993,"e":[],"f":-0.5,"o":{}}`
	m := metadata(t, s)
	if out, err := json.Marshal(m); err != nil || string(out) != s {
		t.Errorf("became %s: %v", out, err)
	}
	if v := m["a"].Fields["b"].List; v[0].Kind != lode.KindInteger || v[1].Kind != lode.KindFloat || v[2].Kind != lode.KindNull || v[3].Kind != lode.KindObject {
		t.Errorf("%+v", v)
	}
	same := func(a, b string, want bool) {
		t.Helper()
		if metadata(t, a)["x"].Equal(metadata(t, b)["x"]) != want {
			t.Errorf("%s and %s: want %v", a, b, want)
		}
	}
	same(`{"x":null}`, `{"x":null}`, true)
	same(`{"x":null}`, `{"x":{}}`, false)
	same(`{"x":{"a":1,"b":[2]}}`, `{"x":{"b":[2.0],"a":1.0}}`, true)
	same(`{"x":{"a":1}}`, `{"x":{"a":1,"b":null}}`, false)
	same(`{"x":{"a":1,"c":2}}`, `{"x":{"a":1,"b":2}}`, false)
}

// TestMetadataLimitsCountAllLevels demands that nothing is free because it is deep.
func TestMetadataLimitsCountAllLevels(t *testing.T) {
	f := func(m lode.Metadata, field, message string) {
		t.Helper()
		err := m.Validate()
		if message == "" && err == nil {
			return
		}
		if err == nil || message == "" || coded(t, err).Field != field || !strings.Contains(err.Error(), message) {
			t.Errorf("%v, want %q in %q", err, message, field)
		}
	}
	deep := func(depth int) lode.Metadata {
		v := lode.IntegerValue(1)
		for range depth {
			v = lode.ObjectValue(lode.Metadata{"a": v})
		}
		return lode.Metadata{"a": v}
	}
	f(deep(lode.MaxMetadataDepth), "", "")
	f(deep(lode.MaxMetadataDepth+1), "metadata"+strings.Repeat(".a", lode.MaxMetadataDepth+1), "deeper than 8")
	objects := func(n int) lode.Metadata {
		list := make([]lode.Value, n)
		for i := range list {
			list[i] = lode.ObjectValue(lode.Metadata{"a": lode.NullValue()})
		}
		return lode.Metadata{"l": lode.ListValue(list...)}
	}
	f(objects(lode.MaxMetadataKeys-1), "", "")
	f(objects(lode.MaxMetadataKeys), "metadata", "at most 1024 metadata keys")
	long := lode.StringValue(strings.Repeat("x", lode.MaxMetadataTextBytes))
	f(lode.Metadata{"a": lode.ObjectValue(lode.Metadata{"a": long, "b": long, "c": lode.ListValue(long, long)})}, "metadata", "bytes")
	f(lode.Metadata{"a": lode.ObjectValue(lode.Metadata{"": long})}, "metadata key", "empty")
	f(lode.Metadata{"a": lode.ListValue(lode.ListValue())}, "metadata.a[0]", "not lists")
	f(lode.Metadata{"a": lode.Value{}}, "metadata.a", "no type")
}
