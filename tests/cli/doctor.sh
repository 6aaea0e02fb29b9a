#!/bin/sh
# `hearth doctor`: what it says agrees with what the system says.
. "$(dirname "$0")/tap.sh"
HEARTH_HOME=$TAP_TMP/home
export HEARTH_HOME
tap_begin 14

json() { printf '%s' "$out" | python3 -c 'import json, sys; d = json.load(sys.stdin); print(eval("(" + sys.argv[1] + ")"))' "$1" 2>&1 | tail -n 1; }
out=$("$HEARTH" doctor 2> "$TAP_TMP/err"); status=$?
is "it ends well and quietly" "$status [$(cat "$TAP_TMP/err")]" "0 []"
for line in "processor  " "instruction sets  " "cores  " "memory  " "read bandwidth  " "largest model  " "energy counters  " "features  "; do
    case $out in *"
$line"*) ;; *) echo "$line" ;; esac
done > "$TAP_TMP/missing"
is "it has a line for each part" "$(cat "$TAP_TMP/missing")" ""
has "where there is no model, it says how to get one" "$out" "hearth pull smollm2"

out=$("$HEARTH" doctor --json)
is "the memory is the system's, or the container's limit" \
   "$(json "0 < d['memory_available'] <= d['memory_total'] <= $(awk '/MemTotal/ { printf "%.0f", $2 * 1024 }' /proc/meminfo)")" True
is "the cores are the system's" "$(json 'd["cores_online"]')" "$(getconf _NPROCESSORS_ONLN)"
is "the cores that may be used are not more" "$(json '1 <= d["cores_usable"] <= d["cores_online"]')" True
is "the bandwidth is one" "$(json '0.5 < d["read_gigabytes_per_second"] < 5000')" True
is "the arithmetic is one" "$(json '0.5 < d["fma_gigaflops"] < 1000000')" True
is "the instruction set in use" "$(json 'd["isa_chosen"]')" "$("$HEARTH" --version | sed -n 's/^instruction set: //p')"
is "a model that fits is no larger than the memory" "$(json '0 <= d["largest_4bit_billion_parameters"] * 1e9 * 0.5 < d["memory_total"]')" True
is "the advice is sentences" "$(json 'all(s[0].isupper() and len(s) > 20 for s in d["advice"])')" True
is "the models are where HEARTH_HOME says" "$(json 'd["models_folder"]')" "$TAP_TMP/home/models"
is "one core allowed: one core used" \
   "$(taskset -c 0 "$HEARTH" doctor --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["cores_usable"])')" 1
out=$(HEARTH_ISA=scalar "$HEARTH" doctor)
has "HEARTH_ISA is told" "$out" "HEARTH_ISA is set to scalar"
tap_end
