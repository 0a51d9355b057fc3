package clients_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
)

// visit is a page that stays open, so that somebody can use it. Chromium is
// told what to do over its DevTools pipe (--remote-debugging-pipe): JSON objects
// with a zero behind each, on the descriptors 3 and 4.
type visit struct {
	t       *testing.T
	to      io.Writer
	from    *bufio.Reader
	session string
	calls   int
	changed bool   // something happened since the page was last looked at
	said    string // what the page said when it was last looked at
}

// watch tells of every change of a page, before any script of its own runs.
const watch = `new MutationObserver(() => changed('')).observe(document, {subtree: true, childList: true, characterData: true, attributes: true})`

// visit opens an address in a fresh profile.
func (b *browser) visit(t *testing.T, address string) *visit {
	t.Helper()
	theirIn, ourOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ourIn, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(within(t, patience), b.program, append(b.flags(t), "--remote-debugging-pipe", "about:blank")...)
	cmd.Env, cmd.ExtraFiles = b.env, []*os.File{theirIn, theirOut}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ourOut.Close() // the browser ends with its pipe
		_ = cmd.Wait()
		ourIn.Close()
	})
	theirIn.Close()
	theirOut.Close()
	v := &visit{t: t, to: ourOut, from: bufio.NewReader(ourIn)}
	v.attach()
	v.call("Page.navigate", map[string]any{"url": address}, nil)
	return v
}

// attach makes the browser's page the one that is talked to.
func (v *visit) attach() {
	v.t.Helper()
	var made struct{ TargetID string }
	v.call("Target.createTarget", map[string]any{"url": "about:blank"}, &made)
	var attached struct{ SessionID string }
	v.call("Target.attachToTarget", map[string]any{"targetId": made.TargetID, "flatten": true}, &attached)
	v.session = attached.SessionID
	v.call("Page.enable", nil, nil)
	v.call("Runtime.enable", nil, nil)
	v.call("Runtime.addBinding", map[string]any{"name": "changed"}, nil)
	v.call("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": watch}, nil)
}

// message is an answer to a call, or what the browser tells unasked.
type message struct {
	ID     int
	Method string
	Result json.RawMessage
	Error  *struct{ Message string }
}

func (v *visit) read() message {
	v.t.Helper()
	raw, err := v.from.ReadBytes(0)
	if err != nil {
		v.t.Fatalf("chromium ended: %v; the page said last:\n%s", err, v.said)
	}
	var m message
	if err := json.Unmarshal(raw[:len(raw)-1], &m); err != nil {
		v.t.Fatal(err)
	}
	return m
}

// ask calls a method of the DevTools protocol.
func (v *visit) ask(method string, params map[string]any, result any) error {
	v.t.Helper()
	v.calls++
	call := map[string]any{"id": v.calls, "method": method}
	if params != nil {
		call["params"] = params
	}
	if v.session != "" {
		call["sessionId"] = v.session
	}
	raw, err := json.Marshal(call)
	if err != nil {
		v.t.Fatal(err)
	}
	if _, err := v.to.Write(append(raw, 0)); err != nil {
		v.t.Fatalf("chromium ended: %v", err)
	}
	for {
		m := v.read()
		switch {
		case m.ID != v.calls:
			v.changed = true
		case m.Error != nil:
			return errors.New(m.Error.Message)
		case result == nil:
			return nil
		default:
			return json.Unmarshal(m.Result, result)
		}
	}
}

func (v *visit) call(method string, params map[string]any, result any) {
	v.t.Helper()
	if err := v.ask(method, params, result); err != nil {
		v.t.Fatalf("%s: %v", method, err)
	}
}

// text is what the page says; empty while it is being left for another one.
func (v *visit) text(expression string) string {
	v.t.Helper()
	var answer struct{ Result struct{ Value any } }
	if v.ask("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true}, &answer) != nil || answer.Result.Value == nil {
		return ""
	}
	return fmt.Sprint(answer.Result.Value)
}

// until waits until a page has something that a selector finds and whose text
// is not empty, and returns that text.
func (v *visit) until(selector string) string {
	v.t.Helper()
	for {
		v.changed = false
		v.said = v.text("location.href + ' ' + document.body?.innerText")
		if text := v.text(fmt.Sprintf(`document.readyState == 'complete' ? document.querySelector(%q)?.innerText : ''`, selector)); text != "" {
			return text
		}
		if !v.changed {
			v.read()
		}
	}
}

// enter types into a field and presses Enter.
func (v *visit) enter(selector, text string) {
	v.t.Helper()
	v.text(fmt.Sprintf(`document.querySelector(%q).select()`, selector))
	v.call("Input.insertText", map[string]any{"text": text}, nil)
	for _, kind := range []string{"keyDown", "keyUp"} {
		v.call("Input.dispatchKeyEvent", map[string]any{"type": kind, "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}, nil)
	}
}

func (v *visit) click(selector string) {
	v.t.Helper()
	v.text(fmt.Sprintf(`document.querySelector(%q).click()`, selector))
}

// picture takes a screenshot.
func (v *visit) picture(name string) {
	v.t.Helper()
	file := picture(v.t, name)
	var shot struct{ Data string }
	v.call("Page.captureScreenshot", map[string]any{"format": "png"}, &shot)
	image, err := base64.StdEncoding.DecodeString(shot.Data)
	if err == nil {
		err = os.WriteFile(file, image, 0o600)
	}
	if err != nil {
		v.t.Error(err)
	}
}
