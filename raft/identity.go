package raft

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
)

// identityName is the file that says whose log a folder holds. It is text, so that a person
// can read it.
const identityName = "IDENTITY"

// identityVersion is the format version of the file.
const identityVersion = 1

const maxIdentityBytes = 4 << 10

// identity is whose log a folder holds. The cluster is empty until it has a name.
type identity struct{ node, cluster string }

func (i identity) String() string {
	body := fmt.Sprintf("lode raft folder\nformat %d\nnode %s\ncluster %s\n", identityVersion, i.node, i.cluster)
	return fmt.Sprintf("%scrc32c %08x\n", body, crc32.Checksum([]byte(body), crc32.MakeTable(crc32.Castagnoli)))
}

func parseIdentity(text string) (i identity, err error) {
	var version int
	if _, err := fmt.Sscanf(text, "lode raft folder\nformat %d\n", &version); err != nil {
		return i, lode.Errorf(lode.CodeCorrupt, "the file does not begin as that of a raft folder")
	}
	if version != identityVersion {
		return i, lode.Errorf(lode.CodeCorrupt, "the raft folder has format version %d, this program knows %d", version, identityVersion).
			WithHint("data written by a newer lode needs a newer lode")
	}
	lines := strings.Split(text, "\n")
	if len(lines) > 3 {
		i = identity{node: strings.TrimPrefix(lines[2], "node "), cluster: strings.TrimPrefix(lines[3], "cluster ")}
	}
	if i.node == "" || i.String() != text {
		return identity{}, lode.Errorf(lode.CodeCorrupt, "the file is damaged")
	}
	return i, nil
}

// checkIdentity refuses, before anything of the folder is opened, one that belongs to another
// node or cluster: its log would be replayed into data that it has nothing to do with.
func (n *Node) checkIdentity() error {
	path := filepath.Join(n.opts.Dir, identityName)
	b, err := vfs.ReadFile(vfs.OS, path, maxIdentityBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // fresh, seeded by a restore, or of a version that wrote none: checkMembership knows
	}
	if err != nil {
		return fmt.Errorf("read identity of the log: %w", err)
	}
	if n.identity, err = parseIdentity(string(b)); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	hint := "put the raft folder back that belongs to this data folder, or restore both from one backup"
	if n.identity.node != n.opts.NodeID {
		return lode.FieldError(lode.CodeConflict, "raft.node_id", n.opts.NodeID, "raft folder %s holds the log of node %s", n.opts.Dir, n.identity.node).WithHint(hint)
	}
	if known := n.opts.ClusterID; known != "" && n.identity.cluster != "" && n.identity.cluster != known {
		return lode.FieldError(lode.CodeConflict, "raft.cluster_id", known, "raft folder %s holds the log of cluster %s", n.opts.Dir, n.identity.cluster).WithHint(hint)
	}
	return nil
}

// SetCluster records which cluster the log belongs to, once the machine knows. The same name
// again costs nothing; another one is [lode.CodeConflict].
func (n *Node) SetCluster(id string) error {
	n.naming.Lock()
	defer n.naming.Unlock()
	switch n.identity.cluster {
	case id:
		if n.identity.node != "" {
			return nil
		}
	case "":
	default:
		return lode.FieldError(lode.CodeConflict, "raft.cluster_id", id, "the log belongs to cluster %s", n.identity.cluster)
	}
	named := identity{node: n.opts.NodeID, cluster: id}
	err := vfs.WriteFile(vfs.OS, filepath.Join(n.opts.Dir, identityName), func(w io.Writer) error {
		_, err := io.WriteString(w, named.String())
		return err
	})
	if err != nil {
		return fmt.Errorf("write identity of the log: %w", err)
	}
	n.identity = named
	return nil
}
