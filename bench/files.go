package bench

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/client"
)

// documentFiles lists the files below the folders that a parser may read, with ids that
// begin with the folder's name. Hidden files and those named SOURCE.txt or LICENSE are left
// out: they describe the data.
func documentFiles(roots ...string) (files []client.File, bytes int64, err error) {
	for _, root := range roots {
		err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			switch filepath.Ext(path) {
			case ".md", ".html", ".txt", ".pdf":
			default:
				return nil
			}
			if entry.Name() == "SOURCE.txt" || entry.Name()[0] == '.' {
				return nil
			}
			info, err := entry.Info()
			if err != nil || info.Size() == 0 {
				return err
			}
			rel, err := filepath.Rel(filepath.Dir(root), path)
			if err != nil {
				return err
			}
			files = append(files, diskFile(path, filepath.ToSlash(rel), info.Size()))
			bytes += info.Size()
			return nil
		})
		if err != nil {
			return nil, 0, err
		}
	}
	return files, bytes, nil
}

func diskFile(path, id string, size int64) client.File {
	return client.File{
		ID: lode.DocID(id), URI: id, Name: filepath.Base(path), Size: size,
		Open: func() (io.ReadCloser, error) { return os.Open(path) },
	}
}
