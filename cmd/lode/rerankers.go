package main

import (
	"maps"
	"slices"
	"time"

	"github.com/lodedb/lode/retrieval/rerank"
	"github.com/lodedb/lode/server"
)

// rerankerSettings is one re-ranker in the file of --reranker-file. As with providers of embeddings,
// the key is elsewhere.
type rerankerSettings struct {
	keySettings   `yaml:",inline"`
	API           string   `yaml:"api"`
	URL           string   `yaml:"url"`
	Model         string   `yaml:"model"`
	Timeout       duration `yaml:"timeout"`
	PassageTokens int      `yaml:"passage_tokens"`
	BatchPassages int      `yaml:"batch_passages"`
	Concurrency   int      `yaml:"concurrency"`
	RateLimit     float64  `yaml:"rate_limit"`
	Price         float64  `yaml:"price"`
}

// readRerankers reads the file of re-rankers; without one there are none.
func readRerankers(file string) (map[string]server.RerankerConfig, error) {
	all := map[string]server.RerankerConfig{}
	if file == "" {
		return all, nil
	}
	settings, err := readNamed[rerankerSettings]("reranker_file", file)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if all[name], err = settings[name].config(name); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// config is the node's form of the settings, with the key.
func (r *rerankerSettings) config(name string) (server.RerankerConfig, error) {
	if r == nil { // a name alone
		r = &rerankerSettings{}
	}
	key, err := r.key("rerankers."+name, name)
	return server.RerankerConfig{
		API: rerank.API(r.API), BaseURL: r.URL, APIKey: key, Model: r.Model, Timeout: time.Duration(r.Timeout),
		PassageTokens: r.PassageTokens, BatchPassages: r.BatchPassages, Concurrency: r.Concurrency, RateLimit: r.RateLimit, Price: r.Price,
	}, err
}
