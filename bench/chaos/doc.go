// Package chaos breaks a node from outside and asks afterwards whether it kept its word.
//
// It owns a workload that remembers what it was told, the faults, and the verdict. It knows
// nothing of the node's inside: nodes are processes, reached by HTTP, and the only other
// thing that is read is their data folder, by the offline checker of package storage.
//
// # Types
//
//	Ledger    every write that was tried, and how far its outcome is known
//	Workload  writers that create, change and delete documents, raw vectors and collections
//	Verify    compares all that a node holds with a ledger and lists [Finding] values
//	Fault     a system call that goes wrong: killed, failed or delayed at its n-th time
//	Case      one node, one fault, a restart and the verdict; its text form repeats it
//	Disk      an ext4 file system that can be copied in one instant: a power cut, filled, or frozen
//	NewReport sums up outcomes as a report of package bench
//
// # Promises that are tested
//
// A write that was acknowledged is there after any stop, once, and with its bytes; one that
// was deleted stays away; a write without an answer either happened or did not. After a
// fault the process ends with a message that names it, or goes on. The next start is ready
// in [ReadyLimit] and needs no hand.
//
// # Faults
//
// System calls are made to fail by strace: error, delay, or SIGKILL at the n-th call of a
// thread. The node runs with GOMAXPROCS=1, because strace counts per thread. Which thread
// makes which call is up to the scheduler all the same, so a case names a seed and a call,
// and repeats the kind of failure rather than its instant.
//
// Kills during the build of a sealed segment count events of inotify instead, over all
// threads of a node that nothing traces.
//
// The seed of a case also chooses how large segments are and how often is flushed: most nodes
// flush, seal and build many times within a case, the others have the defaults.
//
// A call that hangs ends with the node's last words: strace holds back the end of a process
// with a delayed call, as the kernel does for a thread that hangs on a disk. Frozen disks are
// the honest form, an ext4 file system that fsfreeze stops: the node must say so, fall silent
// and end, and the kernel lets go of the process at the thaw.
//
// Power cuts are reflink copies of a disk image on btrfs. A copy holds what the file system
// of the node had sent to its device in that instant; what was only in the page cache, like
// all that was never synced, is missing. What a real device loses from its own cache is not
// modelled. The negative control runs a node whose syncs are answered but not done.
package chaos
