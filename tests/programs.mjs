// Says which test programs cargo has built: reads its JSON messages, writes a line for each: the folder it
// runs in, the program. The programs that start real processes (package motcua-tests) are one lane, those of them
// that hold a machine to a time are another, which is run with nothing beside it, and the rest is the third.
//
// usage: cargo test --no-run --message-format=json | node programs.mjs processes|timed|rest
import { createInterface } from 'node:readline';
import { basename, dirname } from 'node:path';

const TIMED = ['hostile', 'hostile_allowance', 'hostile_handshakes', 'scan_delay', 'storm'];

function laneOf(folder, program) {
  if (basename(folder) !== 'tests') return 'rest';
  return TIMED.includes(basename(program).replace(/-[0-9a-f]+$/, '')) ? 'timed' : 'processes';
}

const lane = process.argv[2];
for await (const line of createInterface({ input: process.stdin })) {
  const said = JSON.parse(line);
  if (!said.executable || !said.profile.test) continue;
  const folder = dirname(said.manifest_path);
  if (laneOf(folder, said.executable) === lane) console.log(`${folder}\t${said.executable}`);
}
