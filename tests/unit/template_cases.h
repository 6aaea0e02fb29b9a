/* template_cases.h - templates and what Python's jinja2 3.1.6, set up as `transformers` does, makes of them with the
 * variables below; NULL: an error.  Outputs that are new come from tools/oracle/template_reference.py, nowhere else. */
struct render_case { const char *source, *text; };

static const char *const render_globals =
    "{\"s\": \"Hello World\", "
    "\"t\": \"  a\\tb\\n \", "
    "\"uni\": \"Straße Ως 日本\", "
    "\"n\": 7, "
    "\"neg\": -3, "
    "\"big\": 12345678901, "
    "\"f\": 2.5, "
    "\"yes\": true, "
    "\"no\": false, "
    "\"nil\": null, "
    "\"l\": [3, 1, 2], "
    "\"ls\": [\"b\", \"A\", \"c\"], "
    "\"e\": [], "
    "\"d\": {\"b\": 1, \"a\": 2, \"items\": \"own\"}, "
    "\"dd\": {\"x\": {\"y\": [1, {\"z\": \"deep\"}]}}, "
    "\"ld\": [{\"name\": \"Bo\", \"age\": 3, \"tag\": \"x\"}, {\"name\": \"al\", \"age\": 1, \"tag\": \"Y\"}, {\""
    "name\": \"Cy\", \"age\": 2}], "
    "\"tree\": [{\"v\": 1, \"kids\": [{\"v\": 2, \"kids\": []}, {\"v\": 3, \"kids\": [{\"v\": 4, \"kids\": []}]}]"
    "}], "
    "\"html\": \"<b> & 'c'</b>\", "
    "\"messages\": [{\"role\": \"system\", \"content\": \"S\"}, {\"role\": \"user\", \"content\": \"Hi\"}, {\"rol"
    "e\": \"assistant\", \"content\": null, \"tool_calls\": [{\"function\": {\"name\": \"f\", \"arguments\": {\"b"
    "\": 1, \"a\": [true, null, \"é\"]}}}]}]}";

static const struct render_case cases_whitespace[] = {
    { "a\n{% if yes %}\nb\n{% endif %}\nc\n", "a\nb\nc" },
    { "a\n  {% if yes %}\n  b\n  {% endif %}\nc", "a\n  b\nc" },
    { "a {% if yes %} b {% endif %} c", "a  b  c" },
    { "a\n{%- if yes -%}\n  b  \n{%- endif -%}\nc", "abc" },
    { "  {%+ if yes %}x{% endif +%}\ny", "  x\ny" },
    { "{{ s }}\n{{ n }}\n", "Hello World\n7" },
    { "a  {{- ' b ' -}}  c", "a b c" },
    { "a\n  {# c #}\nb", "a\nb" },
    { "a {#- c -#} b", "ab" },
    { "a {#+ c +#}\n b", "a \n b" },
    { "\n\n{% set x = 1 %}\n\n{{ x }}\n\n", "\n\n\n1\n" },
    { "{% raw %}{{ s }}{% endraw %}", "{{ s }}" },
    { "a\n  {% raw %}\n x {% y %}\n  {% endraw %}\nb", "a\n\n x {% y %}\nb" },
    { "a {%- raw -%} x {%- endraw -%} b", "axb" },
    { "x\r\ny\rz\n", "x\ny\nz" },
    { "{{ 'a\r\nb' }}", "a\nb" },
    { "{{ '}}' }}{{ {'a': {}} }}", "}}{'a': {}}" },
    { "{% if yes %}a{% endif %}\n\n", "a" },
    { "\t{% if yes %}\tx\n\t{% endif %}", "\tx\n" },
    { "{{+ 1 }}{{ -1 }}{{-1 }}", "1-11" },
    { "{", "{" },
    { "a { % b", "a { % b" },
    { "{# a {{ b #}c", "c" },
    { "a{# b", NULL },
    { "{% raw %}x", NULL },
    { "x{#", "x" },
    { "  {%- if yes %}y{% endif %}", "y" },
    { "{%if yes%}a{%else%}b{%endif%}", "a" },
    { "{% if yes: %}a{% endif %}", "a" }
};

static const struct render_case cases_literals[] = {
    { "{{ 1 }} {{ 1_000 }} {{ 0x1F }} {{ 0b101 }} {{ 0o17 }} {{ 00 }}", "1 1000 31 5 15 0" },
    { "{{ 1.5 }} {{ 1e3 }} {{ 1.0e-5 }} {{ 1E22 }} {{ 0.1 + 0.2 }} {{ 1e16 }} {{ 123456789012345680.0 }}",
      "1.5 1000.0 1e-05 1e+22 0.30000000000000004 1e+16 1.2345678901234568e+17" },
    { "{{ 007 }}", NULL },
    { "{{ 'a\\n\\t\\x41\\u00e9\\101\\q\\\\' }}", "a\n\tAéA\\q\\" },
    { "{{ \"it's\" }} {{ 'say \"x\"' }}", "it's say \"x\"" },
    { "{{ 'a' \"b\" 'c' }}", "abc" },
    { "{{ true }} {{ True }} {{ false }} {{ none }} {{ None }}", "True True False None None" },
    { "{{ [1, 'a', none, true, 2.0, [], {}] }}", "[1, 'a', None, True, 2.0, [], {}]" },
    { "{{ (1,) }} {{ () }} {{ (1, 2) }} {{ 1, 2 }}", "(1,) () (1, 2) (1, 2)" },
    { "{{ {'a': 1, 2: 'x', none: [1.5]} }}", "{'a': 1, 2: 'x', None: [1.5]}" },
    { "{{ {1: 'a', 1.0: 'b', true: 'c'} }}", "{1: 'c'}" },
    { "{{ 'it\\'s' }} {{ [\"it's\"] }} {{ ['\"'] }} {{ ['\\'\"'] }}", "it's [\"it's\"] ['\"'] ['\\'\"']" },
    { "{{ ['\\n\\t\\\\\\x00\\x7f é \\u200b 日 \\U0001F30D'] }}", "['\\n\\t\\\\\\x00\\x7f é \\u200b 日 🌍']" },
    { "{{ '\\", NULL },
    { "{{ 'a }}", NULL },
    { "{{ 9223372036854775807 }}", "9223372036854775807" },
    { "{{ -9223372036854775807 - 1 }}", "-9223372036854775808" },
    { "{{ '\\u20' }}", NULL },
    { "{{ [1, 2,] }} {{ {'a': 1,} }}", "[1, 2] {'a': 1}" },
    { "{{ {1, 2} }}", NULL },
    { "{{ 1.e5 }}", "" },
    { "{{ '\\\nx' }}", "x" }
};

