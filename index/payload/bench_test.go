package payload

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/lodedb/lode"
)

// benchDocs are 4,096 documents of one row with a keyword of 20 values, a number and a time
// that are nearly all different, a list of 3 from 100 tags, and 2 of 200 readers.
func benchDocs(n int) []Doc {
	r := rand.New(rand.NewPCG(1, 2))
	start := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	docs := make([]Doc, n)
	for i := range docs {
		tag := func() lode.Value { return lode.StringValue(fmt.Sprint("tag-", r.IntN(100))) }
		docs[i] = Doc{First: i, Rows: 1, Doc: &lode.Document{
			Readers: []string{fmt.Sprint("group-", r.IntN(200)), fmt.Sprint("group-", r.IntN(200))},
			Metadata: lode.Metadata{
				"lang":  lode.StringValue(fmt.Sprint("lang-", r.IntN(20))),
				"name":  lode.StringValue(fmt.Sprint("name-", r.IntN(1<<40))),
				"price": lode.FloatValue(r.Float64() * 1000),
				"size":  lode.IntegerValue(r.Int64N(1000)),
				"when":  lode.StringValue(start.Add(time.Duration(r.IntN(1<<27)) * time.Second).Format(time.RFC3339)),
				"about": lode.StringValue(fmt.Sprintf("word %d and word-%d, word-%d", r.IntN(50), r.IntN(50), r.IntN(50))),
				"at":    lode.ObjectValue(lode.Metadata{"lat": lode.FloatValue(r.Float64()*180 - 90), "lon": lode.FloatValue(r.Float64()*360 - 180)}),
				"tags":  lode.ListValue(tag(), tag(), tag()),
			},
		}}
	}
	return docs
}

func benchBlock(b *testing.B) *Block {
	block, err := New(benchDocs(BlockRows))
	if err != nil {
		b.Fatal(err)
	}
	block.Warm("lang", "name", "price", "size", "when", "tags")
	return block
}

func float(f float64) *lode.Value { return pointer(lode.FloatValue(f)) }

var benchFilters = []struct {
	name string
	f    lode.Filter
}{
	{"eq", lode.WhereEq("lang", lode.StringValue("lang-7"))},
	{"eq-unique", lode.WhereEq("size", lode.IntegerValue(77))},
	{"range-10", lode.Where("price", lode.Test{Gte: float(450), Lt: float(550)})},
	{"range-50", lode.Where("price", lode.Test{Gte: float(250), Lt: float(750)})},
	{"times-50", lode.Where("when", lode.Test{Gte: pointer(lode.StringValue("2021-01-01")), Lt: pointer(lode.StringValue("2023-01-01"))})},
	{"and-of-3", lode.And(
		lode.WhereEq("lang", lode.StringValue("lang-7")),
		lode.WhereEq("tags", lode.StringValue("tag-3")),
		lode.Where("price", lode.Test{Gte: float(250), Lt: float(750)}))},
	{"text", lode.Where("about", lode.Test{Text: lode.NewWords("word-7 word-8")})},
	{"phrase", lode.Where("about", lode.Test{Phrase: lode.NewWords("word 8")})},
	{"prefix", lode.Where("name", lode.Test{Prefix: &[]string{"name-5"}[0]})},
	{"geo-radius", lode.Where("at", lode.Test{GeoRadius: &lode.GeoRadius{Center: lode.GeoPoint{Lat: 10, Lon: 10}, Meters: 1e6}})},
	{"min-should", lode.AtLeast(2,
		lode.WhereEq("lang", lode.StringValue("lang-7")),
		lode.WhereEq("tags", lode.StringValue("tag-3")),
		lode.Where("price", lode.Test{Gte: float(250), Lt: float(750)}))},
	{"nested", lode.WhereNested("at", lode.Where("lat", lode.Test{Gt: float(80)}))},
	{"list-eq", lode.WhereEq("tags", lode.ListValue(lode.StringValue("tag-3"), lode.StringValue("tag-4"), lode.StringValue("tag-5")))},
}

// BenchmarkMatch evaluates, BenchmarkMatchAgain remembers, BenchmarkMatchDocs is what a search
// without this package does.
func BenchmarkMatch(b *testing.B) {
	block := benchBlock(b)
	for _, f := range benchFilters {
		q, err := Compile(f.f)
		if err != nil {
			b.Fatal(err)
		}
		q.cached = false
		benchMatch(b, f.name, block, q)
	}
}

