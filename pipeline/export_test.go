package pipeline

// FlagChunks is what the chunk stage does behind the chunker.
var FlagChunks = flagChunks
