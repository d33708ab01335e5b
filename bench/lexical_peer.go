package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// lexicalPeer is another engine in a process of its own. bench/peers/README.md has the protocol.
type lexicalPeer struct {
	hello lexicalReply
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
}

type lexicalRequest struct {
	Verb    string   `json:"verb"`
	Corpus  string   `json:"corpus,omitempty"`
	Folder  string   `json:"folder,omitempty"`
	Queries []string `json:"queries,omitempty"`
	K       int      `json:"k,omitempty"`
}

type lexicalReply struct {
	Name    string  `json:"name"`
	Version string  `json:"version"`
	About   string  `json:"about"`
	Error   string  `json:"error"`
	Rows    int     `json:"rows"`
	Seconds float64 `json:"seconds"`
	Bytes   int64   `json:"bytes"`
	Answers [][]int `json:"answers"`
	Nanos   []int64 `json:"nanos"`
}

// startLexicalPeer starts the program of that name in a folder. If it could not be made there,
// the reason is in the error.
func startLexicalPeer(ctx context.Context, folder, name string) (*lexicalPeer, error) {
	path := filepath.Join(folder, name)
	if _, err := os.Stat(path); err != nil {
		reason, _ := os.ReadFile(path + ".skipped")
		return nil, fmt.Errorf("%s is not there: %s", name, strings.TrimSpace(string(reason)))
	}
	p := &lexicalPeer{cmd: exec.CommandContext(ctx, path)}
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReaderSize(out, 1<<20)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	return p, p.receive(&p.hello)
}

func (p *lexicalPeer) ask(r lexicalRequest) (*lexicalReply, error) {
	if err := json.NewEncoder(p.in).Encode(r); err != nil {
		return nil, err
	}
	reply := new(lexicalReply)
	err := p.receive(reply)
	if err == nil && r.Verb == "search" && (len(reply.Answers) != len(r.Queries) || len(reply.Nanos) != len(r.Queries)) {
		err = fmt.Errorf("%d answers to %d queries", len(reply.Answers), len(r.Queries))
	}
	if err != nil {
		return nil, fmt.Errorf("%s, %s: %w", p.hello.Name, r.Verb, err)
	}
	return reply, nil
}

func (p *lexicalPeer) receive(reply *lexicalReply) error {
	line, err := p.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, reply)
	}
	if err == nil && reply.Error != "" {
		err = errors.New(reply.Error)
	}
	return err
}

// close ends the process.
func (p *lexicalPeer) close() error { return errors.Join(p.in.Close(), p.cmd.Wait()) }
