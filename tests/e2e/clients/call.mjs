// A Node client that tunnels by hand, as proxy agents for Node do:
//     node call.mjs EDGE_PORT URL CA_FILE BODY CALLS [RETRIES]
// Prints every answer. Each call may be tried again RETRIES times when its connection breaks, as
// the SDKs do; a connection to the edge that fails is never tried again and ends with code 3.
import fs from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';

const [edgePort, url, caFile, body, calls, retries = '0'] = process.argv.slice(2);
const target = new URL(url);
const ca = fs.readFileSync(caFile);

class EdgeUnreachable extends Error {}

function openTunnel() {
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(edgePort), '127.0.0.1');
    let isConnected = false;
    socket.once('error', (error) =>
      reject(isConnected ? error : new EdgeUnreachable(error.message)));
    socket.once('connect', () => {
      isConnected = true;
      socket.write(`CONNECT ${target.hostname}:443 HTTP/1.1\r\nHost: ${target.hostname}:443\r\n\r\n`);
    });
    socket.once('close', () => reject(new Error('closed in CONNECT')));
    let text = '';
    const onData = (data) => {
      text += data.toString('latin1');
      if (!text.includes('\r\n\r\n')) return;
      socket.off('data', onData);
      if (/^HTTP\/1\.[01] 200/.test(text)) resolve(socket);
      else reject(new Error(text.split('\r\n')[0]));
    };
    socket.on('data', onData);
  });
}

async function call() {
  const socket = await openTunnel();
  return new Promise((resolve, reject) => {
    const stream = tls.connect({socket, ca, servername: target.hostname,
      ALPNProtocols: ['http/1.1']});
    stream.once('error', reject);
    stream.once('close', () => reject(new Error('closed')));
    const request = https.request({createConnection: () => stream, method: 'POST',
      path: target.pathname, host: target.hostname,
      headers: {'content-type': 'application/json', 'content-length': Buffer.byteLength(body)}});
    request.once('error', reject);
    request.once('response', (response) => {
      let text = '';
      response.on('data', (data) => { text += data; });
      response.on('error', reject);
      response.on('end', () => { resolve(text); stream.destroy(); });
    });
    request.end(body);
  });
}

for (let number = 0; number < Number(calls); ++number) {
  for (let attempt = 0; ; ++attempt) {
    try {
      console.log(await call());
      break;
    } catch (error) {
      if (error instanceof EdgeUnreachable) {
        console.error(`edge: ${error.message}`);
        process.exit(3);
      }
      console.error(`attempt ${attempt}: ${error.message}`);
      if (attempt >= Number(retries)) process.exit(1);
    }
  }
}
process.exit(0);
