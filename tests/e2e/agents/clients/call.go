// One streamed call with net/http, tried again when it breaks, as the SDKs do.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
)

const url = "https://api.anthropic.com/v1/messages"
const body = `{"model":"claude-sonnet-4-5","max_tokens":64,"stream":true,` +
	`"messages":[{"role":"user","content":"Answer with one word."}]}`

func call() (string, error) {
	answer, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	if answer.StatusCode != 200 {
		return "", errors.New(answer.Status)
	}
	var event struct {
		Type  string
		Delta struct{ Text string }
	}
	text := ""
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		line := lines.Text()
		if !strings.HasPrefix(line, "data: ") {
			continue
		}
		event.Delta.Text = ""
		if err := json.Unmarshal([]byte(line[6:]), &event); err != nil {
			return "", err
		}
		text += event.Delta.Text
	}
	if err := lines.Err(); err != nil {
		return "", err
	}
	if event.Type != "message_stop" {
		return "", errors.New("the stream has no end")
	}
	return text, nil
}

func main() {
	for attempt := 0; attempt < 5; attempt++ {
		text, err := call()
		if err == nil {
			fmt.Println(text)
			return
		}
		fmt.Fprintf(os.Stderr, "attempt %d: %v\n", attempt, err)
		time.Sleep(500 * time.Millisecond)
	}
	os.Exit(1)
}