static const struct render_case cases_arithmetic[] = {
    { "{{ 7 // 2 }} {{ -7 // 2 }} {{ 7 // -2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 % -3 }}", "3 -4 -4 1 2 -2" },
    { "{{ 7 / 2 }} {{ 6 / 3 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ 2 ** 3 ** 2 }}", "3.5 2.0 1024 0.5 64" },
    { "{{ 7.5 // 2 }} {{ -7.5 % 2 }} {{ 7.5 % -2 }} {{ 0.0 * -1 }}", "3.0 0.5 -0.5 -0.0" },
    { "{{ -2 ** 2 }} {{ 2 + 3 * 4 }} {{ (2 + 3) * 4 }} {{ 10 - 2 - 3 }} {{ 100 / 10 / 2 }}", "4 14 20 5 5.0" },
    { "{{ 1 + true }} {{ true + true }} {{ -true }} {{ +n }}", "2 2 -1 7" },
    { "{{ 1 / 0 }}", NULL },
    { "{{ 1 // 0 }}", NULL },
    { "{{ 1.0 % 0 }}", NULL },
    { "{{ 'a' + 1 }}", NULL },
    { "{{ 'a' * 3 }} {{ 3 * 'ab' }} {{ [1] * 2 }} {{ 'a' * -1 }}|{{ (1, 2) * 2 }}",
      "aaa ababab [1, 1] |(1, 2, 1, 2)" },
    { "{{ [1] + [2] }} {{ (1,) + (2,) }} {{ 'a' + 'b' }}", "[1, 2] (1, 2) ab" },
    { "{{ [1] + (2,) }}", NULL },
    { "{{ 'a' ~ 1 ~ none ~ 2.0 ~ [1] ~ undef }}", "a1None2.0[1]" },
    { "{{ 1 ~ 2 + 3 }}", NULL },
    { "{{ 9 ~ 2 * 3 }}", "96" },
    { "{{ undef + 1 }}", NULL },
    { "{{ -undef }}", NULL },
    { "{{ none + 1 }}", NULL },
    { "{{ big * 1000 }}", "12345678901000" },
    { "{{ 1e308 * 10 }} {{ -1e308 * 10 }}", "inf -inf" },
    { "{{ 10 ** 18 }} {{ 7 % 2.5 }}", "1000000000000000000 2.0" },
    { "{{ 5 - -3 }}", "8" },
    { "{{ - 3 | abs }}", "3" }
};

static const struct render_case cases_comparisons[] = {
    { "{{ 1 < 2 }} {{ 2 <= 2 }} {{ 3 > 4 }} {{ 1 == 1.0 }} {{ 1 != '1' }} {{ true == 1 }}",
      "True True False True True True" },
    { "{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 1 == 1 == 1 }}", "True False True" },
    { "{{ 'a' < 'b' }} {{ 'B' < 'a' }} {{ 'é' > 'z' }}", "True True True" },
    { "{{ [1, 2] < [1, 3] }} {{ (1,) < (1, 0) }} {{ [] < [1] }}", "True True True" },
    { "{{ 1 < 'a' }}", NULL },
    { "{{ none < 1 }}", NULL },
    { "{{ none == none }} {{ none != 1 }}", "True True" },
    { "{{ 1 in l }} {{ 9 in l }} {{ 9 not in l }} {{ 'a' in d }} {{ 'ell' in s }} {{ 'x' not in s }}",
      "True False True True True True" },
    { "{{ 1 in 'a' }}", NULL },
    { "{{ 'a' in none }}", NULL },
    { "{{ undef == undef2 }} {{ undef == none }} {{ undef in l }}", "True False False" },
    { "{{ not 1 }} {{ not '' }} {{ not not e }}", "False True False" },
    { "{{ 1 and 2 }} {{ 0 or 'x' }} {{ '' and 1 }}|{{ none or [] }}", "2 x |[]" },
    { "{{ 1 if yes else 2 }} {{ 1 if no else 2 }} {{ 1 if no }}|", "1 2 |" },
    { "{{ 'a' if no else 'b' if no else 'c' }}", "c" },
    { "{{ [1, [2]] == [1, [2]] }} {{ {'a': 1} == {'a': 1.0} }} {{ [1] == (1,) }}", "True True False" },
    { "{{ not 1 == 2 }}", "True" },
    { "{{ 1 if 0 }} {{ (1 if 0).x }}", NULL },
    { "{{ 9007199254740993 == 9007199254740992.0 }} {{ 9007199254740993 > 9007199254740992.0 }}", "False True" },
    { "{{ 'a' is 'b' is 'c' }}", NULL }
};

static const struct render_case cases_access[] = {
    { "{{ d.b }} {{ d['a'] }} {{ dd.x.y[1].z }} {{ dd['x']['y'][0] }} {{ l.0 }} {{ l[-1] }}", "1 2 deep 1 3 2" },
    { "{{ d.items is string }} {{ d['items'] }} {{ d.get('b') }} {{ d.get('q') }} {{ d.get('q', 5) }}",
      "False own 1 None 5" },
    { "{{ d.nope }}|{{ d['nope'] }}|{{ l[9] }}|{{ s.nope }}|", "||||" },
    { "{{ d.nope.x }}", NULL },
    { "{{ undef.x }}", NULL },
    { "{{ undef['x'] }}", NULL },
    { "{{ undef() }}", NULL },
    { "{{ none.x }}|{{ none['x'] }}|", "||" },
    { "{{ s[0] }}{{ s[-1] }} {{ uni[4] }}{{ uni[-1] }} {{ s[99] }}|", "Hd ß本 |" },
    { "{{ s[1:4] }} {{ s[:5] }} {{ s[6:] }} {{ s[::-1] }} {{ s[-3:] }} {{ s[::2] }} {{ uni[::-1] }}",
      "ell Hello World dlroW olleH rld HloWrd 本日 ςΩ eßartS" },
    { "{{ l[1:] }} {{ l[:-1] }} {{ l[::-1] }} {{ l[5:] }} {{ l[-99:99] }} {{ l[2:0:-1] }}",
      "[1, 2] [3, 1] [2, 1, 3] [] [3, 1, 2] [2, 1]" },
    { "{{ l[::0] }}", NULL },
    { "{{ l['a':] }}", NULL },
    { "{{ d[1:] }}", NULL },
    { "{{ range(5)[1:4] }} {{ range(10)[::3] | list }} {{ range(5)[-1] }}", "range(1, 4) [0, 3, 6, 9] 4" },
    { "{{ s.__class__ }}|{{ d.__len__ }}|{{ l.append }}|", "|||" },
    { "{{ l.append(1) }}", NULL },
    { "{{ d.pop('b') }}", NULL },
    { "{{ d.update({'z': 1}) }}", NULL },
    { "{{ s.__class__.__mro__ }}", NULL },
    { "{{ ''.format.__globals__ }}", "" },
    { "{{ d['__class__'] }}|{{ d | attr('b') }}|{{ d | attr('keys') is callable }}", "||True" },
    { "{{ range.__globals__ }}", "" },
    { "{{ l[1.0] }}|{{ l['1'] }}|{{ d[l] }}|", "|||" },
    { "{{ s[1:2, 3] }}", NULL },
    { "{{ l[true] }} {{ l[:true] }}", "1 [3]" },
    { "{{ messages[2].tool_calls[0].function.arguments['b'] }}", "1" },
    { "{{ d.values() | list }} {{ d.keys() | list }} {{ d.items() is sequence }}",
      "[1, 2, 'own'] ['b', 'a', 'items'] False" },
    { "{{ (1).real }} {{ 2.5.is_integer() }} {{ (5).bit_length() }}", "1 False 3" },
    { "{{ range(3).start }}{{ range(3).stop }}{{ range(3).step }}", "031" }
};

