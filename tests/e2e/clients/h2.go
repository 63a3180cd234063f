// A Go client that lets its library choose the protocol:
//
//	go run h2.go EDGE_PORT URL CA_FILE BODY CALLS
//
// Makes all calls at once and prints the protocol and the body of every answer.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	edgePort, target, caFile, body := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	calls, err := strconv.Atoi(os.Args[5])
	must(err)
	pem, err := os.ReadFile(caFile)
	must(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	proxy, err := url.Parse("http://127.0.0.1:" + edgePort)
	must(err)
	client := &http.Client{Transport: &http.Transport{
		Proxy:             http.ProxyURL(proxy),
		TLSClientConfig:   &tls.Config{RootCAs: roots},
		ForceAttemptHTTP2: true,
	}}
	call := func() {
		answer, err := client.Post(target, "application/json", strings.NewReader(body))
		must(err)
		text, err := io.ReadAll(answer.Body)
		must(err)
		answer.Body.Close()
		fmt.Println(answer.Proto, string(text))
	}
	call() // the others then share its connection
	var all sync.WaitGroup
	for i := 1; i < calls; i++ {
		all.Add(1)
		go func() { defer all.Done(); call() }()
	}
	all.Wait()
}
