// A Node client of HTTP/2 that tunnels by hand:
//     node h2.mjs EDGE_PORT URL CA_FILE BODY CALLS
// Makes all calls at once on one connection and prints every answer, in the order of the calls.
// With the body "echo": one call whose body is sent in CALLS pieces, each after the last came back.
import fs from 'node:fs';
import http2 from 'node:http2';
import net from 'node:net';
import tls from 'node:tls';

const [edgePort, url, caFile, body, calls] = process.argv.slice(2);
const target = new URL(url);

function openTunnel() {
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(edgePort), '127.0.0.1');
    socket.once('error', reject);
    socket.once('connect', () => socket.write(
      `CONNECT ${target.hostname}:443 HTTP/1.1\r\nHost: ${target.hostname}:443\r\n\r\n`));
    let text = '';
    socket.on('data', function onData(data) {
      text += data.toString('latin1');
      if (!text.includes('\r\n\r\n')) return;
      socket.off('data', onData);
      if (text.startsWith('HTTP/1.1 200')) resolve(socket);
      else reject(new Error(text.split('\r\n')[0]));
    });
  });
}

const socket = await openTunnel();
const stream = tls.connect({socket, ca: fs.readFileSync(caFile), servername: target.hostname,
  ALPNProtocols: ['h2', 'http/1.1']});
await new Promise((resolve, reject) => {
  stream.once('secureConnect', resolve);
  stream.once('error', reject);
});
if (stream.alpnProtocol !== 'h2') throw new Error(`the protocol is ${stream.alpnProtocol}`);
const session = http2.connect(target.origin, {createConnection: () => stream});
const head = {':method': 'POST', ':path': target.pathname, 'content-type': 'application/json'};

function call() {
  return new Promise((resolve, reject) => {
    const request = session.request(head);
    let text = '';
    request.on('data', (data) => { text += data; });
    request.once('error', reject);
    request.once('end', () => resolve(text));
    request.end(body);
  });
}

function echo() {
  return new Promise((resolve, reject) => {
    const request = session.request({...head, 'x-test-echo': '1'});
    let left = Number(calls);
    request.on('data', (data) => {
      console.log(`echo ${data}`);
      if (--left > 0) request.write(`piece ${left}`);
      else request.end();
    });
    request.once('trailers', (trailers) => console.log(`status ${trailers['grpc-status']}`));
    request.once('error', reject);
    request.once('end', resolve);
    request.write(`piece ${left}`);
  });
}

if (body === 'echo') await echo();
else for (const text of await Promise.all(Array.from({length: Number(calls)}, call)))
  console.log(text);
session.close();
