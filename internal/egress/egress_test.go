package egress_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/egress"
)

// get sends a request through a gate and returns the answer's text.
func get(t *testing.T, o egress.Options, target string) (string, error) {
	t.Helper()
	gate, err := egress.New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer gate.Close()
	response, err := gate.Client().Get(target)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

func TestAllow(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "reached") }))
	defer server.Close()
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	named := "http://localhost:" + u.Port()
	f := func(target string, allowed bool, list ...string) {
		t.Helper()
		refused := 0
		text, err := get(t, egress.Options{Allow: list, Proxy: egress.NoProxy, Refused: func(string, string) { refused++ }}, target)
		if allowed != (text == "reached" && err == nil) || allowed == (refused > 0) {
			t.Errorf("%s with %q: %q, %v, %d refusals", target, list, text, err, refused)
		}
		if !allowed && !lode.IsCode(err, lode.CodeProvider) {
			t.Errorf("%s with %q: %v", target, list, err)
		}
	}
	f(server.URL, true)
	f(named, true)
	f(server.URL, true, "127.0.0.1")
	f(server.URL, true, "example.org", "127.0.0.1:"+u.Port())
	f(server.URL, false, "127.0.0.1:1")
	f(server.URL, true, "127.0.0.0/8")
	f(server.URL, false, "10.0.0.0/8")
	f(server.URL, false, "example.org")
	f(named, true, "LocalHost")
	f(named, true, "127.0.0.0/8", "::1/128")
	f(named, false, "10.0.0.0/8")
	f(named, false, "*.localhost")
}

// Addresses that are never reached, in every form that leads to them, and although listed.
func TestForbidden(t *testing.T) {
	for _, host := range []string{
		"169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::1]", "[fd00:ec2::254]",
		"100.100.100.200", "224.0.0.1", "0.0.0.0", "[::]", "255.255.255.255", "168.63.129.16",
	} {
		for _, list := range [][]string{nil, {strings.Trim(host, "[]")}} {
			_, err := get(t, egress.Options{Allow: list, Proxy: egress.NoProxy}, "http://"+host+"/latest/meta-data")
			var coded *lode.Error
			if !errors.As(err, &coded) || coded.Code != lode.CodeProvider {
				t.Errorf("%s with %q: %v", host, list, err)
			}
		}
	}
}

// A redirect to a place that may not be reached is refused like a request to it.
func TestRedirect(t *testing.T) {
	server := httptest.NewServer(http.RedirectHandler("http://169.254.169.254/", http.StatusFound))
	defer server.Close()
	if _, err := get(t, egress.Options{Proxy: egress.NoProxy}, server.URL); !lode.IsCode(err, lode.CodeProvider) {
		t.Errorf("%v", err)
	}
}

// Through a proxy hosts are allowed by name, for it resolves them, and its own address needs
// no rule.
func TestProxy(t *testing.T) {
	var asked []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Host)
		fmt.Fprint(w, "proxied")
	}))
	defer proxy.Close()
	f := func(target string, allowed bool, list ...string) {
		t.Helper()
		text, err := get(t, egress.Options{Allow: list, Proxy: proxy.URL}, target)
		if allowed != (text == "proxied") || allowed == lode.IsCode(err, lode.CodeProvider) {
			t.Errorf("%s with %q: %q, %v", target, list, text, err)
		}
	}
	f("http://api.example.org/", true)
	f("http://api.example.org/", true, "*.example.org")
	f("http://api.example.org/", false, "10.0.0.0/8")
	f("http://10.1.2.3/", true, "10.0.0.0/8")
	f("http://169.254.169.254/", false)
	if len(asked) != 3 {
		t.Errorf("the proxy was asked for %q", asked)
	}
}

func TestOptions(t *testing.T) {
	f := func(field string, o egress.Options) {
		t.Helper()
		_, err := egress.New(o)
		var coded *lode.Error
		if !errors.As(err, &coded) || coded.Field != field || coded.Code != lode.CodeInvalid {
			t.Errorf("%+v: %v", o, err)
		}
	}
	for _, bad := range []string{"", "*", "*.", "10.0.0.1/8", "10.0.0.0/99", "host:0", "host:99999", "a b", "http://host", "x*y", "1:2:3"} {
		f("egress_allow", egress.Options{Allow: []string{bad}})
	}
	f("egress_proxy", egress.Options{Proxy: "ftp://x"})
	f("egress_proxy", egress.Options{Proxy: "nonsense"})
	for _, good := range []string{"host", "host:443", "*.x.org", "::1", "[::1]:80", "10.0.0.0/8", "fd00::/8"} {
		if _, err := egress.New(egress.Options{Allow: []string{good}}); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
}
