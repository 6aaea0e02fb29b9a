"""Conversations and the other variables of a chat template, in the shapes that clients send them."""
import copy
import json

WEATHER = {"type": "function", "function": {
    "name": "get_current_temperature", "description": "Gets the temperature at a given location.",
    "parameters": {"type": "object", "properties": {
        "location": {"type": "string", "description": "The location, as \"City, Country\"."},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "description": "The unit.", "default": "celsius"}},
        "required": ["location"]},
    "return": {"type": "number", "description": "The temperature."}}}
SEARCH = {"type": "function", "function": {
    "name": "search", "description": "Durchsucht «alles» & <mehr>.\nZweite Zeile.",
    "parameters": {"type": "object", "properties": {
        "query": {"type": "string"},
        "limits": {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}, "items": {"type": "array",
                   "items": {"type": "number"}}}, "required": ["n"], "additionalProperties": False},
        "tags": {"type": "array", "items": {"type": "string"}, "minItems": 0},
        "any": {"anyOf": [{"type": "string"}, {"type": "null"}], "nullable": True},
        "both": {"type": ["string", "number"]}}, "$defs": {"x": {"type": "boolean"}}}}}
EMPTY = {"type": "function", "function": {"name": "noop", "description": "", "parameters": {"type": "object",
                                                                                              "properties": {}}}}
BARE = {"name": "bare", "description": "A tool without a wrapper.", "parameters": {"type": "object", "properties": {
    "x": {"type": "integer"}}}}
PIECES = [{"type": "text", "text": "First part. "}, {"type": "text", "text": "Zweiter Teil — ünï."}]


def user(content):
    return {"role": "user", "content": content}


def system(content):
    return {"role": "system", "content": content}


def bot(content, **more):
    return {"role": "assistant", "content": content, **more}


def call(name, arguments, ident="call_0001"):
    return {"id": ident, "type": "function", "function": {"name": name, "arguments": arguments}}


def tool(content, **more):
    return {"role": "tool", "content": content, **more}


TEMPERATURE = call("get_current_temperature", {"location": "Cape Town, ZA", "unit": "celsius"}, "abcdefghi")
TEMPERATURE_TEXT = call("get_current_temperature", "{\"location\": \"Paris\"}", "123456789")
NESTED = call("search", {"query": "a \"b\" <c> & 'd' é\n", "limits": {"n": 3, "items": [1, 2.5, -1e20]}, "tags": [],
                         "any": None, "both": True}, "qwertyuio")
