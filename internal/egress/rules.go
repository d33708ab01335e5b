package egress

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/lodedb/lode"
)

// rule is one entry of a list: a network, or a host or domain with a port or without.
type rule struct {
	network netip.Prefix // invalid: it names a host
	host    string       // in lower case; "*.x" stands for all names below x
	port    string       // empty: any
}

func parseRule(text string) (rule, error) {
	if strings.Contains(text, "/") {
		network, err := netip.ParsePrefix(text)
		if err != nil || network != network.Masked() {
			return rule{}, lode.Invalid("egress_allow", text, "a network looks like 10.0.0.0/8")
		}
		return rule{network: network}, nil
	}
	r := rule{host: strings.ToLower(text)}
	if host, port, err := net.SplitHostPort(r.host); err == nil {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return rule{}, lode.Invalid("egress_allow", text, "port %q is not a number up to 65535", port)
		}
		r.host, r.port = host, port
	}
	r.host = strings.Trim(r.host, "[]")
	domain := strings.TrimPrefix(r.host, "*.")
	if domain == "" || strings.ContainsAny(domain, "*/ @") || strings.Contains(domain, ":") && !isAddress(domain) {
		return rule{}, lode.Invalid("egress_allow", text, "want a host, host:port, *.domain or network/bits")
	}
	return r, nil
}

func isAddress(text string) bool {
	_, err := netip.ParseAddr(text)
	return err == nil
}

// names reports whether the rule names the host.
func (r rule) names(host, port string) bool {
	if r.network.IsValid() || r.port != "" && r.port != port {
		return false
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if domain, found := strings.CutPrefix(r.host, "*"); found {
		return strings.HasSuffix(host, domain) && len(host) > len(domain)
	}
	return host == r.host
}

// metadata are addresses of metadata services outside of the link-local networks.
var metadata = []netip.Addr{
	netip.MustParseAddr("fd00:ec2::254"),   // EC2
	netip.MustParseAddr("100.100.100.200"), // Alibaba Cloud
	netip.MustParseAddr("192.0.0.192"),     // Oracle Cloud
	netip.MustParseAddr("168.63.129.16"),   // Azure
}

// forbidden says why an address is never reached, nothing when it may be.
func forbidden(a netip.Addr) string {
	a = unwrap(a)
	switch {
	case a.IsLinkLocalUnicast():
		return "link-local, where metadata services answer"
	case a.IsMulticast():
		return "multicast"
	case a.IsUnspecified() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return "no address of a host"
	}
	for _, m := range metadata {
		if a == m {
			return "a metadata service"
		}
	}
	return ""
}

// The networks whose addresses hold an IPv4 address in their last or third to sixth bytes.
var (
	nat64   = netip.MustParsePrefix("64:ff9b::/96")
	sixToV4 = netip.MustParsePrefix("2002::/16")
)

// unwrap returns the IPv4 address that an IPv6 address leads to, or the address itself.
func unwrap(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	b := a.As16()
	switch {
	case nat64.Contains(a):
		return netip.AddrFrom4([4]byte(b[12:]))
	case sixToV4.Contains(a):
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return a
}
