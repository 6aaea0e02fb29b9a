// npm's `openai`, unmodified, against the server whose URL is the last word.
import { pathToFileURL } from 'node:url';
import { done, same } from './tap.mjs';

const { default: OpenAI } = await import(pathToFileURL(`${process.env.NPM}/node_modules/openai/index.mjs`));
const client = new OpenAI({ baseURL: `${process.argv.at(-1)}/v1`, apiKey: 'none', maxRetries: 0 });
const ask = { model: 'smollm2', messages: [{ role: 'user', content: 'What is the capital of France? One word.' }], max_tokens: 12, temperature: 0 };

async function refused(name, request, status, param) {
    try {
        await request();
        same(name, 'answered', 'refused');
    } catch (e) {
        same(name, [e.constructor.name, e.status, e.param], [status === 404 ? 'NotFoundError' : 'BadRequestError', status, param]);
    }
}

const names = [];
for await (const m of client.models.list()) names.push(m.id);
same('models.list', names.sort(), ['smollm2', 'tiny']);

const { data, response } = await client.chat.completions.create(ask).withResponse();
same('chat.completions.create', [data.object, data.choices[0].message.role, data.choices[0].message.content.includes('Paris')], ['chat.completion', 'assistant', true]);
same('the receipt and its number', [data.hearth_receipt.kind, /^\d+$/.test(response.headers.get('hearth-receipt'))], ['answer', true]);

let text = '';
let usage = null;
let reason = null;
for await (const chunk of await client.chat.completions.create({ ...ask, stream: true, stream_options: { include_usage: true } })) {
    text += chunk.choices[0]?.delta?.content ?? '';
    reason = chunk.choices[0]?.finish_reason ?? reason;
    usage = chunk.usage ?? usage;
}
same('a stream', [text, reason, usage.total_tokens], [data.choices[0].message.content, data.choices[0].finish_reason, data.usage.total_tokens]);

const helper = client.chat.completions.stream(ask);
same('the stream helper', (await helper.finalChatCompletion()).choices[0].message.content, text);

const left = await client.chat.completions.create({ ...ask, stream: true, max_tokens: 900, logit_bias: { 2: -100 } });
for await (const chunk of left) if (chunk.choices[0]?.delta?.content) break;
same('a stream that is left', left.controller.signal.aborted, true);

const tool = { type: 'function', function: { name: 'add', parameters: { type: 'object', properties: { a: { type: 'integer', minimum: 0, maximum: 9 } }, required: ['a'], additionalProperties: false } } };
const called = await client.chat.completions.create({ ...ask, max_tokens: 60, tools: [tool], tool_choice: 'required', parallel_tool_calls: false });
same('a tool', [called.choices[0].finish_reason, called.choices[0].message.tool_calls.length, called.choices[0].message.tool_calls[0].function.name,
    Object.keys(JSON.parse(called.choices[0].message.tool_calls[0].function.arguments))], ['tool_calls', 1, 'add', ['a']]);

const form = { type: 'json_schema', json_schema: { name: 'x', strict: true, schema: { enum: ['yes', 'no'] } } };
same('response_format', ['yes', 'no'].includes(JSON.parse((await client.chat.completions.create({ ...ask, response_format: form })).choices[0].message.content)), true);

const completion = await client.completions.create({ model: 'smollm2', prompt: 'The capital of France is', max_tokens: 1, temperature: 0 });
same('completions.create', completion.choices[0].text, ' Paris');
const vectors = await client.embeddings.create({ model: 'smollm2', input: ['one', 'two'] });
same('embeddings.create', [vectors.data.length, vectors.data[0].embedding.length], [2, 576]);

const answer = await client.responses.create({ model: 'smollm2', input: 'What is the capital of France? One word.', temperature: 0, max_output_tokens: 12 });
same('responses.create', [answer.object, answer.output_text], ['response', text]);
let spoken = '';
for await (const event of await client.responses.create({ model: 'smollm2', input: 'What is the capital of France? One word.', temperature: 0, max_output_tokens: 12, stream: true }))
    if (event.type === 'response.output_text.delta') spoken += event.delta;
same('and its stream', spoken, text);

await refused('a model that is not there', () => client.models.retrieve('nobody'), 404, 'model');
await refused('a wrong value', () => client.chat.completions.create({ ...ask, temperature: 9 }), 400, 'temperature');
done();
