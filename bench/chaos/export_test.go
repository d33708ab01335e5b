package chaos

import "context"

// StartSealing is [Start] with settings under which segments are sealed all the time.
func StartSealing(ctx context.Context, binary, dir, files string) (*Node, error) {
	return start(ctx, binary, dir, files, nil, busiest...)
}
