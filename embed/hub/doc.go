// Package hub fetches files of published models from the Hugging Face hub, or a mirror that
// speaks its protocol. A file that was fetched in part is gone on with, and every file is
// compared with the hash that the hub says it has before it is kept under its name.
//
// The package knows nothing of what is in the files. Its client decides where connections may
// lead; redirects, to the servers that hold large files, are followed by it.
package hub
