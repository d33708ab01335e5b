// Package egress opens the connections that a node makes to others: providers of embeddings
// and hubs of models. All of them go through one [Gate], which decides where they may lead.
//
// Some addresses are never dialled, whatever is allowed: link-local ones, among them the
// metadata services of clouds, which give credentials to whoever asks; multicast, broadcast
// and the unspecified address. That is checked on the address that is dialled, after the name
// was resolved, so that no name leads there.
//
// Without a list everything else is allowed: addresses come from the operator's settings, and
// a model server beside the node has a private or loopback address. With a list only what it
// names is reached: hosts ("api.cohere.com", with a port or without), domains
// ("*.voyageai.com") and networks ("10.0.0.0/8"). Each request is checked, also those that
// follow a redirect.
//
// A proxy is dialled in place of the host: it resolves names by itself, so that networks
// cannot be checked and only hosts and domains allow a request. Its own address is allowed by
// being configured.
//
// The package has no opinion on what is sent.
package egress
