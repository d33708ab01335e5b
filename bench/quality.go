package bench

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/internal/beir"
	"github.com/lodedb/lode/retrieval"
	"github.com/lodedb/lode/server"
)

// qualityDepth is how many hits each query asks for: enough for recall@100.
const qualityDepth = 100

// qualityWeight is the dense weight that hybrid is reported at: the default for a static
// embedder. It is a given, not tuned on any set.
const qualityWeight = retrieval.StaticDenseWeight

// Quality ingests a BEIR data set, one document and one chunk for each text, and measures
// nDCG@10, recall@10 and recall@100 of every mode over the judged queries. Nothing is tuned
// on the queries. lexicalTarget is the nDCG@10 that the lexical mode should reach; 0 is none.
func Quality(ctx context.Context, o Options, lexicalTarget float64) (*Report, error) {
	set, err := beir.Read(o.Data)
	if err != nil {
		return nil, err
	}
	name := filepath.Base(o.Data)
	r := NewReport("quality-"+name, "Retrieval quality: "+name, o)
	r.Data = fmt.Sprintf("%s, %d texts as whole documents, %d judged queries", name, len(set.Docs), len(set.Queries))
	err = withNode(ctx, o, func(_ *server.Server, c *client.Client) error {
		if err := ingestSet(ctx, c, set); err != nil {
			return err
		}
		for _, mode := range []lode.Mode{lode.ModeLexical, lode.ModeHybrid, lode.ModeDense} {
			if err := measureMode(ctx, c, set, r, mode, lexicalTarget); err != nil {
				return err
			}
		}
		return nil
	})
	return r, err
}

const qualityCollection = "quality"

func ingestSet(ctx context.Context, c *client.Client, set *beir.Set) error {
	return ingestSetInto(ctx, c, set, v1.CreateCollection{Name: qualityCollection})
}

// ingestSetInto makes a collection in which each document is one chunk, and fills it.
func ingestSetInto(ctx context.Context, c *client.Client, set *beir.Set, into v1.CreateCollection) error {
	into.Chunker = &v1.Chunker{Strategy: lode.ChunkWhole}
	if _, err := c.CreateCollection(ctx, into); err != nil {
		return err
	}
	return fillSet(ctx, c, set, into.Name)
}

// fillSet uploads the texts of a data set, titles above.
func fillSet(ctx context.Context, c *client.Client, set *beir.Set, collection string) error {
	files := make([]client.File, len(set.Docs))
	for i, doc := range set.Docs {
		files[i] = client.FileBytes(lode.DocID(doc.ID), []byte(doc.Title+"\n\n"+doc.Text))
		files[i].MediaType = "text/plain"
	}
	var refused error
	ready, err := ingest(ctx, c, collection, files, func(id lode.DocID, e *v1.ItemError) {
		refused = fmt.Errorf("document %s: %s: %s", id, e.Code, e.Detail)
	})
	if err != nil {
		return err
	}
	if ready != len(files) {
		return fmt.Errorf("%d of %d documents are searchable: %w", ready, len(files), refused)
	}
	return nil
}

// measure runs every query in one mode and adds the means to the report.
func measureMode(ctx context.Context, c *client.Client, set *beir.Set, r *Report, mode lode.Mode, lexicalTarget float64) error {
	var ndcg, recall10, recall100 float64
	perQuery := map[string]float64{}
	for _, q := range set.Queries {
		k, weight := qualityDepth, qualityWeight
		request := v1.Retrieve{Text: q.Text, K: &k, Mode: mode}
		if mode == lode.ModeHybrid {
			request.DenseWeight = &weight
		}
		answer, err := c.Retrieve(ctx, qualityCollection, request)
		if err != nil {
			return fmt.Errorf("query %s: %w", q.ID, err)
		}
		ranked := make([]string, len(answer.Hits))
		for i, hit := range answer.Hits {
			ranked[i] = string(hit.DocumentID)
		}
		score := beir.NDCG(ranked, set.Qrels[q.ID], 10)
		perQuery[q.ID] = score
		ndcg += score
		recall10 += beir.Recall(ranked, set.Qrels[q.ID], 10)
		recall100 += beir.Recall(ranked, set.Qrels[q.ID], 100)
	}
	n := float64(len(set.Queries))
	label := string(mode)
	if mode == lode.ModeHybrid {
		label = fmt.Sprintf("%s, dense weight %g", mode, qualityWeight)
	}
	if mode == lode.ModeLexical && lexicalTarget > 0 {
		r.Demand(label+", nDCG@10", ndcg/n, "", ">=", lexicalTarget)
	} else {
		r.Add(label+", nDCG@10", ndcg/n, "")
	}
	r.Add(label+", recall@10", recall10/n, "")
	r.Add(label+", recall@100", recall100/n, "")
	r.Raw["ndcg@10 by query, "+string(mode)] = perQuery
	return nil
}
