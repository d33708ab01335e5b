package api_test

import (
	"context"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api"
)

// fakeBackups lists what it was asked to make.
type fakeBackups struct{ made []api.Backup }

func (f *fakeBackups) CreateBackup(_ context.Context, p lode.Principal, full bool) (api.Backup, error) {
	b := api.Backup{ID: "plain", CreatedAt: epoch}
	if full {
		b.ID = "full"
	}
	f.made = append([]api.Backup{b}, f.made...)
	return b, p.Validate()
}

func (f *fakeBackups) ListBackups(_ context.Context, p lode.Principal) ([]api.Backup, error) {
	return f.made, p.Validate()
}

func TestBackups(t *testing.T) {
	c, _ := serve(t, newFake(), func(o *api.Options) { o.Backend.Backups = &fakeBackups{} })
	if list, err := c.ListBackups(t.Context()); err != nil || list.Backups == nil || len(list.Backups) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	for _, full := range []bool{false, true} {
		if _, err := c.CreateBackup(t.Context(), full); err != nil {
			t.Error(err)
		}
	}
	if list, err := c.ListBackups(t.Context()); err != nil || len(list.Backups) != 2 || list.Backups[0].ID != "full" || list.Backups[1].ID != "plain" {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestNoBackups(t *testing.T) {
	c, _ := serve(t, newFake())
	if _, err := c.CreateBackup(t.Context(), false); !lode.IsCode(err, lode.CodeNotFound) {
		t.Errorf("create: %v", err)
	}
	if _, err := c.ListBackups(t.Context()); !lode.IsCode(err, lode.CodeNotFound) {
		t.Errorf("list: %v", err)
	}
}
