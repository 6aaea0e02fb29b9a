// npm's `ollama`, unmodified, against the server whose URL is the last word.
import { pathToFileURL } from 'node:url';
import { done, same } from './tap.mjs';

const { Ollama } = await import(pathToFileURL(`${process.env.NPM}/node_modules/ollama/dist/index.mjs`));
const host = process.argv.at(-1);
const client = new Ollama({ host });
const messages = [{ role: 'user', content: 'What is the capital of France? One word.' }];
const options = { temperature: 0, num_predict: 12 };

async function refused(name, request, status, word) {
    try {
        await request();
        same(name, 'answered', 'refused');
    } catch (e) {
        same(name, [e.name, e.status_code, e.error.includes(word)], ['ResponseError', status, true]);
    }
}

same('list', (await client.list()).models.map((m) => m.name).sort(), ['smollm2:latest', 'tiny:latest']);
const shown = await client.show({ model: 'smollm2' });
same('show', [shown.details.quantization_level, shown.model_info['llama.block_count'], shown.capabilities], ['Q4_1', 30, ['completion', 'tools']]);
const answer = await client.chat({ model: 'smollm2', messages, options });
same('chat', [answer.message.content.includes('Paris'), answer.done, answer.message.role, answer.hearth_receipt.kind], [true, true, 'assistant', 'answer']);
let text = '';
let last = null;
for await (const part of await client.chat({ model: 'smollm2', messages, options, stream: true })) {
    text += part.message.content;
    last = part;
}
same('chat in pieces: the same', [text, last.done, last.eval_count], [answer.message.content, true, answer.eval_count]);
const generated = await client.generate({ model: 'smollm2', prompt: 'The capital of France is', raw: true, options: { temperature: 0, num_predict: 3 } });
same('generate', generated.response.includes('Paris'), true);
const stopped = await client.generate({ model: 'smollm2', prompt: 'Once upon a time', raw: true, stream: true, options: { num_predict: 900, seed: 1 } });
let pieces = 0;
try {
    for await (const part of stopped) {
        pieces += part.response.length > 0;
        if (pieces === 3) stopped.abort();
    }
    same('abort', 'ended', 'aborted');
} catch (e) {
    same('abort ends it', [e.name, pieces], ['AbortError', 3]);
}
const format = { type: 'object', properties: { yes: { type: 'boolean' } }, required: ['yes'], additionalProperties: false };
same('format', typeof JSON.parse((await client.chat({ model: 'smollm2', messages, format, options: { temperature: 1.5, num_predict: 40 } })).message.content).yes, 'boolean');
const vectors = await client.embed({ model: 'smollm2', input: ['one', 'two'] });
same('embed', vectors.embeddings.map((v) => v.length), [576, 576]);
same('create', (await client.create({ model: 'made', from: 'tiny', system: 'x' })).status, 'success');
await client.copy({ source: 'made', destination: 'copied' });
await client.delete({ model: 'made' });
same('copy, delete', (await client.list()).models.map((m) => m.name).sort(), ['copied:latest', 'smollm2:latest', 'tiny:latest']);
same('ps', (await client.ps()).models.map((m) => m.name).sort(), ['smollm2:latest']);
same('version', /^\d+\.\d+/.test((await client.version()).version), true);
await refused('a model that is not there', () => client.chat({ model: 'nobody', messages }), 404, 'nobody');
await refused('an option nobody knows', () => client.chat({ model: 'smollm2', messages, options: { wibble: 1 } }), 400, 'wibble');
await refused('a prompt that is too long', () => client.generate({ model: 'smollm2', prompt: 'word '.repeat(2000) }), 400, '1024');
done();
