package segment_test

import (
	"bytes"
	"context"
	"fmt"
	"log"

	"github.com/lodedb/lode/index/bm25/segment"
	"github.com/lodedb/lode/internal/text"
)

// Rows have a text and a title. Two of them are sealed, one is still in memory; a search takes
// both parts together.
func Example() {
	var analyzer text.Analyzer
	opts := segment.Options{Fields: 2, Positions: true, Analyzer: analyzer.Name()}
	row := func(body, title string) segment.Row {
		return segment.Row{analyzer.Tokens(nil, body), analyzer.Tokens(nil, title)}
	}
	builder, err := segment.NewBuilder(opts, segment.BuilderOptions{})
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range []segment.Row{row("Herons fish in shallow water.", "Herons"), row("Gulls follow the fishing boats.", "Gulls")} {
		if err := builder.Add(r); err != nil {
			log.Fatal(err)
		}
	}
	var file bytes.Buffer
	if err := builder.Finish(&file); err != nil {
		log.Fatal(err)
	}
	sealed, err := segment.Open(file.Bytes(), opts)
	if err != nil {
		log.Fatal(err)
	}
	growing, err := segment.NewGrowing(opts)
	if err != nil {
		log.Fatal(err)
	}
	const owls = "Owls do not fish; they hunt at night."
	if _, err := growing.Add(row(owls, "Owls")); err != nil {
		log.Fatal(err)
	}

	query := segment.Parser{Analyzer: &analyzer}.Parse(`fish* "hunt at night" -boats`)
	hits, err := segment.Search(context.Background(), query, []segment.View{{Part: sealed}, {Part: growing}},
		segment.SearchOptions{K: 10, Boosts: []float64{1, 2}})
	if err != nil {
		log.Fatal(err)
	}
	for _, h := range hits {
		fmt.Printf("part %d row %d\n", h.Part, h.Row)
	}
	for _, s := range segment.Highlight(&analyzer, owls, query) {
		fmt.Println(owls[s.Start:s.End])
	}
	// Output:
	// part 1 row 0
	// part 0 row 0
	// fish
	// hunt at night
}
