package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// setup is what a child is told when it starts, on its standard input.
type setup struct {
	Listen       string // origin: address of its TLS listener
	Cert, Key    []byte // origin: its root
	Proxy        string // attacker: address of the proxy
	Roots        []byte // attacker: what it trusts
	Home, Sly    string // tokens of the home tenant and of a foreign one
	Attack       string // attacker: name of the attack
	ControlsHost string // origin: address where it tells what it saw
	Meek         bool   // it gives way, see start
}

// child is a process of this same program in another role.
type child struct {
	cmd *exec.Cmd
	in  io.Closer
}

// serve is a child's main: it serves as role until its input ends.
func serve(role string) error {
	var s setup
	in := bufio.NewReader(os.Stdin)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return err
	}
	if err := json.Unmarshal(line, &s); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { _, _ = io.Copy(io.Discard, in); cancel() }()
	if s.Meek {
		go breathe(ctx)
	}
	switch role {
	case "origin":
		return serveOrigin(ctx, s)
	case "attacker":
		return serveAttack(ctx, s)
	default:
		return fmt.Errorf("no such role")
	}
}

// start runs role as a child and waits until it says that it is ready. Where
// meek is set it has one thread and what CPU nobody else wants: attackers and
// the origin of what they ask share this machine with who is measured, and
// elsewhere they would not.
func (s *stand) start(ctx context.Context, role string, meek bool, with setup) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	line := []string{self, "-serve", role}
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir}
	class := hurried
	if with.Meek = meek; meek {
		class = idle
		env = append(env, "GOMAXPROCS=1")
	}
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Stderr, cmd.Env = os.Stderr, env
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, class.start(cmd)); err != nil {
		return nil, err
	}
	c := &child{cmd: cmd, in: in}
	if err := json.NewEncoder(in).Encode(with); err != nil {
		return nil, errors.Join(err, c.stop())
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		return nil, errors.Join(fmt.Errorf("%s is not ready: %w", role, err), c.stop())
	}
	return c, nil
}

// stop ends the child and waits for it.
func (c *child) stop() error {
	c.in.Close()
	return c.cmd.Wait()
}

// ready tells the parent that this child serves.
func ready() { fmt.Println("ready") }
