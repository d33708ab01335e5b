package collection

import "sync"

// orderedAhead is how many items for each worker are under way at a time.
const orderedAhead = 4

// ordered works on items with several goroutines and keeps their order: produce gives them
// one after the other, work may take any of them at the same time, consume gets them as they
// were given. produce and consume run on the caller's goroutine. The first error ends it; when
// ordered returns nobody works any more.
func ordered[T any](workers int, produce func(give func(T) error) error, work, consume func(T) error) error {
	type job struct {
		item T
		done chan error
	}
	jobs := make(chan job, orderedAhead*workers)
	var all sync.WaitGroup
	defer all.Wait()
	defer close(jobs)
	for range workers {
		all.Go(func() {
			for j := range jobs {
				j.done <- work(j.item)
			}
		})
	}
	var under []job // way, oldest first
	finish := func() error {
		j := under[0]
		under = under[1:]
		if err := <-j.done; err != nil {
			return err
		}
		return consume(j.item)
	}
	err := produce(func(item T) error {
		if len(under) == cap(jobs) {
			if err := finish(); err != nil {
				return err
			}
		}
		j := job{item, make(chan error, 1)}
		under = append(under, j)
		jobs <- j // there is room: no more are under way
		return nil
	})
	for err == nil && len(under) > 0 {
		err = finish()
	}
	return err
}
