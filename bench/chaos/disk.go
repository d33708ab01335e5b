package chaos

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Sizes of the file systems of a [Disk]; both are sparse files.
const (
	outerBytes = 4 << 30
	innerBytes = 192 << 20
)

// Disk is an ext4 file system in an image file that lies on btrfs. A reflink copy of the
// image is what a machine would find on its disk had the power gone in that instant.
type Disk struct {
	Mount string // where the node keeps its data

	dir     string // of the images' file system
	image   string
	mounted []string // mount points, last first
}

// DiskTools are the programs that [NewDisk] needs, beside root.
var DiskTools = []string{"losetup", "mount", "umount", "mkfs.ext4", "mkfs.btrfs", "cp"}

// NewDisk makes and mounts both file systems below a folder.
func NewDisk(folder string) (_ *Disk, err error) {
	d := &Disk{dir: filepath.Join(folder, "images"), Mount: filepath.Join(folder, "disk")}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	outer := filepath.Join(folder, "outer.img")
	if err := makeImage(outer, outerBytes, "mkfs.btrfs", "-q", "-f"); err != nil {
		return nil, err
	}
	if err := d.mount(outer, d.dir); err != nil {
		return nil, err
	}
	d.image = filepath.Join(d.dir, "inner.img")
	if err := makeImage(d.image, innerBytes, "mkfs.ext4", "-q", "-F"); err != nil {
		return nil, err
	}
	return d, d.mount(d.image, d.Mount)
}

// PlainDiskTools are the programs that [NewPlainDisk] needs, beside root.
var PlainDiskTools = []string{"losetup", "mount", "umount", "mkfs.ext4", "fsfreeze"}

// NewPlainDisk makes and mounts a file system that can be filled and frozen, but not copied.
func NewPlainDisk(folder string) (_ *Disk, err error) {
	d := &Disk{Mount: filepath.Join(folder, "disk"), image: filepath.Join(folder, "plain.img")}
	if err := makeImage(d.image, innerBytes, "mkfs.ext4", "-q", "-F"); err != nil {
		return nil, err
	}
	return d, d.mount(d.image, d.Mount)
}

// Freeze makes everything that changes the disk hang in the kernel until Thaw.
func (d *Disk) Freeze() error { return command("fsfreeze", "--freeze", d.Mount) }

// Thaw ends Freeze.
func (d *Disk) Thaw() error { return command("fsfreeze", "--unfreeze", d.Mount) }

func makeImage(path string, size int64, mkfs ...string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Truncate(size), f.Close()); err != nil {
		return err
	}
	return command(append(mkfs, path)...)
}

func command(args ...string) error {
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", args[0], err, strings.TrimSpace(string(out)))
	}
	return nil
}

func (d *Disk) mount(image, at string) error {
	if err := os.MkdirAll(at, 0o755); err != nil {
		return err
	}
	if err := command("mount", "-o", "loop", image, at); err != nil {
		return err
	}
	d.mounted = append([]string{at}, d.mounted...)
	return nil
}

// unmount retries: a process that was killed may hold its files for a moment.
func (d *Disk) unmount(at string) (err error) {
	for range 50 {
		if err = command("umount", at); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err == nil {
		kept := d.mounted[:0]
		for _, m := range d.mounted {
			if m != at {
				kept = append(kept, m)
			}
		}
		d.mounted = kept
	}
	return err
}

// Sync makes durable what is on the disk.
func (d *Disk) Sync() error { return command("sync", "-f", d.Mount) }

// Cut copies the disk in one instant, while everything goes on.
func (d *Disk) Cut(name string) (image string, err error) {
	image = filepath.Join(d.dir, name+".img")
	return image, command("cp", "--reflink=always", d.image, image)
}

// Open mounts a copy, which replays the journal of its file system as after a power cut and
// repairs nothing else. Done unmounts and removes it.
func (d *Disk) Open(image string) (at string, done func() error, err error) {
	at = strings.TrimSuffix(image, ".img") + ".mnt"
	if err := d.mount(image, at); err != nil {
		return "", nil, err
	}
	return at, func() error { return errors.Join(d.unmount(at), os.Remove(image)) }, nil
}

// Close unmounts everything. It may be called twice.
func (d *Disk) Close() error {
	var errs []error
	for len(d.mounted) > 0 {
		at := d.mounted[0]
		if err := d.unmount(at); err != nil {
			errs = append(errs, err)
			d.mounted = d.mounted[1:]
		}
	}
	return errors.Join(errs...)
}
