#!/bin/sh
# `hearth footprint`: nothing yet, sums over real answers, a page, countries, calibration, the person's settings and their mistakes;
# a simulated machine with energy counters.
. "$(dirname "$0")/tap.sh"
. "$(dirname "$0")/../tools/model.sh"
tap_begin 60
ini() { printf '[footprint]\n%s\n' "$1" > "$HEARTH_HOME/hearth.ini"; }
answer() { "$HEARTH" run smollm2 "Why is the sky blue?" --max-tokens 8 --seed 1 "$@" > "$TAP_TMP/answer" 2> "$TAP_TMP/err" < /dev/null; }
# A machine of the test's own, where there is nothing to read.
HEARTH_SYSTEM_ROOT=$TAP_TMP/machine
export HEARTH_SYSTEM_ROOT
cap=$HEARTH_SYSTEM_ROOT/sys/class/powercap
mkdir -p "$cap"

# ---- nothing yet ----
call footprint
is "before the first answer it ends well" "$status [$err]" "0 []"
has "and says that there is none" "$out" "No answers with a footprint"
lacks "a cloud is not compared with nothing" "$out" "cloud"
call footprint --json
is "as JSON: sums of nothing" "$(json '(d["rows"], d["total"]["answers"], d["pulls"]["pulls"])')" "([], 0, 0)"
is "it makes no ledger" "$(ls "$HEARTH_HOME" | tr '\n' ' ')" "models "

# ---- two answers, modelled ----
answer; answer
call footprint
is "two answers: it ends well" "$status [$err]" "0 []"
has "a row for the model, with a bar" "$(printf '%s\n' "$out" | sed -n 2p)" "####################"
has "the row is the model's" "$(printf '%s\n' "$out" | sed -n 2p)" "smollm2        2"
has "the words say modelled" "$out" "2 answers: modelled from processor time and the watts of a usual processor"
lacks "and nothing says measured by" "$out" "measured by"
has "what is counted" "$out" "Counted: a core's share of a server"
has "the factor, its place, source and year" "$out" "480 g CO2e a kWh (world; Ember, Global Electricity Review, 2023)"
has "plain words" "$out" "is as much as a 10 W lamp in"
has "a cloud's energy, with source" "$out" "Google's median Gemini text prompt takes 864 J (arXiv 2508.15734, 2025)"
has "what the cloud counts" "$out" "Counted there: accelerators"
has "carbon and water are told apart" "$out" "Not compared: its 0.03 g CO2e (market-based"
call footprint --json
is "as JSON: answers and tokens" "$(json '(d["total"]["answers"], d["total"]["answer_tokens"], d["total"]["measured"])')" "(2, 16, 0)"
is "the interval holds the value" "$(json '0 < d["total"]["energy_j"]["low"] < d["total"]["energy_j"]["value"] < d["total"]["energy_j"]["high"]')" True
is "carbon is energy by the factor" "$(json 'math.isclose(d["total"]["carbon_g"]["value"], d["total"]["energy_j"]["value"] / 3.6e6 * 480, rel_tol=1e-6)')" True
is "basis and boundary" "$(json '[(b["basis"], b["answers"]) for b in d["basis"]]')" "[('watts-assumed', 2)]"
day=$(date -u +%Y-%m-%d)
call footprint --json --by day
is "by day" "$(json 'd["rows"][-1]["name"][:4] == d["last"][:4] and len(d["rows"]) <= 2')" True
call footprint --json --by task
is "by task: none named" "$(json '[r["name"] for r in d["rows"]]')" "['-']"
call footprint --json --from 2020-01-01 --to 2020-12-31
is "another year: none" "$(json 'd["total"]["answers"]')" 0
call footprint --json --from "$day" --to 2100-01-01
is "from today on" "$(json 'd["total"]["answers"] in (1, 2)')" True
call footprint --embodied 250,5
has "a share of making the computer" "$out" "Making the computer (250 kg CO2e over 5 years):"
call footprint --html "$TAP_TMP/page.html"
is "a page" "$status [$err]" "0 []"
page=$(cat "$TAP_TMP/page.html")
has "with pictures" "$page" "<svg"
has "and the method" "$page" "modelled from processor time"
lacks "and nothing that runs" "$page" "<script"

