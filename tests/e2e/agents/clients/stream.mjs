// What the JavaScript clients share: the call, its answer's text, and trying again.
export const url = 'https://api.anthropic.com/v1/messages';
export const body = JSON.stringify({model: 'claude-sonnet-4-5', max_tokens: 64, stream: true,
  messages: [{role: 'user', content: 'Answer with one word.'}]});

function textOf(stream) {
  const events = stream.split('\n').filter((line) => line.startsWith('data: '))
    .map((line) => JSON.parse(line.slice(6)));
  if (events.at(-1)?.type !== 'message_stop') throw new Error('the stream has no end');
  return events.filter((event) => event.type === 'content_block_delta')
    .map((event) => event.delta.text).join('');
}

export async function tryAgain(call) {
  for (let attempt = 0; attempt < 5; ++attempt) {
    try {
      console.log(textOf(await call()));
      return;
    } catch (error) {
      console.error(`attempt ${attempt}: ${error.message}`);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
  throw new Error('no answer');
}
