package storage

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"strings"

	"github.com/google/uuid"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
)

// folderVersion is the format version of a data folder; its history is in
// docs/format/folder.md.
const folderVersion = 1

const maxNodeBytes = 1 << 10

// formatNode returns the content of NODE. It is text, so that a person can read it and any
// program can refuse it with a clear message.
func formatNode(id string) []byte {
	body := fmt.Sprintf("lode data folder\nformat %d\nnode %s\n", folderVersion, id)
	return fmt.Appendf(nil, "%scrc32c %08x\n", body, crc32.Checksum([]byte(body), crc32.MakeTable(crc32.Castagnoli)))
}

// parseNode returns the node id that NODE holds.
func parseNode(b []byte) (id string, err error) {
	var version int
	if _, err := fmt.Sscanf(string(b), "lode data folder\nformat %d\n", &version); err != nil {
		return "", lode.Errorf(lode.CodeCorrupt, "NODE does not begin as that of a data folder")
	}
	if version != folderVersion {
		return "", lode.Errorf(lode.CodeCorrupt, "the data folder has format version %d, this program knows %d", version, folderVersion).
			WithHint("data written by a newer lode needs a newer lode")
	}
	lines := strings.Split(string(b), "\n")
	if len(lines) < 3 {
		return "", lode.Errorf(lode.CodeCorrupt, "NODE is cut short")
	}
	id = strings.TrimPrefix(lines[2], "node ")
	if parsed, err := uuid.Parse(id); err != nil || parsed.String() != id || string(formatNode(id)) != string(b) {
		return "", lode.Errorf(lode.CodeCorrupt, "NODE is damaged")
	}
	return id, nil
}

// readNode returns the node id; found is false when there is no NODE.
func readNode(fsys vfs.FS, path string) (id string, found bool, err error) {
	b, err := vfs.ReadFile(fsys, path, maxNodeBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	id, err = parseNode(b)
	return id, true, err
}

// createNode gives the folder an identity, once. It is the last step of making a folder:
// where NODE is, everything else is.
func createNode(fsys vfs.FS, path string) (id string, err error) {
	random, err := uuid.NewRandom()
	if err != nil {
		return "", fmt.Errorf("make node id: %w", err)
	}
	id = random.String()
	return id, vfs.WriteFile(fsys, path, func(w io.Writer) error {
		_, err := w.Write(formatNode(id))
		return err
	})
}
