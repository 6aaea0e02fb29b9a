// gotemplate_reference.go - what Go's own text/template makes of the cases of tests/unit/gotemplate_cases.h: run it with the file
// of cases (JSON, [{"name","template","values"}]) and it writes the header.  How turns are laid out for templates without
// .Messages, and how neighbours of one role are joined, follows Ollama's documentation of its templates.
//
//	go run tools/oracle/gotemplate_reference.go tools/oracle/gotemplate_cases.json > tests/unit/gotemplate_cases.h
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"text/template"
	"text/template/parse"
)

type Args map[string]any

func (a Args) String() string { return text(a) }

type Called struct {
	Name      string `json:"name"`
	Arguments Args   `json:"arguments"`
}
type Call struct {
	Function Called `json:"function"`
}
type Message struct {
	Role, Content, Thinking, ToolName string
	ToolCalls                         []Call
}
type Property struct {
	Type        string `json:"type"`
	Description string `json:"description"`
}
type Parameters struct {
	Type       string              `json:"type"`
	Required   []string            `json:"required"`
	Properties map[string]Property `json:"properties"`
}
type Function struct {
	Name        string     `json:"name"`
	Description string     `json:"description"`
	Parameters  Parameters `json:"parameters"`
}

func (f Function) String() string { return text(f) }

type Tool struct {
	Type     string   `json:"type"`
	Function Function `json:"function"`
}

func (t Tool) String() string { return text(t) }

type Tools []Tool

func (t Tools) String() string { return text([]Tool(t)) }

func text(v any) string { b, _ := json.Marshal(v); return string(b) }

type in struct {
	Messages []struct {
		Role, Content, Thinking string
		ToolName                string `json:"tool_name"`
		ToolCalls               []Call `json:"tool_calls"`
	}
	Tools          []Tool
	Prompt, Suffix *string
	Think          *bool `json:"enable_thinking"`
}

// Everything behind the first action with .Response goes.
func cut(n *parse.ListNode, gone *bool) {
	kept := n.Nodes[:0]
	for _, c := range n.Nodes {
		if *gone {
			continue
		}
		kept = append(kept, c)
		switch t := c.(type) {
		case *parse.ActionNode:
			if strings.Contains(t.String(), ".Response") {
				*gone = true
			}
		case *parse.IfNode:
			cut(t.List, gone)
			if t.ElseList != nil {
				cut(t.ElseList, gone)
			}
		case *parse.RangeNode:
			cut(t.List, gone)
		}
	}
	n.Nodes = kept
}

func render(source string, v in) string {
	funcs := template.FuncMap{"json": text}
	uses := strings.Contains(source, ".Messages")
	if !uses && !strings.Contains(source, ".Response") {
		source += "{{ .Response }}"
	}
	t := template.Must(template.New("").Option("missingkey=zero").Funcs(funcs).Parse(source))
	var b bytes.Buffer
	run := func(t *template.Template, data map[string]any) {
		data["Think"], data["IsThinkSet"] = v.Think != nil && *v.Think, v.Think != nil
		for _, k := range []string{"System", "Prompt", "Response", "Suffix"} {
			if data[k] == nil {
				data[k] = ""
			}
		}
		if data["Tools"] == nil {
			data["Tools"] = Tools(v.Tools)
		}
		if err := t.Execute(&b, data); err != nil {
			panic(err)
		}
	}
	if v.Suffix != nil {
		run(t, map[string]any{"Prompt": *v.Prompt, "Suffix": *v.Suffix, "Messages": []Message{}})
		return b.String()
	}
	var list []*Message
	var system []string
	for _, m := range v.Messages {
		if m.Role == "system" {
			system = append(system, m.Content)
		}
		if n := len(list); n > 0 && list[n-1].Role == m.Role && m.Role != "tool" {
			list[n-1].Content += "\n\n" + m.Content
		} else {
			list = append(list, &Message{m.Role, m.Content, m.Thinking, m.ToolName, m.ToolCalls})
		}
	}
	if uses {
		run(t, map[string]any{"System": strings.Join(system, "\n\n"), "Messages": list})
		return b.String()
	}
	s, p, r := "", "", ""
	turn := func() { run(t, map[string]any{"System": s, "Prompt": p, "Response": r}); s, p, r = "", "", "" }
	for _, m := range list {
		switch m.Role {
		case "system":
			if p != "" || r != "" {
				turn()
			}
			s = m.Content
		case "user":
			if r != "" {
				turn()
			}
			p = m.Content
		case "assistant":
			r = m.Content
		}
	}
	gone := false
	cut(t.Tree.Root, &gone)
	run(t, map[string]any{"System": s, "Prompt": p, "Response": r})
	return b.String()
}

func quote(s string) string {
	lines := strings.SplitAfter(s, "\n")
	out := []string{}
	for _, l := range lines {
		for len(l) > 110 {
			k := 100
			for k > 0 && (l[k]&0xc0 == 0x80) {
				k--
			}
			out = append(out, l[:k])
			l = l[k:]
		}
		if l != "" {
			out = append(out, l)
		}
	}
	if len(out) == 0 {
		out = []string{""}
	}
	for i, l := range out {
		out[i] = "     " + strconv.Quote(l)
	}
	return strings.Join(out, "\n")
}

func main() {
	raw, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	var cases []struct {
		Name, Template string
		Values         []json.RawMessage
	}
	if err := json.Unmarshal(raw, &cases); err != nil {
		panic(err)
	}
	fmt.Println("/* gotemplate_cases.h - templates in Go's notation, variables, and what text/template makes of them; written by")
	fmt.Println(" * tools/oracle/gotemplate_reference.go. */")
	fmt.Println("struct go_case { const char *name, *source; struct { const char *globals, *text; } render[12]; };")
	fmt.Println("static const struct go_case go_cases[] = {")
	for _, c := range cases {
		fmt.Printf("    {%q,\n%s, {\n", c.Name, quote(c.Template))
		for _, j := range c.Values {
			var v in
			if err := json.Unmarshal(j, &v); err != nil {
				panic(err)
			}
			var flat bytes.Buffer
			json.Compact(&flat, j)
			fmt.Printf("     {%s,\n%s},\n", strings.TrimLeft(quote(flat.String()), " "), quote(render(c.Template, v)))
		}
		fmt.Println("    }},")
	}
	fmt.Println("};")
}
