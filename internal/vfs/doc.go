// Package vfs is the small file system that the files we open ourselves go through.
//
// It owns how a file becomes durable: write to a temporary name, fsync, rename, fsync the
// folder. What is in a file is the business of others, and so are files that a library
// opens by itself (bbolt and the raft log map and sync their own).
//
// The pieces:
//
//	FS, File             the interface; OS is the real file system
//	AtomicFile,          a file that appears whole or not at all, with Commit and Abort;
//	WriteFile            WriteFile is the same in one call
//	OpenDirect           reads what the disk has, not what the system keeps of it in memory
//	RemoveTemps          removes what a crash left of atomic files
//	Map, Mapping         a file that does not change any more, as memory
//	Lock                 one process per folder, with the owner's PID inside
//	Mem                  a file system in memory that can crash: what was not synced is lost
//	FailNth, FailFrom    a file system whose n-th change fails, for loops in tests
//
// # What a crash keeps
//
// [Mem] is as strict as POSIX allows a file system to be. The bytes of a file survive when
// the file was synced after they were written; a name (created, renamed, removed) survives
// when its folder was synced afterwards. [Mem.CrashClone] keeps exactly that;
// [Mem.CrashCloneRand] keeps in addition an arbitrary part of the rest, as a real disk may.
package vfs
