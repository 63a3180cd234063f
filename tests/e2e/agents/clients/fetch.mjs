// One streamed call with `fetch`, for runtimes that read the proxy variables themselves.
import {body, tryAgain, url} from './stream.mjs';

await tryAgain(async () => {
  const answer = await fetch(url, {method: 'POST', body,
    headers: {'content-type': 'application/json'}});
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return answer.text();
});