func BenchmarkMatchAgain(b *testing.B) {
	block := benchBlock(b)
	for _, f := range benchFilters {
		q, err := Compile(f.f)
		if err != nil {
			b.Fatal(err)
		}
		benchMatch(b, f.name, block, q)
	}
}

func benchMatch(b *testing.B, name string, block *Block, q *Query) {
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		var rows Rows
		for b.Loop() {
			block.Match(q, &rows)
		}
		b.ReportMetric(float64(rows.Count()), "rows")
	})
}

func BenchmarkMatchDocs(b *testing.B) {
	docs := benchDocs(BlockRows)
	for _, f := range benchFilters {
		b.Run(f.name, func(b *testing.B) {
			for b.Loop() {
				rowsOf(docs, func(d *Doc) bool { return f.f.Match(d.Doc) })
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	for _, f := range benchFilters {
		b.Run(f.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Compile(f.f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func benchReader(n int) lode.Principal {
	p := lode.Principal{ID: "p"}
	for i := range n {
		p.Labels = append(p.Labels, fmt.Sprint("group-", i))
	}
	return p
}

func BenchmarkVisible(b *testing.B) {
	block := benchBlock(b)
	c := block.layers[0].core
	for _, n := range []int{1, 10, 100} {
		r := NewReader(benchReader(n))
		var rows Rows
		b.Run(fmt.Sprintf("first/labels=%d", n), func(b *testing.B) {
			for b.Loop() {
				c.accessIndex().readers.pass(r, &rows)
				c.expand(&rows)
			}
			b.ReportMetric(float64(rows.Count()), "rows")
		})
		b.Run(fmt.Sprintf("again/labels=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				block.Visible(r, &rows)
			}
		})
		b.Run(fmt.Sprintf("parallel/labels=%d", n), func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				var rows Rows
				for pb.Next() {
					block.Visible(r, &rows)
				}
			})
		})
	}
}

// BenchmarkBuild is the first use of a field.
func BenchmarkBuild(b *testing.B) {
	docs := benchDocs(BlockRows)
	block, err := New(docs)
	if err != nil {
		b.Fatal(err)
	}
	c := block.layers[0].core
	for _, field := range []string{"lang", "name", "price", "size", "when", "tags", "about", "at", "missing"} {
		b.Run(field, func(b *testing.B) {
			b.ReportAllocs()
			col := &column{}
			for b.Loop() {
				col = &column{field: field}
				col.build(c)
			}
			b.ReportMetric(float64(col.bytes()), "bytes")
		})
	}
	b.Run("access", func(b *testing.B) {
		for b.Loop() {
			c.labelsOf(func(e *entry) []string { return e.doc.Readers })
		}
	})
	b.Run("new", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := New(docs); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkChange is With and Append of one document, in the long run, and a search with a
// filter after each.
func BenchmarkChange(b *testing.B) {
	docs := benchDocs(BlockRows)
	q, err := Compile(benchFilters[0].f)
	if err != nil {
		b.Fatal(err)
	}
	for _, search := range []bool{false, true} {
		b.Run(fmt.Sprintf("with/search=%v", search), func(b *testing.B) {
			block, err := New(docs)
			var rows Rows
			i := 0
			for b.Loop() {
				if i++; err == nil {
					block, err = block.With([]Doc{docs[i*7919%len(docs)]})
				}
				if search {
					block.Match(q, &rows)
				}
			}
			if err != nil {
				b.Fatal(err)
			}
		})
		b.Run(fmt.Sprintf("append/search=%v", search), func(b *testing.B) {
			block := &Block{}
			var rows Rows
			i := 0
			for b.Loop() {
				if i%BlockRows == 0 {
					block = &Block{}
				}
				if block, err = block.Append(docs[i%BlockRows : i%BlockRows+1]); err != nil {
					b.Fatal(err)
				}
				if i++; search {
					block.Match(q, &rows)
				}
			}
		})
	}
}

func BenchmarkAnswers(b *testing.B) {
	block := benchBlock(b)
	var all Rows
	block.All(&all)
	for _, field := range []string{"lang", "tags", "name"} {
		b.Run("facet/"+field, func(b *testing.B) {
			for b.Loop() {
				block.Facet(field, &all, func(lode.Value, int, int) {})
			}
		})
	}
	b.Run("order/price", func(b *testing.B) {
		for b.Loop() {
			block.Order("price", &all, true, 10, nil)
		}
	})
	b.Run("order/price/deep", func(b *testing.B) {
		for b.Loop() {
			block.Order("price", &all, false, 10, &Cursor{Value: lode.FloatValue(900)})
		}
	})
}
