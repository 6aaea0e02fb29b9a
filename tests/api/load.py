"""load.py - many clients at once, over HTTP as OpenAI's completions are asked for; any server that speaks it can be measured.

    load.py URL MODEL [--clients 64] [--seconds 60] [--out 64] [--shortest 20] [--longest 1500] [--shared 300]

prints one JSON object.  Request k is a pure function of k: a prompt of `shortest` to `longest` tokens or so, every other one beginning with
the same `shared` tokens, temperature 0.8, seed k.  So the answers of one run can be held against those of another."""
import argparse
import asyncio
import json
import random
import time

WORDS = ("the of and to in is that it for as with was on be by at this are from or have not had but what when were they which one you all can her "
         "his there their more if will about out up time no than into some could them other then two may these first any new now people only "
         "water house river mountain garden paper stone letter window morning winter summer bread market school music story answer question "
         "number city road light green white small large old young slow quick warm cold deep high open close carry build write read speak").split()


def words(rng, tokens):
    """So many words that they are about as many tokens."""
    out = []
    for _ in range(max(1, int(tokens / 1.05))):
        out.append(rng.choice(WORDS))
        if rng.random() < 0.05:
            out[-1] += "."
    return " ".join(out)


class Shape:
    def __init__(self, shortest=20, longest=1500, shared=300, out=64):
        self.shortest, self.longest, self.shared, self.out = shortest, longest, shared, out
        self.beginning = words(random.Random("shared"), shared) if shared else ""

    def body(self, model, k):
        rng = random.Random(f"request {k}")
        size = rng.randint(self.shortest, self.longest)
        if self.shared and k % 2:
            prompt = self.beginning + " " + words(rng, max(10, size - self.shared))
        else:
            prompt = words(rng, size)
        return {"model": model, "prompt": prompt, "max_tokens": self.out, "temperature": 0.8, "seed": k, "stream": True,
                "stream_options": {"include_usage": True}}


class Answer:
    def __init__(self, k):
        self.k, self.status, self.text, self.finish, self.error = k, 0, "", None, None
        self.begun, self.pieces = time.monotonic(), []     # when each piece of text came
        self.prompt_tokens = self.output_tokens = self.cached_tokens = 0
        self.retry_after = None


async def read_events(reader, head):
    """The data of the events, whatever chunks they come in."""
    rest = b""
    chunked = b"transfer-encoding: chunked" in head.lower()
    while True:
        if chunked:
            size = int((await reader.readline()).split(b";")[0] or b"0", 16)
            piece = await reader.readexactly(size)
            await reader.readexactly(2)
        else:
            piece = await reader.read(65536)
        if not piece:
            return
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            if line.startswith(b"data: ") and line != b"data: [DONE]":
                yield json.loads(line[6:])


async def ask(host, port, body, k, path="/v1/completions"):
    a = Answer(k)
    writer = None
    try:
        reader, writer = await asyncio.open_connection(host, port)
        text = json.dumps(body).encode()
        writer.write(f"POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\nContent-Type: application/json\r\n"
                     f"Content-Length: {len(text)}\r\n\r\n".encode() + text)
        await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        a.status = int(head.split(b" ", 2)[1])
        if a.status != 200:
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"retry-after:"):
                    a.retry_after = float(line.split(b":")[1])
            a.error = (await reader.read(4096)).decode("utf-8", "replace")
            return a
        async for event in read_events(reader, head):
            if "error" in event:
                a.error = json.dumps(event["error"])
            for choice in event.get("choices", ()):
                piece = choice.get("text") or choice.get("delta", {}).get("content") or ""
                if piece:
                    a.pieces.append(time.monotonic())
                    a.text += piece
                a.finish = choice.get("finish_reason") or a.finish
            usage = event.get("usage")
            if usage:
                a.prompt_tokens, a.output_tokens = usage["prompt_tokens"], usage["completion_tokens"]
                a.cached_tokens = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    except (OSError, asyncio.IncompleteReadError, ValueError) as e:
        a.error = f"{type(e).__name__}: {e}"
    finally:
        if writer:
            writer.close()
    return a


async def load(host, port, model, shape, clients, seconds, most=None):
    """Every answer, in the order of their ends; a refused request is asked again after Retry-After."""
    answers, busy, begun, counter = [], 0, time.monotonic(), iter(range(most or 1 << 30))

    async def client():
        nonlocal busy
        for k in counter:
            while True:
                if time.monotonic() - begun >= seconds:
                    return
                a = await ask(host, port, shape.body(model, k), k)
                if a.status != 503:
                    break
                busy += 1
                await asyncio.sleep(a.retry_after or 1)
            answers.append(a)

    await asyncio.gather(*(client() for _ in range(clients)))
    return answers, busy, begun


def at(sorted_list, share):
    return sorted_list[min(len(sorted_list) - 1, int(share * len(sorted_list)))] if sorted_list else None


def summary(answers, busy, begun, seconds):
    end = begun + seconds
    good = [a for a in answers if a.status == 200 and not a.error and a.finish]
    first = sorted(a.pieces[0] - a.begun for a in good if a.pieces)
    output = sum(a.output_tokens * sum(t <= end for t in a.pieces) / max(1, len(a.pieces)) for a in good)
    seen = [a for a in good if a.pieces and a.pieces[0] <= end]
    prompt, cached = sum(a.prompt_tokens for a in seen), sum(a.cached_tokens for a in seen)
    return {"requests": len(answers), "good": len(good), "busy": busy,
            "wrong": sorted({f"{a.status} {a.error}"[:200] for a in answers if a not in good}),
            "output_tokens_per_second": round(output / seconds, 1), "prompt_tokens_per_second": round(prompt / seconds, 1),
            "of_them_remembered": round(cached / seconds, 1),
            "computed_tokens_per_second": round((prompt - cached + output) / seconds, 1),
            "first_token_p50": round(at(first, 0.5) or 0, 2), "first_token_p95": round(at(first, 0.95) or 0, 2),
            "prompt_tokens_mean": round(sum(a.prompt_tokens for a in good) / max(1, len(good))),
            "output_tokens_mean": round(sum(a.output_tokens for a in good) / max(1, len(good)), 1)}


def differing(answers, host, port, model, shape, most):
    """Which of these answers come out otherwise alone; the shortest and longest prompts are among those tried."""
    tried = sorted((a for a in answers if a.status == 200 and not a.error), key=lambda a: (a.prompt_tokens, a.k))
    if most < len(tried):
        tried = [tried[i * (len(tried) - 1) // max(1, most - 1)] for i in range(most)]
    wrong = []

    async def alone():
        for a in tried:
            b = await ask(host, port, shape.body(model, a.k), a.k)
            if (a.text, a.finish, a.prompt_tokens, a.output_tokens) != (b.text, b.finish, b.prompt_tokens, b.output_tokens):
                wrong.append((a.k, a.text, b.text, b.error))

    asyncio.run(alone())
    return len(tried), wrong


def main():
    p = argparse.ArgumentParser()
    p.add_argument("url")
    p.add_argument("model")
    for name, value in (("clients", 64), ("seconds", 60), ("out", 64), ("shortest", 20), ("longest", 1500), ("shared", 300)):
        p.add_argument("--" + name, type=int, default=value)
    o = p.parse_args()
    host, port = o.url.split("//")[-1].strip("/").rsplit(":", 1)
    shape = Shape(o.shortest, o.longest, o.shared, o.out)
    print(json.dumps(summary(*asyncio.run(load(host, int(port), o.model, shape, o.clients, o.seconds)), o.seconds)))


if __name__ == "__main__":
    main()
