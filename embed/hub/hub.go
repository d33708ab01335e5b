package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/lodedb/lode"
)

// DefaultBaseURL is the hub itself.
const DefaultBaseURL = "https://huggingface.co"

// Bounds of what is fetched.
const (
	mostFileBytes = 4 << 30
	mostInfoBytes = 16 << 20
)

// Options say how the hub is reached.
type Options struct {
	BaseURL string       // the default is DefaultBaseURL
	Token   string       // for models that are not open to everyone; never logged
	Client  *http.Client // the default is http.DefaultClient
	// Stall is the time without a byte after which a file is given up. The default is a minute.
	Stall time.Duration
	// Progress hears how far a file is, now and then. It must not block.
	Progress func(file string, done, total int64)
}

// Hub fetches models.
type Hub struct{ o Options }

// New returns a hub. Nothing is sent yet.
func New(o Options) (*Hub, error) {
	if o.BaseURL == "" {
		o.BaseURL = DefaultBaseURL
	}
	o.BaseURL = strings.TrimRight(o.BaseURL, "/")
	u, err := url.Parse(o.BaseURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return nil, lode.Invalid("hub", "", "the hub must be an http or https URL without user and query")
	}
	if o.Client == nil {
		o.Client = http.DefaultClient
	}
	if o.Stall == 0 {
		o.Stall = time.Minute
	}
	if o.Progress == nil {
		o.Progress = func(string, int64, int64) {}
	}
	client := *o.Client
	client.CheckRedirect = follow
	o.Client = &client
	return &Hub{o: o}, nil
}

// follow follows a redirect, with the token only on the same server and never out of TLS.
func follow(r *http.Request, via []*http.Request) error {
	first := via[0].URL
	switch {
	case len(via) > 5:
		return errors.New("too many redirects")
	case first.Scheme == "https" && r.URL.Scheme != "https":
		return errors.New("a redirect leads out of TLS")
	case r.URL.Host != first.Host:
		r.Header.Del("Authorization")
	}
	return nil
}

var (
	modelForm    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,95}(/[A-Za-z0-9][A-Za-z0-9._-]{0,95})?$`)
	revisionForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$`)
)

// listing is what the hub says of a model.
type listing struct {
	Revision string   `json:"sha"`
	Files    []remote `json:"siblings"`
}

// remote is a file of a model.
type remote struct {
	Name string `json:"rfilename"`
	Size int64  `json:"size"`
	Blob string `json:"blobId"` // hash by git
	LFS  *struct {
		SHA256 string `json:"sha256"`
		Size   int64  `json:"size"`
	} `json:"lfs"`
}

// Pull fetches files of a model into a folder, and optional ones where the model has them, and
// returns the revision that they are of. Files that are there already and whole are not
// fetched again.
func (h *Hub) Pull(ctx context.Context, model, revision, dir string, files, optional []string) (string, error) {
	if !modelForm.MatchString(model) {
		return "", lode.Invalid("model", model, "a model of the hub is named like minishlab/potion-base-8M")
	}
	if revision == "" {
		revision = "main"
	}
	if !revisionForm.MatchString(revision) || strings.Contains(revision, "..") {
		return "", lode.Invalid("revision", revision, "a revision is a branch, a tag or a commit")
	}
	list, err := h.list(ctx, model, revision)
	if err != nil {
		return "", err
	}
	for _, name := range slices.Concat(files, optional) {
		file, err := list.find(model, name)
		if lode.IsCode(err, lode.CodeNotFound) && slices.Contains(optional, name) {
			continue
		}
		if err != nil {
			return "", err
		}
		if err := h.fetch(ctx, model, list.Revision, file, dir); err != nil {
			return "", err
		}
	}
	return list.Revision, nil
}

func (h *Hub) list(ctx context.Context, model, revision string) (*listing, error) {
	response, err := h.get(ctx, h.o.BaseURL+"/api/models/"+model+"/revision/"+url.PathEscape(revision)+"?blobs=true", 0)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if err := h.refused(response, model); err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(response.Body, mostInfoBytes))
	if err != nil {
		return nil, h.unreachable(err)
	}
	var list listing
	if json.Unmarshal(b, &list) != nil || !revisionForm.MatchString(list.Revision) {
		return nil, lode.Errorf(lode.CodeProvider, "the hub's answer about %s is not the JSON of its protocol", model)
	}
	return &list, nil
}

func (l *listing) find(model, name string) (remote, error) {
	for _, f := range l.Files {
		if f.Name != name {
			continue
		}
		if f.LFS != nil {
			f.Size = f.LFS.Size
		}
		switch {
		case f.Size < 0 || f.Size > mostFileBytes:
			return f, lode.FieldError(lode.CodeTooLarge, name, f.Size, "the file is larger than %d bytes", int64(mostFileBytes))
		case f.LFS == nil && f.Blob == "":
			return f, lode.Errorf(lode.CodeProvider, "the hub does not say the hash of %s", name)
		}
		return f, nil
	}
	return remote{}, lode.NotFound("file", name).WithHint(model + " has not the files of a model that can be used here")
}

// get sends a request for a file from an offset on.
func (h *Hub) get(ctx context.Context, target string, from int64) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, lode.Invalid("hub", "", "the hub's address cannot be used")
	}
	if h.o.Token != "" {
		request.Header.Set("Authorization", "Bearer "+h.o.Token)
	}
	if from > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
	}
	request.Header.Set("Accept-Encoding", "identity") // offsets are of the file itself
	response, err := h.o.Client.Do(request)
	if err != nil {
		return nil, h.unreachable(err)
	}
	return response, nil
}

// refused explains an answer other than the file.
func (h *Hub) refused(response *http.Response, model string) error {
	switch response.StatusCode {
	case http.StatusOK, http.StatusPartialContent:
		return nil
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		// The hub answers 401 for models that do not exist, so as not to tell.
		return lode.NotFound("model", model).WithHint("a model that is not open to everyone needs a token, in LODE_HUB_TOKEN")
	case http.StatusTooManyRequests:
		return lode.Errorf(lode.CodeProvider, "the hub has too many requests").WithHint("try again later; what was fetched is kept")
	}
	return lode.Errorf(lode.CodeProvider, "the hub answers with status %d", response.StatusCode)
}

// unreachable explains a connection that failed.
func (h *Hub) unreachable(err error) error {
	var own *lode.Error // the client does not let the request out
	if errors.As(err, &own) {
		return own
	}
	if errors.Is(err, context.Canceled) {
		return lode.Errorf(lode.CodeCanceled, "fetch from the hub: %w", context.Canceled)
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // without the address, which may be signed
	}
	reason := err.Error()
	var name *net.DNSError
	if errors.As(err, &name) {
		reason = "the name " + name.Name + " is not known"
	}
	return lode.Errorf(lode.CodeUnavailable, "the hub cannot be reached: %s", reason).
		WithHint("where there is no network, fetch the files elsewhere and add their folder: lode models add FOLDER")
}
