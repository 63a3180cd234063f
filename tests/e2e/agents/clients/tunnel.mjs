// One streamed call with Node's https through a CONNECT by hand, as proxy agents for Node do: Node
// itself reads the proxy variables only since 22.21. Its trust is Node's own: NODE_EXTRA_CA_CERTS.
import http from 'node:http';
import https from 'node:https';
import {body, tryAgain, url} from './stream.mjs';

const proxy = new URL(process.env.HTTPS_PROXY);
const target = new URL(url);

function openTunnel() {
  return new Promise((resolve, reject) => {
    const request = http.request({host: proxy.hostname, port: proxy.port, method: 'CONNECT',
      path: `${target.hostname}:443`});
    request.once('connect', (answer, socket) =>
      answer.statusCode === 200 ? resolve(socket) : reject(new Error(answer.statusMessage)));
    request.once('error', reject);
    request.end();
  });
}

await tryAgain(async () => {
  const socket = await openTunnel();
  return new Promise((resolve, reject) => {
    const agent = new https.Agent({keepAlive: false});
    const request = https.request({socket, agent, method: 'POST', path: target.pathname,
      host: target.hostname, servername: target.hostname,
      headers: {'content-type': 'application/json', 'content-length': Buffer.byteLength(body)}});
    socket.once('close', () => reject(new Error('closed')));
    request.once('error', reject);
    request.once('response', (answer) => {
      let text = '';
      answer.on('data', (data) => { text += data; });
      answer.on('error', reject);
      answer.on('end', () => { resolve(text); socket.destroy(); });
    });
    request.end(body);
  });
});
process.exit(0);
