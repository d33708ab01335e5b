// Package backup keeps backups of a node in a folder or in an S3-compatible bucket: each is
// the whole state as of one log entry, made while writes go on, and each needs only the
// space of what changed since the one before.
//
// It owns the form of a repository, making, verifying and restoring backups, retention, and
// the targets. It leaves to package storage what a consistent moment is, to package raft how
// a log begins behind a restored state, and to the node when backups are made and by whom.
//
// # Types
//
//	Target      where files lie: Folder, or a bucket (see Locate)
//	Repository  the backups of one cluster in a target: Create, List, Verify, Restore, Prune
//	Backup      one of them
//
// # Files of a repository
//
//	REPOSITORY            which cluster it belongs to: a block of kind 0x50
//	backups/<id>          manifests: a block of kind 0x51; written last
//	objects/ab/<sha256>   content under its hash: a stream of kind 0x53
//	locks/<owner>         who is writing: a block of kind 0x52; gone when nobody is
//	tmp/                  of a folder only: files that are being written
//
// Blocks and streams are envelopes of package seal; the payload of a block is deterministic
// CBOR with numbered fields:
//
//	REPOSITORY  1 version, 2 cluster, 3 time of creation
//	manifest    1 version, 2 cluster, 3 node, 4 log index, 5 term, 6 hash of the catalogue's
//	            records, 7 time, 8 version of the program, 9 bytes of the catalogue,
//	            10 bytes of a piece, 11 hashes of its pieces in order, 12 blobs as
//	            [hash, bytes], ascending, 13 segments as [collection, number, state, hash,
//	            bytes, hashes of its pieces in order], ascending
//	lock        1 owner, 2 nonce, 3 renewed, 4 expires
//
// An object is a blob, a sealed segment, or a piece of the catalogue file or of a growing
// segment; all pieces of a file but the last have the same size. A sealed segment has no
// pieces. Segments in which nothing was ever put have no file and are not listed. The id of
// a backup is its time in UTC to the millisecond and the first 16 hex digits of the SHA-256
// of its sealed manifest: 20260304T050607.089Z-0123456789abcdef.
//
// # Versions
//
//	1  first version
//	2  segments beside the catalogue, which no longer holds rows; 6 is of its records alone
//
// A repository or manifest of another version is refused with a message of its own.
//
// # Errors
//
// Damage, missing objects and unknown versions are lode.CodeCorrupt; a repository of another
// cluster, another writer, and a restore over data lode.CodeConflict; a backup that does not
// exist lode.CodeNotFound; refused credentials lode.CodeUnauthorized; a target that cannot
// be reached lode.CodeUnavailable. No error, log line or file holds credentials.
//
// DESIGN.md holds the reasons.
package backup
