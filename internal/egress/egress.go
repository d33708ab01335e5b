package egress

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"github.com/lodedb/lode"
)

// Options configure a [Gate].
type Options struct {
	// Allow lists what may be reached: "host", "host:port", "*.domain" or "network/bits". The
	// default, an empty list, is everything that is not always refused.
	Allow []string
	// Proxy is the URL of a proxy for all requests. The default is what HTTPS_PROXY,
	// HTTP_PROXY and NO_PROXY say; [NoProxy] uses none.
	Proxy string
	// DialTimeout bounds the opening of a connection. The default is 10 s.
	DialTimeout time.Duration
	// Refused hears of requests that were refused. It must not block.
	Refused func(host, reason string)
}

// NoProxy connects directly, whatever the environment says.
const NoProxy = "none"

// Gate is where all connections of a node to others leave. Close releases them.
type Gate struct {
	rules     []rule
	refused   func(host, reason string)
	proxy     func(*http.Request) (*url.URL, error)
	transport *http.Transport
}

var _ http.RoundTripper = (*Gate)(nil)

// New returns a gate. It connects to nothing yet.
func New(o Options) (*Gate, error) {
	g := &Gate{refused: o.Refused, proxy: http.ProxyFromEnvironment}
	if g.refused == nil {
		g.refused = func(string, string) {}
	}
	if o.DialTimeout == 0 {
		o.DialTimeout = 10 * time.Second
	}
	for _, text := range o.Allow {
		r, err := parseRule(text)
		if err != nil {
			return nil, err
		}
		g.rules = append(g.rules, r)
	}
	if err := g.setProxy(o.Proxy); err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: o.DialTimeout, KeepAlive: 30 * time.Second, ControlContext: g.control}
	g.transport = &http.Transport{
		Proxy: g.proxy, DialContext: dialer.DialContext, ForceAttemptHTTP2: true,
		MaxIdleConns: 64, MaxIdleConnsPerHost: 8, IdleConnTimeout: 90 * time.Second,
		TLSHandshakeTimeout: o.DialTimeout, ExpectContinueTimeout: time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
	return g, nil
}

func (g *Gate) setProxy(text string) error {
	switch text {
	case "":
		return nil
	case NoProxy:
		g.proxy = func(*http.Request) (*url.URL, error) { return nil, nil }
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5" {
		return lode.Invalid("egress_proxy", "", "the proxy must be none or a URL that begins with http, https or socks5")
	}
	g.proxy = http.ProxyURL(u)
	return nil
}

// Client returns a client whose requests leave through the gate.
func (g *Gate) Client() *http.Client { return &http.Client{Transport: g} }

// Close releases idle connections. It may be called twice.
func (g *Gate) Close() error {
	g.transport.CloseIdleConnections()
	return nil
}

// RoundTrip implements [http.RoundTripper]. A request that may not leave ends with a
// [lode.Error] that names the host.
func (g *Gate) RoundTrip(r *http.Request) (*http.Response, error) {
	pass, err := g.admit(r)
	if err != nil {
		return nil, err
	}
	return g.transport.RoundTrip(r.WithContext(context.WithValue(r.Context(), passKey{}, pass)))
}

type passKey struct{}

// pass is what a request may do when it is dialled.
type pass struct {
	host string // that it is for
	any  bool   // its address need not be in a network of the list
	via  bool   // the address is a proxy's
}

// admit checks a request by what it names, before anything is resolved.
func (g *Gate) admit(r *http.Request) (pass, error) {
	host, port := r.URL.Hostname(), r.URL.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[r.URL.Scheme]
	}
	via, err := g.proxy(r)
	if err != nil {
		return pass{}, lode.Errorf(lode.CodeProvider, "the proxy for %s cannot be used", host)
	}
	p := pass{host: host, any: len(g.rules) == 0, via: via != nil}
	networks := false
	for _, rule := range g.rules {
		p.any = p.any || rule.names(host, port)
		networks = networks || rule.network.IsValid()
	}
	if address, err := netip.ParseAddr(host); err == nil {
		if reason := forbidden(address); reason != "" {
			return p, g.refuse(host, reason)
		}
		p.any = p.any || g.inNetwork(address)
		networks = false // it is decided
	}
	if p.any || networks && !p.via {
		return p, nil
	}
	return p, g.refuse(host, "it is not in the list of what may be reached")
}

// control checks the address that is about to be dialled.
func (g *Gate) control(ctx context.Context, _, address string, _ syscall.RawConn) error {
	p, _ := ctx.Value(passKey{}).(pass) // the zero pass allows what networks do
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return g.refuse(p.host, "its address cannot be read")
	}
	switch reason := forbidden(at.Addr()); {
	case reason != "":
		return g.refuse(p.host, fmt.Sprintf("its address %s is never reached: %s", at.Addr(), reason))
	case p.via || p.any || g.inNetwork(at.Addr()):
		return nil
	}
	return g.refuse(p.host, fmt.Sprintf("its address %s is in no network that may be reached", at.Addr()))
}

func (g *Gate) inNetwork(a netip.Addr) bool {
	for _, rule := range g.rules {
		if rule.network.IsValid() && rule.network.Contains(a.Unmap()) {
			return true
		}
	}
	return false
}

func (g *Gate) refuse(host, reason string) error {
	g.refused(host, reason)
	return lode.Errorf(lode.CodeProvider, "the node does not connect to %s: %s", lode.CutValue(host), reason).
		WithHint("what may be reached is set with --egress-allow")
}