CHATS = {
    "hello": [user("Hello, how are you?")],
    "system": [system("You are terse."), user("Hi"), bot("Hello."), user("What is 2+2?")],
    "turns": [m for i in range(6) for m in (user(f"Question {i}?"), bot(f"Answer {i}."))] + [user("And now?")],
    "ends with an answer": [user("Hi"), bot("Hello there.")],
    "empty contents": [system(""), user(""), bot(""), user("")],
    "blanks": [system("  \n keep? \n"), user("  leading and trailing \n\n"), bot("\n\nanswer \t"), user("\ttab\n")],
    "unicode": [user("Sawubona 🌍, ¿qué tal? 日本語 \u202e ß \u00a0x"), bot("Ngiyaphila — “quoted” 👩‍👩‍👧‍👦"), user("ﬁ İ Σ")],
    "markup": [user("<|im_start|>system\nno</s>[INST] {{ x }} {% if %} <b>&amp;</b> \\n \"q\" 'a'"), bot("a<|im_end|>b"),
               user("</think><think>x")],
    "thinking": [user("Why?"), bot("<think>\nBecause.\n</think>\n\nSo."), user("Sure?"),
                 bot("Yes.", reasoning_content="I am sure.\n"), user("Good.")],
    "thinking, empty": [user("Why?"), bot("<think>\n\n</think>\n\nSo.", reasoning_content=""), user("?")],
    "thinking only": [user("Why?"), bot("x</think>y</think>z"), user("?"), bot("", thinking="hm", reasoning="hm")],
    "pieces": [system([{"type": "text", "text": "Be kind."}]), user(PIECES), bot([{"type": "text", "text": "Fine."}]),
               user([{"type": "text", "text": "x"}])],
    "image": [user([{"type": "image", "url": "a.png"}, {"type": "text", "text": "What is it?"}]), bot("A cat."),
              user([{"type": "image"}, {"type": "image"}, {"type": "text", "text": "And these?"}])],
    "video": [user([{"type": "video", "video": "v.mp4"}, {"type": "audio", "audio_url": "x"}, {"type": "text",
              "text": "?"}])],
    "empty pieces": [user([]), bot([]), user([{"type": "text", "text": ""}])],
    "call": [user("Weather in Cape Town?"), bot("", tool_calls=[TEMPERATURE]),
             tool("22.5", name="get_current_temperature", tool_call_id="abcdefghi"), bot("22.5 °C."), user("Thanks")],
    "call, no content": [user("Weather?"), {"role": "assistant", "tool_calls": [TEMPERATURE]},
                         tool("{\"t\": 22}", name="get_current_temperature", tool_call_id="abcdefghi")],
    "call, null content": [user("Weather?"), bot(None, tool_calls=[TEMPERATURE]),
                           tool("22", tool_call_id="abcdefghi", name="get_current_temperature")],
    "call, text arguments": [system("Use tools."), user("Weather?"), bot("Let me see.", tool_calls=[TEMPERATURE_TEXT]),
                             tool("cold", name="get_current_temperature", tool_call_id="123456789"), bot("Cold.")],
    "call, reasoning": [user("Weather?"), bot("", reasoning_content="I need the tool.", tool_calls=[TEMPERATURE]),
                        tool("22.5", name="get_current_temperature", tool_call_id="abcdefghi"),
                        bot("It is 22.5.", reasoning_content="Now I know."), user("Ok")],
    "two calls": [user("Both?"), bot("Calling.", tool_calls=[TEMPERATURE, NESTED]),
                  tool("1", name="get_current_temperature", tool_call_id="abcdefghi"),
                  tool("[\"ü\"]", name="search", tool_call_id="qwertyuio"), bot("Done."), user("More"),
                  bot("", tool_calls=[NESTED]), tool([{"type": "text", "text": "r"}], name="search",
                                                     tool_call_id="qwertyuio")],
    "result as an object": [user("x"), bot("", tool_calls=[NESTED]), tool({"a": [1, None, True], "b": 1.0},
                            name="search", tool_call_id="qwertyuio")],
    "bare calls": [user("x"), bot("", tool_calls=[{"name": "search", "arguments": {"query": "y"}, "id": "asdfghjkl"}]),
                   {"role": "ipython", "content": "z"}],
    "null content": [user(None), bot(None), user("x")],
    "other roles": [{"role": "developer", "content": "Dev."}, user("x"), {"role": "function", "content": "f", "name":
                    "g"}, {"role": "observation", "content": "o"}],
    "two users": [user("a"), user("b")],
    "answer first": [bot("I begin."), user("ok")],
    "system later": [user("a"), system("late"), bot("b"), user("c")],
    "system only": [system("alone")],
    "no messages": [],
    "no role": [{"content": "x"}],
    "long": [system("S" * 2000), user("word " * 3000), bot("w\n" * 2000), user("?")],
    "switches": [system("Think. /no_think"), user("a /think"), bot("b"), user("c /no_think")],
    "extra keys": [{"role": "user", "content": "x", "name": "Ann", "prefix": True, "id": 7, "items": 1, "weight": 0},
                   {"role": "assistant", "content": "y", "channel": "final", "recipient": "all", "prefix": True}],
}
DOCUMENTS = [{"title": "The title", "text": "The text.\nMore.", "doc_id": 1, "content": "c"}, {"title": "Ü", "text": ""}]
SETTINGS = {
    "plain": {},
    "generate": {"add_generation_prompt": True},
    "tools": {"add_generation_prompt": True, "tools": [WEATHER, SEARCH, EMPTY]},
    "one tool": {"tools": [WEATHER]},
    "bare tool": {"add_generation_prompt": True, "tools": [BARE]},
    "no tools": {"add_generation_prompt": True, "tools": []},
    "tools in the user's turn": {"tools": [WEATHER, SEARCH], "tools_in_user_message": False, "date_string": "1 May 2025"},
    "thinking on": {"add_generation_prompt": True, "enable_thinking": True, "thinking": True,
                    "reasoning_effort": "high"},
    "thinking off": {"add_generation_prompt": True, "enable_thinking": False, "thinking": False,
                     "reasoning_effort": "none", "clear_thinking": False, "preserve_thinking": True},
    "documents": {"add_generation_prompt": True, "documents": DOCUMENTS, "date_string": "26 Jul 2024",
                  "controls": {"length": "short", "originality": "x"}},
    "builtins": {"add_generation_prompt": True, "builtin_tools": ["browser", "python"], "tools": [SEARCH],
                 "model_identity": "You are X.", "custom_tools": [WEATHER], "xml_tools": [WEATHER],
                 "python_tools": [EMPTY], "current_date": "2025-01-01", "keep_past_thinking": True,
                 "add_vision_id": True, "citations": True, "available_tools": [BARE]},
}
SETTINGS["other names"] = {"functions": json.dumps([WEATHER["function"], BARE]), "datetime": "2025-05-01, 10:00", "tools": [BARE],
                           "add_generation_prompt": True, "system_prompt": "Sys.", "user_system_prompt": "Usr."}
TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}


def variables():
    """Yields (name, variables of a rendering)."""
    for chat, messages in CHATS.items():
        for setting, more in SETTINGS.items():
            given = {"messages": messages, "tools": None, "documents": None, "add_generation_prompt": False}
            given.update(TOKENS)
            given.update(more)
            yield f"{chat} / {setting}", copy.deepcopy(given)
