/* gotemplate_cases.h - templates in Go's notation, variables, and what text/template makes of them; written by
 * tools/oracle/gotemplate_reference.go. */
struct go_case { const char *name, *source; struct { const char *globals, *text; } render[12]; };
static const struct go_case go_cases[] = {
    {"chatml",
     "{{ if .System }}<|im_start|>system\n"
     "{{ .System }}<|im_end|>\n"
     "{{ end }}{{ if .Prompt }}<|im_start|>user\n"
     "{{ .Prompt }}<|im_end|>\n"
     "{{ end }}<|im_start|>assistant\n"
     "{{ .Response }}<|im_end|>\n", {
     {"{\"messages\":[{\"role\":\"user\",\"content\":\"Hi there\"}]}",
     "<|im_start|>user\n"
     "Hi there<|im_end|>\n"
     "<|im_start|>assistant\n"},
     {"{\"messages\":[{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"content\":\"Hi there\"}]}",
     "<|im_start|>system\n"
     "Be <brief> & kind.<|im_end|>\n"
     "<|im_start|>user\n"
     "Hi there<|im_end|>\n"
     "<|im_start|>assistant\n"},
     {"{\"messages\":[{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"content\":\"Hi there\"},{"
     "\"role\":\"assistant\",\"content\":\"Hello.\"},{\"role\":\"user\",\"content\":\"What is 2+2?\"}]}",
     "<|im_start|>system\n"
     "Be <brief> & kind.<|im_end|>\n"
     "<|im_start|>user\n"
     "Hi there<|im_end|>\n"
     "<|im_start|>assistant\n"
     "Hello.<|im_end|>\n"
     "<|im_start|>user\n"
     "What is 2+2?<|im_end|>\n"
     "<|im_start|>assistant\n"},
     {"{\"messages\":[{\"role\":\"user\",\"content\":\"Hi there\"},{\"role\":\"user\",\"content\":\"What is 2+2?\"},{\"role\":\""
     "assistant\",\"content\":\"Hello.\"},{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"cont"
     "ent\":\"Hi there\"}]}",
     "<|im_start|>user\n"
     "Hi there\n"
     "\n"
     "What is 2+2?<|im_end|>\n"
     "<|im_start|>assistant\n"
     "Hello.<|im_end|>\n"
     "<|im_start|>system\n"
     "Be <brief> & kind.<|im_end|>\n"
     "<|im_start|>user\n"
     "Hi there<|im_end|>\n"
     "<|im_start|>assistant\n"},
     {"{\"messages\":[{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"content\":\"Hi there\"},{"
     "\"role\":\"assistant\",\"content\":\"Hello.\"}]}",
     "<|im_start|>system\n"
     "Be <brief> & kind.<|im_end|>\n"
     "<|im_start|>user\n"
     "Hi there<|im_end|>\n"
     "<|im_start|>assistant\n"
     "Hello."},
    }},
    {"messages",
     "{{- range $i, $_ := .Messages }}\n"
     "{{- $last := eq (len (slice $.Messages $i)) 1 -}}\n"
     "<|im_start|>{{ .Role }}\n"
     "{{ .Content }}{{ if not (and (eq .Role \"assistant\") $last) }}<|im_end|>\n"
     "{{ end }}\n"
     "{{- if and (ne .Role \"assistant\") $last }}<|im_start|>assistant\n"
     "{{ end }}\n"
     "{{- end }}", {
     {"{\"messages\":[{\"role\":\"user\",\"content\":\"Hi there\"}]}",
     "<|im_start|>user\n"
     "Hi there<|im_end|>\n"
     "<|im_start|>assistant\n"},
     {"{\"messages\":[{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"content\":\"Hi there\"}]}",
     "<|im_start|>system\n"
     "Be <brief> & kind.<|im_end|>\n"
     "<|im_start|>user\n"
     "Hi there<|im_end|>\n"
     "<|im_start|>assistant\n"},
     {"{\"messages\":[{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"content\":\"Hi there\"},{"
     "\"role\":\"assistant\",\"content\":\"Hello.\"},{\"role\":\"user\",\"content\":\"What is 2+2?\"}]}",
     "<|im_start|>system\n"
     "Be <brief> & kind.<|im_end|>\n"
     "<|im_start|>user\n"
     "Hi there<|im_end|>\n"
     "<|im_start|>assistant\n"
     "Hello.<|im_end|>\n"
     "<|im_start|>user\n"
     "What is 2+2?<|im_end|>\n"
     "<|im_start|>assistant\n"},
     {"{\"messages\":[{\"role\":\"user\",\"content\":\"Hi there\"},{\"role\":\"user\",\"content\":\"What is 2+2?\"},{\"role\":\""
     "assistant\",\"content\":\"Hello.\"},{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"cont"
     "ent\":\"Hi there\"}]}",
     "<|im_start|>user\n"
     "Hi there\n"
     "\n"
     "What is 2+2?<|im_end|>\n"
     "<|im_start|>assistant\n"
     "Hello.<|im_end|>\n"
     "<|im_start|>system\n"
     "Be <brief> & kind.<|im_end|>\n"
     "<|im_start|>user\n"
     "Hi there<|im_end|>\n"
     "<|im_start|>assistant\n"},
     {"{\"messages\":[{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"content\":\"Hi there\"},{"
     "\"role\":\"assistant\",\"content\":\"Hello.\"}]}",
     "<|im_start|>system\n"
     "Be <brief> & kind.<|im_end|>\n"
     "<|im_start|>user\n"
     "Hi there<|im_end|>\n"
     "<|im_start|>assistant\n"
     "Hello."},
    }},
    {"gemma",
     "{{- range $i, $_ := .Messages }}\n"
     "{{- $last := eq (len (slice $.Messages $i)) 1 }}\n"
     "{{- if or (eq .Role \"user\") (eq .Role \"system\") }}<start_of_turn>user\n"
     "{{ .Content }}<end_of_turn>\n"
     "{{ if $last }}<start_of_turn>model\n"
     "{{ end }}\n"
     "{{- else if eq .Role \"assistant\" }}<start_of_turn>model\n"
     "{{ .Content }}{{ if not $last }}<end_of_turn>\n"
     "{{ end }}\n"
     "{{- end }}\n"
     "{{- end }}", {
     {"{\"messages\":[{\"role\":\"user\",\"content\":\"Hi there\"}]}",
     "<start_of_turn>user\n"
     "Hi there<end_of_turn>\n"
     "<start_of_turn>model\n"},
     {"{\"messages\":[{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"content\":\"Hi there\"}]}",
     "<start_of_turn>user\n"
     "Be <brief> & kind.<end_of_turn>\n"
     "<start_of_turn>user\n"
     "Hi there<end_of_turn>\n"
     "<start_of_turn>model\n"},
     {"{\"messages\":[{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"content\":\"Hi there\"},{"
     "\"role\":\"assistant\",\"content\":\"Hello.\"},{\"role\":\"user\",\"content\":\"What is 2+2?\"}]}",
     "<start_of_turn>user\n"
     "Be <brief> & kind.<end_of_turn>\n"
     "<start_of_turn>user\n"
     "Hi there<end_of_turn>\n"
     "<start_of_turn>model\n"
     "Hello.<end_of_turn>\n"
     "<start_of_turn>user\n"
     "What is 2+2?<end_of_turn>\n"
     "<start_of_turn>model\n"},
     {"{\"messages\":[{\"role\":\"user\",\"content\":\"Hi there\"},{\"role\":\"user\",\"content\":\"What is 2+2?\"},{\"role\":\""
     "assistant\",\"content\":\"Hello.\"},{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"cont"
     "ent\":\"Hi there\"}]}",
     "<start_of_turn>user\n"
     "Hi there\n"
     "\n"
     "What is 2+2?<end_of_turn>\n"
     "<start_of_turn>model\n"
     "Hello.<end_of_turn>\n"
     "<start_of_turn>user\n"
     "Be <brief> & kind.<end_of_turn>\n"
     "<start_of_turn>user\n"
     "Hi there<end_of_turn>\n"
     "<start_of_turn>model\n"},
     {"{\"messages\":[{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"content\":\"Hi there\"},{"
     "\"role\":\"assistant\",\"content\":\"Hello.\"}]}",
     "<start_of_turn>user\n"
     "Be <brief> & kind.<end_of_turn>\n"
     "<start_of_turn>user\n"
     "Hi there<end_of_turn>\n"
     "<start_of_turn>model\n"
     "Hello."},
    }},
    {"prompt only",
     "{{ .Prompt }}", {
     {"{\"messages\":[{\"role\":\"user\",\"content\":\"Hi there\"}]}",
     "Hi there"},
     {"{\"messages\":[{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"content\":\"Hi there\"}]}",
     "Hi there"},
     {"{\"messages\":[{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"content\":\"Hi there\"},{"
     "\"role\":\"assistant\",\"content\":\"Hello.\"},{\"role\":\"user\",\"content\":\"What is 2+2?\"}]}",
     "Hi thereHello.What is 2+2?"},
     {"{\"messages\":[{\"role\":\"user\",\"content\":\"Hi there\"},{\"role\":\"user\",\"content\":\"What is 2+2?\"},{\"role\":\""
     "assistant\",\"content\":\"Hello.\"},{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"cont"
     "ent\":\"Hi there\"}]}",
     "Hi there\n"
     "\n"
     "What is 2+2?Hello.Hi there"},
     {"{\"messages\":[{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"content\":\"Hi there\"},{"
     "\"role\":\"assistant\",\"content\":\"Hello.\"}]}",
     "Hi thereHello."},
    }},
    {"llama 2",
     "[INST] {{ if .System }}<<SYS>>{{ .System }}<</SYS>>\n"
     "\n"
     "{{ end }}{{ .Prompt }} [/INST] {{ .Response }}", {
     {"{\"messages\":[{\"role\":\"user\",\"content\":\"Hi there\"}]}",
     "[INST] Hi there [/INST] "},
     {"{\"messages\":[{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"content\":\"Hi there\"}]}",
     "[INST] <<SYS>>Be <brief> & kind.<</SYS>>\n"
     "\n"
     "Hi there [/INST] "},
     {"{\"messages\":[{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"content\":\"Hi there\"},{"
     "\"role\":\"assistant\",\"content\":\"Hello.\"},{\"role\":\"user\",\"content\":\"What is 2+2?\"}]}",
     "[INST] <<SYS>>Be <brief> & kind.<</SYS>>\n"
     "\n"
     "Hi there [/INST] Hello.[INST] What is 2+2? [/INST] "},
     {"{\"messages\":[{\"role\":\"user\",\"content\":\"Hi there\"},{\"role\":\"user\",\"content\":\"What is 2+2?\"},{\"role\":\""
     "assistant\",\"content\":\"Hello.\"},{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"cont"
     "ent\":\"Hi there\"}]}",
     "[INST] Hi there\n"
     "\n"
     "What is 2+2? [/INST] Hello.[INST] <<SYS>>Be <brief> & kind.<</SYS>>\n"
     "\n"
     "Hi there [/INST] "},
     {"{\"messages\":[{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"content\":\"Hi there\"},{"
     "\"role\":\"assistant\",\"content\":\"Hello.\"}]}",
     "[INST] <<SYS>>Be <brief> & kind.<</SYS>>\n"
     "\n"
     "Hi there [/INST] Hello."},
    }},
    {"tools, qwen",
     "{{- if .Suffix }}<|fim_prefix|>{{ .Prompt }}<|fim_suffix|>{{ .Suffix }}<|fim_middle|>\n"
     "{{- else if .Messages }}\n"
     "{{- if or .System .Tools }}<|im_start|>system\n"
     "{{- if .System }}\n"
     "{{ .System }}\n"
     "{{- end }}\n"
     "{{- if .Tools }}\n"
     "\n"
     "# Tools\n"
     "\n"
     "<tools>\n"
     "{{- range .Tools }}\n"
     "{\"type\": \"function\", \"function\": {{ .Function }}}\n"
     "{{- end }}\n"
     "</tools>\n"
     "{{- end }}<|im_end|>\n"
     "{{ end }}\n"
     "{{- range $i, $_ := .Messages }}\n"
     "{{- $last := eq (len (slice $.Messages $i)) 1 -}}\n"
     "{{- if eq .Role \"user\" }}<|im_start|>user\n"
     "{{ .Content }}<|im_end|>\n"
     "{{ else if eq .Role \"assistant\" }}<|im_start|>assistant\n"
     "{{ if .Content }}{{ .Content }}\n"
     "{{- else if .ToolCalls }}<tool_call>\n"
     "{{ range .ToolCalls }}{\"name\": \"{{ .Function.Name }}\", \"arguments\": {{ .Function.Arguments }}}\n"
     "{{ end }}</tool_call>\n"
     "{{- end }}{{ if not $last }}<|im_end|>\n"
     "{{ end }}\n"
     "{{- else if eq .Role \"tool\" }}<|im_start|>user\n"
     "<tool_response>\n"
     "{{ .Content }}\n"
     "</tool_response><|im_end|>\n"
     "{{ end }}\n"
     "{{- if and (ne .Role \"assistant\") $last }}<|im_start|>assistant\n"
     "{{ end }}\n"
     "{{- end }}\n"
     "{{- else }}\n"
     "{{- if .System }}<|im_start|>system\n"
     "{{ .System }}<|im_end|>\n"
     "{{ end }}{{ if .Prompt }}<|im_start|>user\n"
     "{{ .Prompt }}<|im_end|>\n"
     "{{ end }}<|im_start|>assistant\n"
     "{{ end }}{{ .Response }}{{ if .Response }}<|im_end|>{{ end }}", {
     {"{\"messages\":[{\"role\":\"user\",\"content\":\"Hi there\"}]}",
     "<|im_start|>user\n"
     "Hi there<|im_end|>\n"
     "<|im_start|>assistant\n"},
     {"{\"messages\":[{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"content\":\"Hi there\"}]}",
     "<|im_start|>system\n"
     "Be <brief> & kind.<|im_end|>\n"
     "<|im_start|>user\n"
     "Hi there<|im_end|>\n"
     "<|im_start|>assistant\n"},
     {"{\"messages\":[{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"content\":\"Hi there\"},{"
     "\"role\":\"assistant\",\"content\":\"Hello.\"},{\"role\":\"user\",\"content\":\"What is 2+2?\"}]}",
     "<|im_start|>system\n"
     "Be <brief> & kind.<|im_end|>\n"
     "<|im_start|>user\n"
     "Hi there<|im_end|>\n"
     "<|im_start|>assistant\n"
     "Hello.<|im_end|>\n"
     "<|im_start|>user\n"
     "What is 2+2?<|im_end|>\n"
     "<|im_start|>assistant\n"},
     {"{\"messages\":[{\"role\":\"user\",\"content\":\"Hi there\"},{\"role\":\"user\",\"content\":\"What is 2+2?\"},{\"role\":\""
     "assistant\",\"content\":\"Hello.\"},{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"cont"
     "ent\":\"Hi there\"}]}",
     "<|im_start|>system\n"
     "Be <brief> & kind.<|im_end|>\n"
     "<|im_start|>user\n"
     "Hi there\n"
     "\n"
     "What is 2+2?<|im_end|>\n"
     "<|im_start|>assistant\n"
     "Hello.<|im_end|>\n"
     "<|im_start|>user\n"
     "Hi there<|im_end|>\n"
     "<|im_start|>assistant\n"},
     {"{\"messages\":[{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"content\":\"Hi there\"},{"
     "\"role\":\"assistant\",\"content\":\"Hello.\"}]}",
     "<|im_start|>system\n"
     "Be <brief> & kind.<|im_end|>\n"
     "<|im_start|>user\n"
     "Hi there<|im_end|>\n"
     "<|im_start|>assistant\n"
     "Hello."},
     {"{\"messages\":[{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"content\":\"Hi there\"}],"
     "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"description\":\"Weather <now>\",\"paramete"
     "rs\":{\"type\":\"object\",\"required\":[\"city\"],\"properties\":{\"city\":{\"type\":\"string\",\"description\":\"the ci"
     "ty\"},\"unit\":{\"type\":\"string\",\"description\":\"C or F\"}}}}}]}",
     "<|im_start|>system\n"
     "Be <brief> & kind.\n"
     "\n"
     "# Tools\n"
     "\n"
     "<tools>\n"
     "{\"type\": \"function\", \"function\": {\"name\":\"get_weather\",\"description\":\"Weather \\u003cnow\\u003e\",\"para"
     "meters\":{\"type\":\"object\",\"required\":[\"city\"],\"properties\":{\"city\":{\"type\":\"string\",\"description\":\"th"
     "e city\"},\"unit\":{\"type\":\"string\",\"description\":\"C or F\"}}}}}\n"
     "</tools><|im_end|>\n"
     "<|im_start|>user\n"
     "Hi there<|im_end|>\n"
     "<|im_start|>assistant\n"},
     {"{\"messages\":[{\"role\":\"user\",\"content\":\"Hi there\"},{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"f"
     "unction\":{\"name\":\"get_weather\",\"arguments\":{\"city\":\"Paris\",\"unit\":\"C\"}}}]},{\"role\":\"tool\",\"content\":"
     "\"15 C\",\"tool_name\":\"get_weather\"}],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"des"
     "cription\":\"Weather <now>\",\"parameters\":{\"type\":\"object\",\"required\":[\"city\"],\"properties\":{\"city\":{\"t"
     "ype\":\"string\",\"description\":\"the city\"},\"unit\":{\"type\":\"string\",\"description\":\"C or F\"}}}}}]}",
     "<|im_start|>system\n"
     "\n"
     "# Tools\n"
     "\n"
     "<tools>\n"
     "{\"type\": \"function\", \"function\": {\"name\":\"get_weather\",\"description\":\"Weather \\u003cnow\\u003e\",\"para"
     "meters\":{\"type\":\"object\",\"required\":[\"city\"],\"properties\":{\"city\":{\"type\":\"string\",\"description\":\"th"
     "e city\"},\"unit\":{\"type\":\"string\",\"description\":\"C or F\"}}}}}\n"
     "</tools><|im_end|>\n"
     "<|im_start|>user\n"
     "Hi there<|im_end|>\n"
     "<|im_start|>assistant\n"
     "<tool_call>\n"
     "{\"name\": \"get_weather\", \"arguments\": {\"city\":\"Paris\",\"unit\":\"C\"}}\n"
     "</tool_call><|im_end|>\n"
     "<|im_start|>user\n"
     "<tool_response>\n"
     "15 C\n"
     "</tool_response><|im_end|>\n"
     "<|im_start|>assistant\n"},
     {"{\"messages\":[{\"role\":\"user\",\"content\":\"Hi there\"},{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"f"
     "unction\":{\"name\":\"get_weather\",\"arguments\":{\"city\":\"Paris\",\"unit\":\"C\"}}}]},{\"role\":\"tool\",\"content\":"
     "\"15 C\",\"tool_name\":\"get_weather\"},{\"role\":\"assistant\",\"content\":\"Hello.\"},{\"role\":\"user\",\"content\":\""
     "What is 2+2?\"}],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"description\":\"Weather "
     "<now>\",\"parameters\":{\"type\":\"object\",\"required\":[\"city\"],\"properties\":{\"city\":{\"type\":\"string\",\"desc"
     "ription\":\"the city\"},\"unit\":{\"type\":\"string\",\"description\":\"C or F\"}}}}}]}",
     "<|im_start|>system\n"
     "\n"
     "# Tools\n"
     "\n"
     "<tools>\n"
     "{\"type\": \"function\", \"function\": {\"name\":\"get_weather\",\"description\":\"Weather \\u003cnow\\u003e\",\"para"
     "meters\":{\"type\":\"object\",\"required\":[\"city\"],\"properties\":{\"city\":{\"type\":\"string\",\"description\":\"th"
     "e city\"},\"unit\":{\"type\":\"string\",\"description\":\"C or F\"}}}}}\n"
     "</tools><|im_end|>\n"
     "<|im_start|>user\n"
     "Hi there<|im_end|>\n"
     "<|im_start|>assistant\n"
     "<tool_call>\n"
     "{\"name\": \"get_weather\", \"arguments\": {\"city\":\"Paris\",\"unit\":\"C\"}}\n"
     "</tool_call><|im_end|>\n"
     "<|im_start|>user\n"
     "<tool_response>\n"
     "15 C\n"
     "</tool_response><|im_end|>\n"
     "<|im_start|>assistant\n"
     "Hello.<|im_end|>\n"
     "<|im_start|>user\n"
     "What is 2+2?<|im_end|>\n"
     "<|im_start|>assistant\n"},
     {"{\"messages\":[],\"prompt\":\"def f(\",\"suffix\":\"):\\n  pass\"}",
     "<|fim_prefix|>def f(<|fim_suffix|>):\n"
     "  pass<|fim_middle|>"},
     {"{\"messages\":[{\"role\":\"user\",\"content\":\"Hi there\"}]}",
     "<|im_start|>user\n"
     "Hi there<|im_end|>\n"
     "<|im_start|>assistant\n"},
    }},
    {"tools, mistral",
     "{{- range $index, $_ := .Messages }}\n"
     "{{- if eq .Role \"user\" }}\n"
     "{{- if and (le (len (slice $.Messages $index)) 2) $.Tools }}[AVAILABLE_TOOLS] {{ $.Tools }}[/AVAILABLE_TOOLS]\n"
     "{{- end }}[INST] {{ if and (eq (len (slice $.Messages $index)) 1) $.System }}{{ $.System }}\n"
     "\n"
     "{{ end }}{{ .Content }}[/INST]\n"
     "{{- else if eq .Role \"assistant\" }}\n"
     "{{- if .Content }} {{ .Content }}\n"
     "{{- else if .ToolCalls }}[TOOL_CALLS] [\n"
     "{{- range .ToolCalls }}{\"name\": \"{{ .Function.Name }}\", \"arguments\": {{ json .Function.Arguments }}}\n"
     "{{- end }}]\n"
     "{{- end }}</s>\n"
     "{{- else if eq .Role \"tool\" }}[TOOL_RESULTS] {\"content\": {{ .Content | json }}} [/TOOL_RESULTS]\n"
     "{{- end }}\n"
     "{{- end }}", {
     {"{\"messages\":[{\"role\":\"user\",\"content\":\"Hi there\"}]}",
     "[INST] Hi there[/INST]"},
     {"{\"messages\":[{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"content\":\"Hi there\"}]}",
     "[INST] Be <brief> & kind.\n"
     "\n"
     "Hi there[/INST]"},
     {"{\"messages\":[{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"content\":\"Hi there\"},{"
     "\"role\":\"assistant\",\"content\":\"Hello.\"},{\"role\":\"user\",\"content\":\"What is 2+2?\"}]}",
     "[INST] Hi there[/INST] Hello.</s>[INST] Be <brief> & kind.\n"
     "\n"
     "What is 2+2?[/INST]"},
     {"{\"messages\":[{\"role\":\"user\",\"content\":\"Hi there\"},{\"role\":\"user\",\"content\":\"What is 2+2?\"},{\"role\":\""
     "assistant\",\"content\":\"Hello.\"},{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"cont"
     "ent\":\"Hi there\"}]}",
     "[INST] Hi there\n"
     "\n"
     "What is 2+2?[/INST] Hello.</s>[INST] Be <brief> & kind.\n"
     "\n"
     "Hi there[/INST]"},
     {"{\"messages\":[{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"content\":\"Hi there\"},{"
     "\"role\":\"assistant\",\"content\":\"Hello.\"}]}",
     "[INST] Hi there[/INST] Hello.</s>"},
     {"{\"messages\":[{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"content\":\"Hi there\"}],"
     "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"description\":\"Weather <now>\",\"paramete"
     "rs\":{\"type\":\"object\",\"required\":[\"city\"],\"properties\":{\"city\":{\"type\":\"string\",\"description\":\"the ci"
     "ty\"},\"unit\":{\"type\":\"string\",\"description\":\"C or F\"}}}}}]}",
     "[AVAILABLE_TOOLS] [{\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"description\":\"Weather \\u003c"
     "now\\u003e\",\"parameters\":{\"type\":\"object\",\"required\":[\"city\"],\"properties\":{\"city\":{\"type\":\"string\",\""
     "description\":\"the city\"},\"unit\":{\"type\":\"string\",\"description\":\"C or F\"}}}}}][/AVAILABLE_TOOLS][INST"
     "] Be <brief> & kind.\n"
     "\n"
     "Hi there[/INST]"},
     {"{\"messages\":[{\"role\":\"user\",\"content\":\"Hi there\"},{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"f"
     "unction\":{\"name\":\"get_weather\",\"arguments\":{\"city\":\"Paris\",\"unit\":\"C\"}}}]},{\"role\":\"tool\",\"content\":"
     "\"15 C\",\"tool_name\":\"get_weather\"}],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"des"
     "cription\":\"Weather <now>\",\"parameters\":{\"type\":\"object\",\"required\":[\"city\"],\"properties\":{\"city\":{\"t"
     "ype\":\"string\",\"description\":\"the city\"},\"unit\":{\"type\":\"string\",\"description\":\"C or F\"}}}}}]}",
     "[INST] Hi there[/INST][TOOL_CALLS] [{\"name\": \"get_weather\", \"arguments\": {\"city\":\"Paris\",\"unit\":\"C\"}"
     "}]</s>[TOOL_RESULTS] {\"content\": \"15 C\"} [/TOOL_RESULTS]"},
     {"{\"messages\":[{\"role\":\"user\",\"content\":\"Hi there\"},{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"f"
     "unction\":{\"name\":\"get_weather\",\"arguments\":{\"city\":\"Paris\",\"unit\":\"C\"}}}]},{\"role\":\"tool\",\"content\":"
     "\"15 C\",\"tool_name\":\"get_weather\"},{\"role\":\"assistant\",\"content\":\"Hello.\"},{\"role\":\"user\",\"content\":\""
     "What is 2+2?\"}],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"description\":\"Weather "
     "<now>\",\"parameters\":{\"type\":\"object\",\"required\":[\"city\"],\"properties\":{\"city\":{\"type\":\"string\",\"desc"
     "ription\":\"the city\"},\"unit\":{\"type\":\"string\",\"description\":\"C or F\"}}}}}]}",
     "[INST] Hi there[/INST][TOOL_CALLS] [{\"name\": \"get_weather\", \"arguments\": {\"city\":\"Paris\",\"unit\":\"C\"}"
     "}]</s>[TOOL_RESULTS] {\"content\": \"15 C\"} [/TOOL_RESULTS] Hello.</s>[AVAILABLE_TOOLS] [{\"type\":\"funct"
     "ion\",\"function\":{\"name\":\"get_weather\",\"description\":\"Weather \\u003cnow\\u003e\",\"parameters\":{\"type\":\""
     "object\",\"required\":[\"city\"],\"properties\":{\"city\":{\"type\":\"string\",\"description\":\"the city\"},\"unit\":{"
     "\"type\":\"string\",\"description\":\"C or F\"}}}}}][/AVAILABLE_TOOLS][INST] What is 2+2?[/INST]"},
    }},
    {"properties",
     "{{ range $t := .Tools }}{{ with $t.Function }}{{ .Name }}({{ range $k, $v := .Parameters.Properties "
     "}}{{ $k }}: {{ $v.Type }} // {{ .Description }};{{ end }}) needs {{ index .Parameters.Required 0 }}{"
     "{ end }}{{ else }}no tools{{ end }}{{ range .Messages }}{{ end }}", {
     {"{\"messages\":[{\"role\":\"user\",\"content\":\"Hi there\"}]}",
     "no tools"},
     {"{\"messages\":[{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"content\":\"Hi there\"}]}",
     "no tools"},
     {"{\"messages\":[{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"content\":\"Hi there\"},{"
     "\"role\":\"assistant\",\"content\":\"Hello.\"},{\"role\":\"user\",\"content\":\"What is 2+2?\"}]}",
     "no tools"},
     {"{\"messages\":[{\"role\":\"user\",\"content\":\"Hi there\"},{\"role\":\"user\",\"content\":\"What is 2+2?\"},{\"role\":\""
     "assistant\",\"content\":\"Hello.\"},{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"cont"
     "ent\":\"Hi there\"}]}",
     "no tools"},
     {"{\"messages\":[{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"content\":\"Hi there\"},{"
     "\"role\":\"assistant\",\"content\":\"Hello.\"}]}",
     "no tools"},
     {"{\"messages\":[{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"content\":\"Hi there\"}],"
     "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"description\":\"Weather <now>\",\"paramete"
     "rs\":{\"type\":\"object\",\"required\":[\"city\"],\"properties\":{\"city\":{\"type\":\"string\",\"description\":\"the ci"
     "ty\"},\"unit\":{\"type\":\"string\",\"description\":\"C or F\"}}}}}]}",
     "get_weather(city: string // the city;unit: string // C or F;) needs city"},
     {"{\"messages\":[{\"role\":\"user\",\"content\":\"Hi there\"},{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"f"
     "unction\":{\"name\":\"get_weather\",\"arguments\":{\"city\":\"Paris\",\"unit\":\"C\"}}}]},{\"role\":\"tool\",\"content\":"
     "\"15 C\",\"tool_name\":\"get_weather\"}],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"des"
     "cription\":\"Weather <now>\",\"parameters\":{\"type\":\"object\",\"required\":[\"city\"],\"properties\":{\"city\":{\"t"
     "ype\":\"string\",\"description\":\"the city\"},\"unit\":{\"type\":\"string\",\"description\":\"C or F\"}}}}}]}",
     "get_weather(city: string // the city;unit: string // C or F;) needs city"},
     {"{\"messages\":[{\"role\":\"user\",\"content\":\"Hi there\"},{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"f"
     "unction\":{\"name\":\"get_weather\",\"arguments\":{\"city\":\"Paris\",\"unit\":\"C\"}}}]},{\"role\":\"tool\",\"content\":"
     "\"15 C\",\"tool_name\":\"get_weather\"},{\"role\":\"assistant\",\"content\":\"Hello.\"},{\"role\":\"user\",\"content\":\""
     "What is 2+2?\"}],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"description\":\"Weather "
     "<now>\",\"parameters\":{\"type\":\"object\",\"required\":[\"city\"],\"properties\":{\"city\":{\"type\":\"string\",\"desc"
     "ription\":\"the city\"},\"unit\":{\"type\":\"string\",\"description\":\"C or F\"}}}}}]}",
     "get_weather(city: string // the city;unit: string // C or F;) needs city"},
    }},
    {"variables",
     "{{ $n := 0 }}{{ $role := \"none\" }}{{ range $m := .Messages }}{{ $n = len .Content }}{{ $role = $m.Ro"
     "le }}{{ $n := 5 }}{{ if gt $n 4 }}{{ $role }}={{ $n }},{{ end }}{{ end }}{{ $role }} {{ $n }}{{/* a "
     "comment {{ */}} {{- /* another */ -}}   end", {
     {"{\"messages\":[{\"role\":\"user\",\"content\":\"Hi there\"}]}",
     "user=5,user 8end"},
     {"{\"messages\":[{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"content\":\"Hi there\"}]}",
     "system=5,user=5,user 8end"},
     {"{\"messages\":[{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"content\":\"Hi there\"},{"
     "\"role\":\"assistant\",\"content\":\"Hello.\"},{\"role\":\"user\",\"content\":\"What is 2+2?\"}]}",
     "system=5,user=5,assistant=5,user=5,user 12end"},
     {"{\"messages\":[{\"role\":\"user\",\"content\":\"Hi there\"},{\"role\":\"user\",\"content\":\"What is 2+2?\"},{\"role\":\""
     "assistant\",\"content\":\"Hello.\"},{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"cont"
     "ent\":\"Hi there\"}]}",
     "user=5,assistant=5,system=5,user=5,user 8end"},
     {"{\"messages\":[{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"content\":\"Hi there\"},{"
     "\"role\":\"assistant\",\"content\":\"Hello.\"}]}",
     "system=5,user=5,assistant=5,assistant 6end"},
    }},
    {"literals",
     "{{ range .Messages }}{{ break }}{{ end }}{{ \"a\\n\\\"b\\u00e9\" }}{{ `raw\\` }}{% no jinja %}{# none #} {{"
     "\"{{\"}} {{ eq \"a\" \"b\" \"a\" }} {{ and \"x\" \"\" }}|{{ or \"\" \"y\" }} {{ not true }} ", {
     {"{\"messages\":[{\"role\":\"user\",\"content\":\"Hi there\"}]}",
     "a\n"
     "\"béraw\\{% no jinja %}{# none #} {{ true |y false "},
     {"{\"messages\":[{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"content\":\"Hi there\"}]}",
     "a\n"
     "\"béraw\\{% no jinja %}{# none #} {{ true |y false "},
    }},
    {"loops",
     "{{ range $i, $m := .Messages }}{{ if eq $i 1 }}{{ continue }}{{ end }}{{ if ge $i 3 }}{{ break }}{{ "
     "end }}{{ $i }}:{{ (index $.Messages $i).Role }} {{ else }}nothing{{ end }}", {
     {"{\"messages\":[{\"role\":\"user\",\"content\":\"Hi there\"}]}",
     "0:user "},
     {"{\"messages\":[{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"content\":\"Hi there\"}]}",
     "0:system "},
     {"{\"messages\":[{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"content\":\"Hi there\"},{"
     "\"role\":\"assistant\",\"content\":\"Hello.\"},{\"role\":\"user\",\"content\":\"What is 2+2?\"}]}",
     "0:system 2:assistant "},
     {"{\"messages\":[{\"role\":\"user\",\"content\":\"Hi there\"},{\"role\":\"user\",\"content\":\"What is 2+2?\"},{\"role\":\""
     "assistant\",\"content\":\"Hello.\"},{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"cont"
     "ent\":\"Hi there\"}]}",
     "0:user 2:system "},
     {"{\"messages\":[{\"role\":\"system\",\"content\":\"Be <brief> & kind.\"},{\"role\":\"user\",\"content\":\"Hi there\"},{"
     "\"role\":\"assistant\",\"content\":\"Hello.\"}]}",
     "0:system 2:assistant "},
     {"{\"messages\":[]}",
     "nothing"},
    }},
    {"think",
     "{{ range .Messages }}{{ .Content }}{{ end }}{{ if and $.IsThinkSet (not $.Think) }}<think>\n"
     "\n"
     "</think>{{ end }}{{ .Think }}", {
     {"{\"messages\":[{\"role\":\"user\",\"content\":\"Hi there\"}]}",
     "Hi therefalse"},
     {"{\"messages\":[{\"role\":\"user\",\"content\":\"Hi there\"}],\"enable_thinking\":false}",
     "Hi there<think>\n"
     "\n"
     "</think>false"},
     {"{\"messages\":[{\"role\":\"user\",\"content\":\"Hi there\"}],\"enable_thinking\":true}",
     "Hi theretrue"},
    }},
};