# ---- settings ----
ini 'country = de
tariff = 0.30
currency = EUR
watts = 9,41'
answer --json
out=$(cat "$TAP_TMP/answer")
is "an answer's receipt has the footprint" "$(json 'd["hearth_receipt"]["receipt"]["footprint"]["basis"]')" watts-stated
is "the country's factors" "$(json '[d["hearth_receipt"]["receipt"]["footprint"][k + "_factor"]["per_kwh_milli"] for k in ("carbon", "water")]')" "[381000, 1930]"
is "the cost" "$(json 'abs(d["hearth_receipt"]["receipt"]["footprint"]["cost_nano"] - d["hearth_receipt"]["receipt"]["footprint"]["energy_uj"] / 3.6e12 * 0.3e9) <= 1')" True
call footprint
has "the cost has a column" "$(printf '%s\n' "$out" | sed -n 1p)" "EUR"
has "both ways of counting are told" "$out" "1 answer: modelled from processor time and the watts that somebody stated"
ini 'country = Atlantis'
call footprint
is "a mistake in the ini: one sentence" "$status $(printf '%s\n' "$err" | wc -l)" "1 1"
has "with file, line, field, value and what is allowed" "$err" "hearth.ini: line 2: country is \"Atlantis\"; it should be two letters"
answer; status=$?
has "it is said before an answer, too" "$status $(cat "$TAP_TMP/err")" "1 hearth: "
is "and there is no answer" "$(cat "$TAP_TMP/answer")" ""
rm "$HEARTH_HOME/hearth.ini"
call footprint countries
has "countries: code, name, carbon, year, water" "$(printf '%s\n' "$out" | grep '^DE' | tr -s ' ')" "DE Germany 381 2023 1.93"
call footprint countries --json
is "countries as JSON" "$(json '[(c["carbon_g_kwh"], c["year"]) for c in d if c["code"] == "FR"]')" "[(56.0, 2023)]"

# ---- calibration ----
call footprint calibrate
has "nothing to calibrate with: it says what to do" "$status $err" "1 hearth: this computer shows no energy counters"
call footprint calibrate --watts 41,9
has "watts the wrong way round" "$status $err" '2 hearth: --watts is "41,9"; at rest'
call footprint calibrate --watts 9,41
is "stated watts are kept" "$status [$err] $(grep -c '^point' "$HEARTH_HOME/calibration.ini")" "0 [] 2"
answer --json; out=$(cat "$TAP_TMP/answer")
is "and used" "$(json 'd["hearth_receipt"]["receipt"]["footprint"]["basis"]')" watts-stated
call footprint calibrate --forget
is "and forgotten" "$status $out" "0 Forgotten."
mkdir -p "$HEARTH_SYSTEM_ROOT/sys/class/power_supply/BAT0"
echo Discharging > "$HEARTH_SYSTEM_ROOT/sys/class/power_supply/BAT0/status"
echo 12500000 > "$HEARTH_SYSTEM_ROOT/sys/class/power_supply/BAT0/power_now"
call footprint calibrate --seconds 0.2
has "on a battery it measures by itself" "$status $out" "0 at rest: 12.50 W"
has "and says by what" "$out" "watts that the battery told"
call footprint calibrate --forget
rm -r "$HEARTH_SYSTEM_ROOT/sys/class/power_supply"

terminal 'wait At rest
type 8,5
wait At work
type 20' footprint calibrate
has "with a power meter at a terminal: a comma is not understood" "$out" 'what the meter shows is "8,5,20"; it should be two numbers'
terminal 'wait At rest
type 8.5 W
wait At work
type 20' footprint calibrate
has "what the meter shows is kept" "$out" "at rest: 8.50 W"
has "with its source" "$(cat "$HEARTH_HOME/calibration.ini")" "basis = watts-meter"
call footprint calibrate --forget

# ---- counters ----
zone() { mkdir -p "$cap/$1"; echo "$2" > "$cap/$1/name"; echo 262143328850 > "$cap/$1/max_energy_range_uj"; echo "$3" > "$cap/$1/energy_uj"; }
zone intel-rapl:0 package-0 1000000
zone intel-rapl:0:0 dram 5
call doctor --json
is "doctor sees the counters" "$(json 'd["energy_counter"]')" True
# A meter that runs: 3 J a step, while the answer is made.
( while [ -d "$cap/intel-rapl:0" ]; do n=$((${n:-1000000} + 3000000)); printf '%012d\n' $n 1<> "$cap/intel-rapl:0/energy_uj"; sleep 0.02; done ) 2> "$TAP_TMP/meter" &
answer --json --max-tokens 40; out=$(cat "$TAP_TMP/answer")
rm -rf "$cap/intel-rapl:0"
wait
is "an answer on a machine with counters is measured" "$(json '(d["hearth_receipt"]["receipt"]["footprint"]["method"], d["hearth_receipt"]["receipt"]["footprint"]["basis"])')" "('measured', 'rapl+dram')"
is "in whole steps of the counter" "$(json 'd["hearth_receipt"]["receipt"]["footprint"]["package_uj"] % 3000000')" 0
call footprint
has "the report says measured for it" "$out" "1 answer: measured by the counters of processor and memory"
call doctor --json
is "without a package there are no counters" "$(json 'd["energy_counter"]')" False

# ---- what is refused ----
call footprint --by colour
has "by what it does not know" "$status $err" "2 hearth: --by"
call footprint --from yesterday
has "a date that is none" "$status $err" '2 hearth: --from: "yesterday" is no day'
call footprint --from 2026-12-01 --to 2026-11-01
has "from after to" "$status $err" "2 hearth: --from 2026-12-01 is after --to 2026-11-01"
call footprint --embodied 250
has "a share without years" "$status $err" '2 hearth: --embodied: "250" is not KG,YEARS'
call footprint --html "$TAP_TMP/no/folder/x.html"
has "a page that cannot be written" "$status $err" "1 hearth: "
tap_end