static const struct render_case cases_if_and_set[] = {
    { "a{% set x = 'bb' ~ 'cc' %}", "a" },
    { "{% if no %}a{% elif yes %}b{% else %}c{% endif %}", "b" },
    { "{% if e %}a{% elif nil %}b{% else %}c{% endif %}", "c" },
    { "{% set x = 5 %}{{ x }}{% set x = x + 1 %}{{ x }}", "56" },
    { "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "12" },
    { "{% set a, b = [1, 2, 3] %}", NULL },
    { "{% set a, b = 1 %}", NULL },
    { "{% set x %}a{{ n }}b{% endset %}[{{ x }}]", "[a7b]" },
    { "{% set x | upper | trim %} a{{ n }}b {% endset %}[{{ x }}]", "[A7B]" },
    { "{% set ns = namespace(a=1) %}{% set ns.a = 2 %}{% set ns.b = ns.a + 1 %}{{ ns.a }}{{ ns.b }} {{ ns }}",
      "23 <Namespace {'a': 2, 'b': 3}>" },
    { "{% set ns = namespace({'q': 1}, z=2) %}{{ ns.q }}{{ ns.z }}{{ ns['q'] }}|{{ ns.nope }}|", "121||" },
    { "{% set d.b = 5 %}", NULL },
    { "{% set q.b = 5 %}", NULL },
    { "{% set ns = namespace() %}{% set ns._x = 1 %}", NULL },
    { "{{ namespace(_x=1) }}", NULL },
    { "{% set x = 1 %}{% if yes %}{% set x = 2 %}{% endif %}{{ x }}", "2" },
    { "{% if no %}{% set n = 2 %}{% endif %}{{ n }}", "7" },
    { "{% set (a, b) = (1, 2) %}{{ a }}{{ b }}", "12" },
    { "{% set 1 = 2 %}", NULL },
    { "{% set none = 2 %}", NULL },
    { "{% set ns = namespace(a=0) %}{% set ns.a, x = 1, 2 %}{{ ns.a }}{{ x }}", "12" },
    { "{% with %}{% set x = 1 %}{{ x }}{% endwith %}{{ x }}|", "1|" },
    { "{% with a = 1, b = a %}{{ a }}{{ b }}|{% endwith %}{{ a }}|", "1||" },
    { "{% with a, b = l[:2] %}{{ a }}{{ b }}{% endwith %}", "31" },
    { "{% print 1, 'a' %}", "1a" }
};

static const struct render_case cases_loops[] = {
    { "{% for x in l %}{{ x }},{% endfor %}", "3,1,2," },
    { "{% for k in d %}{{ k }}{% endfor %} {% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}",
      "baitems b=1;a=2;items=own;" },
    { "{% for c in 'aéb' %}{{ c }}.{% endfor %}", "a.é.b." },
    { "{% for x in e %}a{% else %}none{% endfor %}", "none" },
    { "{% for x in undef %}a{% else %}none{% endfor %}", "none" },
    { "{% for x in 5 %}{% endfor %}", NULL },
    { "{% for x in none %}{% endfor %}", NULL },
    { "{% for x in l if x > 1 %}{{ loop.index }}/{{ loop.length }}:{{ x }} {% endfor %}", "1/2:3 2/2:2 " },
    { "{% for x in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.revindex }}{{ loop"
      ".revindex0 }}{{ loop.length }} {% endfor %}",
      "10TrueFalse323 21FalseFalse213 32FalseTrue103 " },
    { "{% for x in l %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }} {% endfor %}", "<3>1 3<1>2 1<2> " },
    { "{% for x in l %}{{ loop.cycle('a', 'b') }}{% endfor %}", "aba" },
    { "{% for x in [1, 1, 2] %}{{ loop.changed(x) }} {% endfor %}", "True False True " },
    { "{% for a in [1, 2] %}{% for b in [1, 2] %}{{ loop.index }}{% endfor %}{{ loop.index }} {% endfor %}",
      "121 122 " },
    { "{% for t in tree recursive %}{{ loop.depth }}{{ t.v }}{% if t.kids %}[{{ loop(t.kids) }}]{% endif %}{% end"
      "for %}",
      "11[2223[34]]" },
    { "{% for x in range(10) %}{% if x == 2 %}{% continue %}{% elif x == 5 %}{% break %}{% endif %}{{ x }}{% endf"
      "or %}",
      "0134" },
    { "{% for x in [1] %}{% break %}{% else %}E{% endfor %}", "E" },
    { "{% for x in [1] %}{{ x }}{% else %}E{% endfor %}", "1" },
    { "{% break %}", NULL },
    { "{% for x in l %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}", NULL },
    { "{% for x in l %}{% set y = x %}{% endfor %}{{ y }}|", "|" },
    { "{% set y = 0 %}{% for x in l %}{{ y }}{% set y = y + x %}{{ y }} {% endfor %}{{ y }}", "03 01 02 0" },
    { "{% for x, y in [[1, 2], [3, 4]] %}{{ x }}{{ y }} {% endfor %}", "12 34 " },
    { "{% for x, y in [[1, 2, 3]] %}{% endfor %}", NULL },
    { "{% for (x, y), z in [[[1, 2], 3]] %}{{ x }}{{ y }}{{ z }}{% endfor %}", "123" },
    { "{% for loop in l %}{{ loop }}{% endfor %}", NULL },
    { "{% for x in l %}{% set loop = 1 %}{% endfor %}", NULL },
    { "{% for x in l | reverse %}{{ loop.index }}{{ x }}{{ loop.last }} {% endfor %}", "12False 21False 33True " },
    { "{% for x in ld | map(attribute='name') %}{{ x }}{{ loop.length }}{% endfor %}", "Bo3al3Cy3" },
    { "{% set ns = namespace(f=true) %}{% for x in l if ns.f %}{{ x }}{% set ns.f = false %}{% endfor %}", "3" },
    { "{% for x in l %}{{ loop }}{% endfor %}", "<LoopContext 1/3><LoopContext 2/3><LoopContext 3/3>" },
    { "{{ loop }}|{% for x in [1] %}{{ loop(x) }}{% endfor %}", NULL },
    { "{% for i in range(3) %}{% for j in range(3) if j != i %}{{ i }}{{ j }} {% endfor %}{% endfor %}",
      "01 02 10 12 20 21 " },
    { "{% for x in l %}{% if loop.first %}{{ m }}{% endif %}{% set m = x %}{% endfor %}", "" },
    { "{% for m in messages %}{{ m.role }}:{{ m.content }};{% endfor %}", "system:S;user:Hi;assistant:None;" }
};

static const struct render_case cases_macros[] = {
    { "{% macro m(a, b=2) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }} {{ m(1, 3) }} {{ m(b=4, a=5) }} {{ m() }}",
      "12 13 54 2" },
    { "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}", NULL },
    { "{% macro m(a) %}{% endmacro %}{{ m(b=2) }}", NULL },
    { "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, x=3) }}", "(1, 2){'x': 3}" },
    { "{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}", "11" },
    { "{% macro m(a=1, b) %}{% endmacro %}", NULL },
    { "{% macro m() %}[{{ caller() }}]{% endmacro %}{% call m() %}x{{ n }}{% endcall %}", "[x7]" },
    { "{% macro m() %}{{ caller(1, 2) }}{% endmacro %}{% call(a, b) m() %}{{ a }}-{{ b }}{% endcall %}", "1-2" },
    { "{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}", NULL },
    { "{% macro m() %}{{ 'c' if caller else 'n' }}{% endmacro %}{{ m() }}{% call m() %}{% endcall %}", "nc" },
    { "{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}", "3210" },
    { "{% macro m() %}{{ x }}{% endmacro %}{% set x = 1 %}{{ m() }}{% set x = 2 %}{{ m() }}", "12" },
    { "{% macro m() %}{% set s = 'in' %}{{ s }}{% endmacro %}{{ m() }} {{ s }}", "in Hello World" },
    { "{{ m }}|{% macro m() %}{% endmacro %}{{ m }} {{ m.name }} {{ m.arguments }} {{ m.catch_kwargs }}",
      "|<Macro 'm'> m () False" },
    { "{% macro m(x) %}{{ x | upper }}{% endmacro %}{{ m('a') ~ m('b') }}{{ [1] | map('string') | list }}",
      "AB['1']" },
    { "{% macro m(a, caller=none) %}{{ a }}{{ caller }}{% endmacro %}{{ m(1) }}", "1None" },
    { "{% macro m(caller) %}{{ caller }}{% endmacro %}", NULL },
    { "{% macro m(a) %}{{ a is defined }}{% endmacro %}{{ m() }}{{ m(none) }}", "FalseTrue" },
    { "{% macro m(a) %}{{ a.b }}{% endmacro %}{{ m() }}", NULL },
    { "{% macro m(*a) %}{% endmacro %}", NULL },
    { "{% macro m(a, b, c) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(*l) }}{{ m(1, *[2], **{'c': 3}) }}", "312123" },
    { "{% for i in l %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}", "312" },
    { "{% call range(3) %}{% endcall %}", NULL },
    { "{% call 1 %}{% endcall %}", NULL },
    { "{% filter upper %}a{{ s }}{% endfilter %}", "AHELLO WORLD" },
    { "{% filter trim | length %} a {% endfilter %}", NULL },
    { "{% generation %}a{% set q = 1 %}{{ q }}{% endgeneration %}{{ q }}|", "a1|" },
    { "{% macro m() %}{% for x in l %}{{ loop.index }}{{ x }}{% endfor %}{% endmacro %}{% set z = m() %}{{ z * 2 }}",
      "132132132132" }
};

static const struct render_case cases_functions[] = {
    { "{{ range(3) }} {{ range(3) | list }} {{ range(1, 4) | list }} {{ range(5, 0, -2) | list }} {{ range(2, 2) "
      "| list }}",
      "range(0, 3) [0, 1, 2] [1, 2, 3] [5, 3, 1] []" },
    { "{{ range() }}", NULL },
    { "{{ range(1.5) }}", NULL },
    { "{{ range(1, 2, 0) }}", NULL },
    { "{{ range(100001) }}", NULL },
    { "{{ dict(a=1, b='x') }} {{ dict([['k', 2]]) }} {{ dict(d, z=1) }}",
      "{'a': 1, 'b': 'x'} {'k': 2} {'b': 1, 'a': 2, 'items': 'own', 'z': 1}" },
    { "{{ dict(1) }}", NULL },
    { "{{ dict(undef) }}", NULL },
    { "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}", "abab" },
    { "{% set j = joiner('; ') %}{% for x in l %}{{ j() }}{{ x }}{% endfor %}", "3; 1; 2" },
    { "{{ raise_exception('no') }}", NULL },
    { "{{ raise_exception() }}", NULL },
    { "{{ nofunction(1) }}", NULL },
    { "{{ s() }}", NULL },
    { "{{ strftime_now('%Y-%m-%d %H:%M:%S %d %B %b %A %a %j %y %p %I %e %U %W %V %G %u %w %C %% %f [%z%Z] %D %T %"
      "F %x %X %c %-d %-m %-H') }}",
      "2026-01-02 03:04:05 02 January Jan Friday Fri 002 26 AM 03  2 00 00 01 2026 5 5 20 % 000000 [] 01/02/26 03"
      ":04:05 2026-01-02 01/02/26 03:04:05 Fri Jan  2 03:04:05 2026 2 1 3" },
    { "{{ strftime_now(1) }}", NULL },
    { "{{ dict.fromkeys(['a', 'b'], 1) }}", "{'a': 1, 'b': 1}" },
    { "{{ cycler() }}", NULL },
    { "{{ range is callable }} {{ s.upper is callable }} {{ s is callable }}", "True True False" }
};

static const struct render_case cases_filters_of_texts[] = {
    { "{{ s | upper }} {{ s | lower }} {{ 'aB cD' | title }} {{ 'aB cD' | capitalize }} {{ t | trim }}| {{ 'xxaxx"
      "' | trim('x') }}",
      "HELLO WORLD hello world Ab Cd Ab cd a\tb| a" },
    { "{{ uni | upper }} {{ uni | lower }} {{ 'ﬁx ǆ' | title }} {{ 'ΑΣ' | lower }} {{ 'İ' | lower | length }}",
      "STRASSE ΩΣ 日本 straße ως 日本 FIx Ǆ ας 2" },
    { "{{ 'a-b (c) d_e' | title }}", "A-B (C) D_e" },
    { "{{ s | replace('o', '0') }} {{ s | replace('o', '0', 1) }} {{ 'ab' | replace('', '-') }} {{ 112 | replace("
      "1, 'x') }}",
      "Hell0 W0rld Hell0 World -a-b- xx2" },
    { "{{ 'ab\ncd\n\nef' | indent }}|{{ 'ab\ncd\n\nef' | indent(2, true) }}|{{ 'ab\ncd\n\nef' | indent(1, blank=t"
      "rue) }}|{{ 'a\nb' | indent('> ', first=true) }}",
      "ab\n    cd\n\n    ef|  ab\n  cd\n\n  ef|ab\n cd\n \n ef|> a\n> b" },
    { "{{ 'foo bar baz qux' | truncate(9) }} {{ 'foo bar baz qux' | truncate(9, true) }} {{ 'foo bar baz qux' | t"
      "runcate(11) }} {{ 'foo bar baz qux' | truncate(11, false, '..', 0) }}",
      "foo... foo ba... foo bar baz qux foo bar.." },
    { "{{ 'x' | center(5) }}|{{ 'ab' | center(5) }}|{{ 'abc' | center(2) }}", "  x  |  ab |abc" },
    { "{{ 'a b, c-d é_f' | wordcount }}", "5" },
    { "{{ 'The quick brown-fox jumps--over the lazy dog' | wordwrap(12) }}|{{ 'aaaaaaaaaa bb' | wordwrap(4) }}|{{"
      " 'aaaaaaaaaa bb' | wordwrap(4, false) }}|{{ 'a b\nc' | wordwrap(1, wrapstring='+') }}",
      "The quick\nbrown-fox\njumps--over\nthe lazy dog|aaaa\naaaa\naa\nbb|aaaaaaaaaa\nbb|a+b+c" },
    { "{{ html | escape }} {{ html | e | e }} {{ html | forceescape }} {{ html | safe }}",
      "&lt;b&gt; &amp; &#39;c&#39;&lt;/b&gt; &lt;b&gt; &amp; &#39;c&#39;&lt;/b&gt; &lt;b&gt; &amp; &#39;c&#39;&lt"
      ";/b&gt; <b> & 'c'</b>" },
    { "{{ ('<b>' | safe) + '<i>' }} {{ '<i>' + ('<b>' | safe) }} {{ ('<b>' | safe) ~ '<i>' }} {{ [html | safe] }}",
      "<b>&lt;i&gt; &lt;i&gt;<b> <b><i> [Markup(\"<b> & 'c'</b>\")]" },
    { "{{ ('<%s>' | safe) % '<' }} {{ ('{}' | safe).format('<') }} {{ ('a' | safe).join(['<']) }} {{ ('a' | safe)"
      ".replace('a', '<') }}",
      "<&lt;> &lt; &lt; &lt;" },
    { "{{ '<b>x</b> <!-- c --> &amp; &lt;&#65;' | striptags }}", "x & <A" },
    { "{{ 'a b/ü?&=' | urlencode }} {{ {'a b': 1, 'c': 'd/e'} | urlencode }} {{ [['a', 'b']] | urlencode }}",
      "a%20b/%C3%BC%3F%26%3D a+b=1&c=d%2Fe a=b" },
    { "{{ {'class': 'x', 'id': none, 'n': 5} | xmlattr }}|{{ {'a': '<'} | xmlattr(false) }}",
      " class=\"x\" n=\"5\"|a=\"&lt;\"" },
    { "{{ {'a b': 1} | xmlattr }}", NULL },
    { "{{ 'abc' | reverse }} {{ l | reverse | list }} {{ 'abc' | list }} {{ 'abc' | first }}{{ 'abc' | last }}",
      "cba [2, 1, 3] ['a', 'b', 'c'] ac" },
    { "{{ '%s is %d' | format('x', 5) }} {{ '%(a)s' | format(a=1) }}", "x is 5 1" },
    { "{{ 5 | string }} {{ none | string }} {{ [1] | string }} {{ 5 | upper }}", "5 None [1] 5" },
    { "{{ 1000 | filesizeformat }} {{ 1 | filesizeformat }} {{ 1536 | filesizeformat(true) }} {{ 1e9 | filesizefo"
      "rmat }}",
      "1.0 kB 1 Byte 1.5 KiB 1.0 GB" },
    { "{{ undef | upper }}|{{ undef | trim }}|{{ undef | length }}|{{ undef | list }}|{{ undef | join }}|{{ undef"
      " | string }}|{{ undef | replace('a', 'b') }}|",
      "||0|[]||||" },
    { "{{ undef | indent }}", NULL },
    { "{{ none | length }}", NULL },
    { "{{ 5 | nofilter }}", NULL },
    { "{{ 5 | random }}", NULL },
    { "{{ 'a' | upper(1) }}", NULL },
    { "{{ 'a' | replace('b') }}", NULL },
    { "{% if no %}{{ 1 | nofilter }}{% endif %}x", "x" },
    { "{{ (1 | nofilter) if no else 2 }}", "2" },
    { "{% if yes %}{{ 1 | nofilter }}{% endif %}x", NULL }
};

static const struct render_case cases_filters_of_numbers_and_values[] = {
    { "{{ 42.55 | round }} {{ 42.55 | round(1) }} {{ 2.5 | round }} {{ 3.5 | round }} {{ 42 | round }} {{ 1234 | "
      "round(-2) }} {{ 2.675 | round(2) }} {{ 42.55 | round(1, 'floor') }} {{ 42.1 | round(0, 'ceil') }} {{ 1250 "
      "| round(-2) }} {{ 1350.0 | round(-2) }}",
      "43.0 42.5 2.0 4.0 42 1200 2.67 42.5 43.0 1200 1400.0" },
    { "{{ 1 | round(method='x') }}", NULL },
    { "{{ 15 | round(-1) }} {{ 25 | round(-1) }} {{ -15 | round(-1) }} {{ 149 | round(-2) }} {{ 5 | round(-3) }} "
      "{{ 0.5 | round(-1) }} {{ 1e300 | round(2) }} {{ 5e-324 | round(3) }}",
      "20 20 -20 100 0 0.0 1e+300 0.0" },
    { "{{ '42' | int }} {{ ' 42.9 ' | int }} {{ 'x' | int }} {{ 'x' | int(7) }} {{ '1f' | int(0, 16) }} {{ '0x1f'"
      " | int(base=16) }} {{ 4.9 | int }} {{ none | int }} {{ true | int }} {{ '-1_0' | int }} {{ '1e3' | int }}",
      "42 42 0 7 31 31 4 0 1 -10 1000" },
    { "{{ '4.5' | float }} {{ 'x' | float }} {{ 'x' | float(1.5) }} {{ 3 | float }} {{ 'inf' | float }} {{ ' -1e-"
      "3 ' | float }}",
      "4.5 0.0 1.5 3.0 inf -0.001" },
    { "{{ undef | int }}", NULL },
    { "{{ -5 | abs }} {{ (-5) | abs }} {{ -2.5 | abs }}", "5 5 2.5" },
    { "{{ undef | default('x') }} {{ none | default('x') }} {{ none | default('x', true) }} {{ '' | default('x', "
      "boolean=true) }} {{ undef | d }}|{{ 0 | d(1) }}",
      "x None x x |0" },
    { "{{ s | length }} {{ uni | length }} {{ l | count }} {{ d | length }} {{ range(5) | length }}", "11 12 3 3 5" },
    { "{{ 5 | length }}", NULL },
    { "{{ l | map('string') | length }}", NULL },
    { "{{ d | attr('nope') }}|{{ s | attr('upper') is callable }}", "|True" },
    { "{{ 1e16 | int }} {{ 1e15 }} {{ 1.0 }} {{ 100.0 }} {{ 1e-4 }} {{ 1e-5 }} {{ 1.5e300 }} {{ 5e-324 }} {{ 1.79"
      "76931348623157e308 }} {{ 2.0 ** 70 }} {{ 123456.789 }} {{ -0.0 }}",
      "10000000000000000 1000000000000000.0 1.0 100.0 0.0001 1e-05 1.5e+300 5e-324 1.7976931348623157e+308 1.1805"
      "916207174113e+21 123456.789 -0.0" }
};

static const struct render_case cases_filters_of_sequences[] = {
    { "{{ l | join }} {{ l | join(', ') }} {{ ld | join('/', attribute='name') }} {{ [1, none, 'a', 2.0] | join('"
      "-') }}",
      "312 3, 1, 2 Bo/al/Cy 1-None-a-2.0" },
    { "{{ l | first }} {{ l | last }} {{ e | first }}|{{ e | last }}|{{ d | first }}", "3 2 ||b" },
    { "{{ l | map('string') | last }}", NULL },
    { "{{ l | sort }} {{ l | sort(reverse=true) }} {{ ls | sort }} {{ ls | sort(case_sensitive=true) }} {{ ld | s"
      "ort(attribute='age') | map(attribute='name') | list }} {{ ld | sort(attribute='tag,age') | map(attribute='"
      "name') | list }}",
      NULL },
    { "{{ [1, 'a'] | sort }}", NULL },
    { "{{ [none, none] | sort }}", "[None, None]" },
    { "{{ d | dictsort }} {{ {'B': 1, 'a': 2} | dictsort }} {{ {'B': 1, 'a': 2} | dictsort(true) }} {{ {'a': 2, '"
      "b': 1} | dictsort(by='value') }} {{ {'a': 2, 'b': 1} | dictsort(reverse=true) }}",
      "[('a', 2), ('b', 1), ('items', 'own')] [('a', 2), ('B', 1)] [('B', 1), ('a', 2)] [('b', 1), ('a', 2)] [('b"
      "', 1), ('a', 2)]" },
    { "{{ d | dictsort(by='x') }}", NULL },
    { "{{ l | min }} {{ l | max }} {{ ls | min }} {{ ls | max(case_sensitive=true) }} {{ ld | max(attribute='age'"
      ") }} {{ e | max }}|",
      "1 3 A c {'name': 'Bo', 'age': 3, 'tag': 'x'} |" },
    { "{{ l | sum }} {{ ld | sum(attribute='age') }} {{ [0.1, 0.2] | sum }} {{ [[1], [2]] | sum(start=[]) }}",
      "6 6 0.30000000000000004 [1, 2]" },
    { "{{ ['a'] | sum }}", NULL },
    { "{{ [1, 2, 1, 'A', 'a'] | unique | list }} {{ ['A', 'a'] | unique(true) | list }} {{ ld | unique(attribute="
      "'tag') | list | length }}",
      "[1, 2, 'A'] ['A', 'a'] 3" },
    { "{{ [1, 2, 3, 4, 5] | batch(2) | list }} {{ [1, 2, 3] | batch(2, 'x') | list }} {{ [1, 2, 3, 4, 5] | slice("
      "2) | list }} {{ [1, 2, 3, 4, 5] | slice(3, 'x') | list }}",
      "[[1, 2], [3, 4], [5]] [[1, 2], [3, 'x']] [[1, 2, 3], [4, 5]] [[1, 2], [3, 4], [5, 'x']]" },
    { "{{ ld | groupby('tag') | map(attribute='grouper') | list }} {{ ld | groupby('age') | map('first') | list }}",
      NULL },
    { "{% for g in ld | groupby('tag', default='y') %}{{ g.grouper }}={{ g.list | length }};{% endfor %}",
      "x=1;Y=2;" },
    { "{{ l | map('string') | list }} {{ ls | map('upper') | list }} {{ ld | map(attribute='tag') | list }} {{ ld"
      " | map(attribute='tag', default='?') | list }} {{ [[1, 2]] | map('join', '-') | list }} {{ [{'a': [5]}] | "
      "map(attribute='a.0') | list }}",
      "['3', '1', '2'] ['B', 'A', 'C'] ['x', 'Y', Undefined] ['x', 'Y', '?'] ['1-2'] [5]" },
    { "{{ [1] | map | list }}", NULL },
    { "{{ [] | map | list }}", "[]" },
    { "{{ [1] | map('nofilter') | list }}", NULL },
    { "{{ l | select('odd') | list }} {{ [0, 1, '', 'a'] | select | list }} {{ l | reject('odd') | list }} {{ l |"
      " select('>', 1) | list }} {{ l | select('in', [1, 2]) | list }} {{ l | select('divisibleby', 3) | list }}",
      "[3, 1] [1, 'a'] [2] [3, 2] [1, 2] [3]" },
    { "{{ ld | selectattr('tag', 'defined') | map(attribute='name') | list }} {{ ld | rejectattr('tag') | map(att"
      "ribute='name') | list }} {{ ld | selectattr('age', 'gt', 1) | list | length }} {{ messages | selectattr('r"
      "ole', 'equalto', 'user') | list | length }}",
      "['Bo', 'al'] ['Cy'] 2 1" },
    { "{{ [1] | select('notest') | list }}", NULL },
    { "{% set g = l | select %}{{ g | list }}{{ g | list }}", "[3, 1, 2][]" },
    { "{{ d | items | list }} {{ undef | items | list }}", "[('b', 1), ('a', 2), ('items', 'own')] []" },
    { "{{ 5 | items | list }}", NULL },
    { "{{ d | list }} {{ d.items() | list }} {{ d.items() }} {{ d.keys() }} {{ d.values() }}",
      "['b', 'a', 'items'] [('b', 1), ('a', 2), ('items', 'own')] dict_items([('b', 1), ('a', 2), ('items', 'own'"
      ")]) dict_keys(['b', 'a', 'items']) dict_values([1, 2, 'own'])" },
    { "{{ l | reverse | first }} {{ (l | select) is iterable }} {{ l | reverse | length }}", NULL },
    { "{{ 5 | list }}", NULL },
    { "{{ l | list | tojson }}", "[3, 1, 2]" }
};

static const struct render_case cases_tojson[] = {
    { "{{ d | tojson }} {{ l | tojson }} {{ s | tojson }} {{ none | tojson }} {{ true | tojson }} {{ 1.0 | tojson"
      " }} {{ (1, 2) | tojson }}",
      "{\"b\": 1, \"a\": 2, \"items\": \"own\"} [3, 1, 2] \"Hello World\" null true 1.0 [1, 2]" },
    { "{{ '<>&\\'\"/\\\\ é \\n\\t\\r\\b\\f\\x01\\x7f 日 \\U0001F30D' | tojson }}",
      "\"<>&'\\\"/\\\\ é \\n\\t\\r\\b\\f\\u0001\177 日 🌍\"" },
    { "{{ 'é\\x7f\\U0001F30D' | tojson(ensure_ascii=true) }}", "\"\\u00e9\\u007f\\ud83c\\udf0d\"" },
    { "{{ messages[2].tool_calls | tojson }}",
      "[{\"function\": {\"name\": \"f\", \"arguments\": {\"b\": 1, \"a\": [true, null, \"é\"]}}}]" },
    { "{{ {'b': [1, {'c': []}], 'a': {}} | tojson(indent=2) }}",
      "{\n  \"b\": [\n    1,\n    {\n      \"c\": []\n    }\n  ],\n  \"a\": {}\n}" },
    { "{{ {'b': [1], 'a': 2} | tojson(indent=4, sort_keys=true) }}",
      "{\n    \"a\": 2,\n    \"b\": [\n        1\n    ]\n}" },
    { "{{ [1, {'a': 2}] | tojson(separators=(',', ':')) }} {{ [1, 2] | tojson(indent=0) }} {{ [1] | tojson(indent"
      "='--') }}",
      "[1,{\"a\":2}] [\n1,\n2\n] [\n--1\n]" },
    { "{{ {1: 2, none: 3, true: 4, 1.5: 5} | tojson }}", "{\"1\": 4, \"null\": 3, \"1.5\": 5}" },
    { "{{ {(1, 2): 3} | tojson }}", NULL },
    { "{{ undef | tojson }}", NULL },
    { "{{ range(3) | tojson }}", NULL },
    { "{{ [1e22, 1e-7, 0.1, 1e400] | tojson }}", "[1e+22, 1e-07, 0.1, Infinity]" },
    { "{{ ('<b>' | safe) | tojson }}", "\"<b>\"" },
    { "{{ {'b': 1, 'a': 2} | tojson(false, none, none, true) }}", "{\"a\": 2, \"b\": 1}" },
    { "{{ d.items() | tojson }}", NULL },
    { "{{ {'b': 1, 1: 2} | tojson(sort_keys=true) }}", NULL }
};

static const struct render_case cases_tests[] = {
    { "{{ n is defined }} {{ q is defined }} {{ q is undefined }} {{ d.q is defined }} {{ nil is none }} {{ q is "
      "none }}",
      "True False True False True False" },
    { "{{ 1 is number }} {{ true is number }} {{ 1 is integer }} {{ true is integer }} {{ 1.0 is float }} {{ 1 is"
      " float }} {{ true is boolean }} {{ 1 is boolean }} {{ true is true }} {{ 1 is true }} {{ false is false }}",
      "True True True False True False True False True False True" },
    { "{{ s is string }} {{ l is string }} {{ d is mapping }} {{ l is mapping }} {{ l is sequence }} {{ s is sequ"
      "ence }} {{ d is sequence }} {{ 1 is sequence }} {{ l is iterable }} {{ s is iterable }} {{ 1 is iterable }"
      "} {{ none is iterable }} {{ undef is iterable }} {{ undef is sequence }}",
      "True False True False True True True False True True False False True True" },
    { "{{ 3 is odd }} {{ 3 is even }} {{ 6 is divisibleby 3 }} {{ 6 is divisibleby(4) }} {{ 'a' is lower }} {{ 'A"
      "' is upper }} {{ 'Ab' is lower }}",
      "True False True False True True False" },
    { "{{ 1 is eq 1 }} {{ 1 is ne 2 }} {{ 1 is lt 2 }} {{ 1 is ge(2) }} {{ 1 is sameas 1 }} {{ l is sameas l }} {"
      "{ [] is sameas [] }} {{ 2 is in l }} {{ 'a' is in 'abc' }}",
      "True True True False True True False True True" },
    { "{{ 'upper' is filter }} {{ 'x' is filter }} {{ 'odd' is test }} {{ (html | safe) is escaped }} {{ html is "
      "escaped }}",
      "True False True True False" },
    { "{{ 1 is not odd }} {{ n is not none and n is number }} {{ not n is none }}", "False True True" },
    { "{{ 1 is notest }}", NULL },
    { "{{ 'a' is odd }}", NULL },
    { "{{ 1 is divisibleby 0 }}", NULL },
    { "{% if no %}{{ 1 is notest }}{% endif %}x", "x" },
    { "{{ 1 is equalto(1) }} {{ 1 is greaterthan 0 }} {{ 1 is lessthan(0) }}", "True True False" },
    { "{{ n is string or n is number }}", "True" },
    { "{{ q is callable }} {{ raise_exception is callable }}", "True True" }
};

static const struct render_case cases_methods_of_texts[] = {
    { "{{ t.strip() }}|{{ t.lstrip() }}|{{ t.rstrip() }}|{{ 'xxaxx'.strip('x') }}|{{ '\\u3000a\\u00a0'.strip() }}"
      "|{{ 'abcba'.lstrip('ab') }}",
      "a\tb|a\tb\n |  a\tb|a|a|cba" },
    { "{{ 'a,b,,c'.split(',') }} {{ ' a  b '.split() }} {{ 'a,b,c'.split(',', 1) }} {{ 'a,b,c'.rsplit(',', 1) }} "
      "{{ ''.split() }} {{ ''.split(',') }} {{ 'a b c'.split(none, 1) }} {{ 'a b c'.split(maxsplit=1) }}",
      "['a', 'b', '', 'c'] ['a', 'b'] ['a', 'b,c'] ['a,b', 'c'] [] [''] ['a', 'b c'] ['a', 'b c']" },
    { "{{ 'a'.split('') }}", NULL },
    { "{{ 'a\nb\r\nc\\x0bd\\u2028e\n'.splitlines() }} {{ 'a\nb'.splitlines(true) }}",
      "['a', 'b', 'c', 'd', 'e'] ['a\\n', 'b']" },
    { "{{ s.startswith('Hell') }} {{ s.endswith('x') }} {{ s.startswith(('x', 'H')) }} {{ s.startswith('W', 6) }}"
      " {{ s.endswith('o', 0, 5) }} {{ s.startswith('') }}",
      "True False True True True True" },
    { "{{ s.replace('o', '0') }} {{ s.replace('o', '0', 1) }} {{ 'aa'.replace('', '-') }}",
      "Hell0 W0rld Hell0 World -a-a-" },
    { "{{ s.upper() }} {{ s.lower() }} {{ 'a b'.title() }} {{ \"it's\".title() }} {{ 'aB'.capitalize() }} {{ 'aB'"
      ".swapcase() }} {{ 'ß'.casefold() }} {{ 'ß'.upper() }}",
      "HELLO WORLD hello world A B It'S Ab Ab ss SS" },
    { "{{ s.find('o') }} {{ s.rfind('o') }} {{ s.find('x') }} {{ s.find('o', 5) }} {{ s.count('l') }} {{ uni.find"
      "('日') }} {{ s.index('W') }} {{ 'aaa'.count('aa') }} {{ 'abc'.count('') }}",
      "4 7 -1 7 3 10 6 1 4" },
    { "{{ s.index('x') }}", NULL },
    { "{{ ', '.join(['a', 'b']) }} {{ '-'.join('abc') }} {{ ''.join([]) }}|", "a, b a-b-c |" },
    { "{{ ', '.join([1]) }}", NULL },
    { "{{ 'a'.center(5, '*') }} {{ 'a'.ljust(3) }}|{{ 'a'.rjust(3, '.') }} {{ '-5'.zfill(4) }} {{ '5'.zfill(3) }}",
      "**a** a  |..a -005 005" },
    { "{{ '12'.isdigit() }} {{ 'a1'.isalnum() }} {{ 'a'.isalpha() }} {{ ' '.isspace() }} {{ ''.isspace() }} {{ 'A"
      "B'.isupper() }} {{ 'Ab'.istitle() }} {{ '²'.isdigit() }} {{ '²'.isdecimal() }} {{ '五'.isnumeric() }} {{ 'a"
      " b'.isidentifier() }} {{ 'é'.isascii() }}",
      "True True True True False True True True False True False False" },
    { "{{ 'abc'.removeprefix('a') }} {{ 'abc'.removesuffix('bc') }} {{ 'abc'.removeprefix('x') }}", "bc a abc" },
    { "{{ 'a=b=c'.partition('=') }} {{ 'a=b=c'.rpartition('=') }} {{ 'abc'.partition('=') }} {{ 'abc'.rpartition("
      "'=') }}",
      "('a', '=', 'b=c') ('a=b', '=', 'c') ('abc', '', '') ('', '', 'abc')" },
    { "{{ 'a\\tb'.expandtabs(4) }}|{{ 'a\\tb'.expandtabs() }}|", "a   b|a       b|" },
    { "{{ s.upper().lower()[::-1].title() }}", "Dlrow Olleh" },
    { "{{ s.strip(1) }}", NULL },
    { "{{ s.upper(1) }}", NULL },
    { "{{ s.nomethod() }}", NULL },
    { "{{ ('a</think>b').split('</think>')[-1].lstrip('\n') }}", "b" },
    { "{{ l.index(2) }} {{ l.count(1) }} {{ (1, 2).index(2) }}", "2 1 1" },
    { "{{ l.index(9) }}", NULL },
    { "{{ l.sort() }}", NULL },
    { "{{ d.copy() }} {{ l.copy() }}", "{'b': 1, 'a': 2, 'items': 'own'} [3, 1, 2]" }
};

static const struct render_case cases_formats[] = {
    { "{{ '%s %r %d %5d|%-5d|%05d %x %X %o %e %.2f %g %c %%' % ('a', 'b', 3, 4, 5, 6, 255, 255, 8, 1.5, 2.345, 0."
      "0001, 'z') }}",
      "a 'b' 3     4|5    |00006 ff FF 10 1.500000e+00 2.35 0.0001 z %" },
    { "{{ '%s' % none }} {{ '%s' % [1] }} {{ '%d' % 3.9 }} {{ '%+d % d' % (1, 2) }} {{ '%#x %#o' % (255, 8) }} {{"
      " '%.3s|%5s|%-5s|' % ('abcdef', 'a', 'b') }} {{ '%*d' % (5, 3) }}",
      "None [1] 3 +1  2 0xff 0o10 abc|    a|b    |     3" },
    { "{{ '%(a)s %(b)05.1f' % {'a': 1, 'b': 2.25} }}", "1 002.2" },
    { "{{ '%s' % () }}", NULL },
    { "{{ '%s' % (1, 2) }}", NULL },
    { "{{ '%d' % 'a' }}", NULL },
    { "{{ '%q' % 1 }}", NULL },
    { "{{ 'a' % 1 }}", NULL },
    { "{{ 'a' % {} }}|{{ 'a' % l }}|{{ '%s' % undef }}|", "a|a||" },
    { "{{ '{} {1}'.format(1, 2) }}", NULL },
    { "{{ '{0} {1} {0} {a} {b[c]} {d.x} {{}}'.format(1, 2, a=3, b={'c': 4}, d=namespace(x=5)) }}", "1 2 1 3 4 5 {}" },
    { "{{ '{!r} {!s} {:>5}|{:<5}|{:^5}|{:*^7}|{:05d}|{:+}|{:,}|{:_}|{:x}|{:#x}|{:b}|{:.2f}|{:.3}|{:e}|{:g}|{:%}|{"
      ":10.3f}|'.format('a', 'b', 'c', 'd', 'e', 'f', 42, 5, 1234567, 1234567, 255, 255, 5, 3.14159, 3.14159, 123"
      "45.678, 0.00001, 0.25, 2.5) }}",
      "'a' b     c|d    |  e  |***f***|00042|+5|1,234,567|1_234_567|ff|0xff|101|3.14|3.14|1.234568e+04|1e-05|25.0"
      "00000%|     2.500|" },
    { "{{ '{:{}}|{:.{p}f}'.format('a', 5, 1.23456, p=2) }}", "a    |1.23" },
    { "{{ '{}'.format() }}", NULL },
    { "{{ '{a}'.format(b=1) }}", NULL },
    { "{{ '{'.format(1) }}", NULL },
    { "{{ '}'.format(1) }}", NULL },
    { "{{ '{:d}'.format('a') }}", NULL },
    { "{{ '{:s}'.format(1) }}", NULL },
    { "{{ '{.__class__}'.format(1) }}|{{ '{0.__class__.__mro__}'.format(1) }}", NULL },
    { "{{ '{a[b]}'.format_map({'a': {'b': 1}}) }}", "1" },
    { "{{ '{:5}|{:<5}|{:5}|{:.1f}'.format(1, 1, true, 0.25) }} {{ '{}'.format(none) }}",
      "    1|1    |    1|0.2 None" },
    { "{{ '{:5}'.format(none) }}", NULL },
    { "{{ '{:,.2f} {:012,d} {:>+8}'.format(1234567.891, 1234, 5) }}", "1,234,567.89 0,000,001,234       +5" },
    { "{{ '{:#.3} {:.1} {:#.6} {:.4} {:.2} {:%}'.format(2.5, 4.0, 372.0, 1234.5, 99.0, 1e308) }}",
      "2.50 4e+00 372.000 1.234e+03 9.9e+01 inf%" },
    { "{{ '{:.0f} {:.0f} {:.1e} {:g} {:g} {:.3g}'.format(0.5, 1.5, 12345, 1000000, 100000, 1234.5) }}",
      "0 2 1.2e+04 1e+06 100000 1.23e+03" }
};

static const struct render_case cases_syntax_errors[] = {
    { "{{", NULL },
    { "{{ }}", NULL },
    { "{% %}", NULL },
    { "{% if %}{% endif %}", NULL },
    { "{% if yes %}", NULL },
    { "{% endif %}", NULL },
    { "{% for x in l %}", NULL },
    { "{% for x l %}{% endfor %}", NULL },
    { "{% nosuch %}", NULL },
    { "{{ a b }}", NULL },
    { "{{ (1 }}", NULL },
    { "{{ 1) }}", NULL },
    { "{{ [1 }}", NULL },
    { "{{ 1 + }}", NULL },
    { "{{ a. }}", NULL },
    { "{{ a.'b' }}", NULL },
    { "{{ a|}}", NULL },
    { "{{ ! }}", NULL },
    { "{{ f(a=1, 2) }}", NULL },
    { "{{ f(**a, b) }}", NULL },
    { "{{ f(a, a=1, a=2) }}", NULL },
    { "{% set %}", NULL },
    { "{% macro %}{% endmacro %}", NULL },
    { "{% macro m( %}{% endmacro %}", NULL },
    { "{% if yes %}{% endfor %}", NULL },
    { "{% else %}", NULL },
    { "{% include 'x' %}", NULL },
    { "{{ x = 1 }}", NULL },
    { "{{ a ? b }}", NULL },
    { "{{ 1 2 }}", NULL },
    { "{% for x in l %}{% endfor %}}}", "}}" },
    { "{% with a %}{% endwith %}", NULL },
    { "{{ a[ }}", NULL },
    { "{{ {1 2} }}", NULL },
    { "{% set x = %}", NULL }
};
