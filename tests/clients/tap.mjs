// tap.mjs - what the clients' tests in Node share: one line of TAP a comparison.
let count = 0;
let bad = 0;

export function same(name, found, wanted) {
    const ok = JSON.stringify(found) === JSON.stringify(wanted);
    count += 1;
    bad += !ok;
    console.log(`${ok ? 'ok' : 'not ok'} ${count} - ${name}`);
    if (!ok) console.log(`# found ${JSON.stringify(found)}\n# wanted ${JSON.stringify(wanted)}`);
}

export function done() {
    console.log(`1..${count}`);
    process.exit(bad ? 1 : 0);
}
