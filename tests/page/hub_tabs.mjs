// Ten tabs of one browser on the hub's console, by short questions only: each shows the hub's state within two
// seconds, and says something else within two seconds of a change. Prints "operator", "parent stop" and
// "parent start" for what the test has to do. Ends with exit code 0 only if everything was seen.
//
// usage: node hub_tabs.mjs PAGE NAME SCREENSHOT_DIR
import { ask, drive } from './common.mjs';

const [page_url, name, shots] = process.argv.slice(2);
const SOON = 2000;

await drive(page_url, shots, async ({ pc }) => {
  const one = await pc();
  const first = await one.tab();
  await first.goto(page_url);
  await first.waitForSelector('#login:not([hidden])');
  await first.fill('#login-name', name);
  await first.fill('#login-password', await ask('operator'));
  await first.click('#login-send');
  await first.waitForSelector('#hub-box[data-state="connected"]');
  const tabs = [first];
  while (tabs.length < 10) {
    const tab = await one.tab();
    const begun = Date.now();
    await tab.goto(page_url);
    await tab.waitForSelector('#hub-box[data-state="connected"]');
    const took = Date.now() - begun;
    if (took > SOON) throw new Error(`tab ${tabs.length + 1} needed ${took} ms`);
    tabs.push(tab);
  }
  await ask('parent stop');
  await Promise.race(tabs.map((tab) => tab.waitForSelector('#hub-box[data-state="offline"]')));
  const seen = Date.now();
  await Promise.all(tabs.map((tab) => tab.waitForFunction(() => document.getElementById('hub-box').dataset.state !== 'connected')));
  if (Date.now() - seen > SOON) throw new Error(`a tab showed the old state for ${Date.now() - seen} ms`);
  await ask('parent start');
  await Promise.all(tabs.map((tab) => tab.waitForSelector('#hub-box[data-state="connected"]')));
});
