// Ten tabs of one browser on ten dossiers: each is there within two seconds, the tenth registers, and the
// line at the top of every tab is right within two seconds of a change, or says that it is not live. Then
// five are closed, the rest sleep while the hub goes, and wake. Prints "hub stop" and "hub start" for what
// the test has to do, and what was measured. Ends with exit code 0 only if everything was seen.
//
// usage: node tabs.mjs PAGE LIST SCREENSHOT_DIR     LIST: addresses of ten tabs, by commas
import { ask, drive } from './common.mjs';

const [page_url, list, shots] = process.argv.slice(2);
const SOON = 2000;
const check = (good, words) => { if (!good) throw new Error(words); };
const kind = (tab) => tab.evaluate(() => document.getElementById('sync-box').dataset.state);
const NOT_LIVE = ['checking', 'unreachable'];

await drive(page_url, shots, async ({ page, pc }) => {
  const one = await pc();
  // Streams that are held open, by browser: more than one would use up what a browser has.
  const streams = new Set();
  one.context.on('request', (request) => { if (request.url().endsWith('/api/v1/events')) streams.add(request); });
  const tabs = [];
  let slowest = 0;
  for (const address of list.split(',')) {
    const tab = await one.tab();
    const begun = Date.now();
    await tab.goto(address);
    await tab.waitForFunction(() => document.getElementById('dossier-title').textContent.includes('-'));
    slowest = Math.max(slowest, Date.now() - begun);
    tabs.push(tab);
  }
  console.log(`slowest of ten tabs: ${slowest} ms`);
  check(slowest < SOON, `a tab needed ${slowest} ms`);
  await page.waitForTimeout(0);
  const shared = await Promise.all(tabs.map((tab) => tab.waitForFunction(() => isLive()).then(() => true, () => false)));
  check(shared.every(Boolean), 'a tab hears nothing of the shared worker');
  check(streams.size === 0, `${streams.size} tabs hold a stream of their own`);

  // All of them within two seconds of the change, or they say that they do not know.
  const turned = async (what, state) => {
    await ask(what);
    // Somebody has seen it: from here on nobody may say anything else for longer than that.
    await Promise.race(tabs.map((tab) => tab.waitForFunction((name) => document.getElementById('sync-box').dataset.state === name, state)));
    const seen = Date.now();
    await Promise.all(tabs.map((tab) => tab.waitForFunction(
      ([name, old]) => [name, ...old].includes(document.getElementById('sync-box').dataset.state), [state, NOT_LIVE])));
    const took = Date.now() - seen;
    console.log(`all tabs after ${what}: ${took} ms`);
    check(took < SOON, `a tab showed the old state for ${took} ms`);
    await Promise.all(tabs.map((tab) => tab.waitForSelector(`#sync-box[data-state="${state}"]`)));
  };
  await Promise.all(tabs.map((tab) => tab.waitForSelector('#sync-box[data-state="ok"]')));

  const last = tabs[9];
  await last.goto(`${page_url}/#/register`);
  await last.waitForSelector('#procedure option[value="1.001193"]', { state: 'attached' });
  await last.selectOption('#procedure', '1.001193');
  await last.fill('#applicant-name', 'Thẻ Thứ Mười Mẫu');
  await last.click('#save');
  await last.waitForFunction(() => /-\d{6}-\d{4}$/.test(document.getElementById('code').textContent.trim()));

  await turned('hub stop', 'offline');
  await turned('hub start', 'ok');

  // Five are closed; the browser's one connection outlives the tab that asked for it first.
  for (const tab of tabs.splice(0, 5)) await tab.close();
  await Promise.all(tabs.map((tab) => tab.waitForFunction(() => isLive())));

  // The PC sleeps: nothing of the pages runs, and no network is there. Meanwhile the hub goes.
  const frozen = await Promise.all(tabs.map((tab) => one.context.newCDPSession(tab)));
  for (const session of frozen) await session.send('Page.setWebLifecycleState', { state: 'frozen' });
  await ask('hub stop');
  await ask('asleep');
  // The hub has been gone for longer than an old word may stand: what waits for the tabs is older.
  await page.waitForTimeout(SOON);
  for (const session of frozen) await session.send('Page.setWebLifecycleState', { state: 'active' });
  const woken = await Promise.all(tabs.map(kind));
  check(woken.every((state) => [...NOT_LIVE, 'offline', 'connecting'].includes(state)), `after waking: ${woken}`);
  await Promise.all(tabs.map((tab) => tab.waitForSelector('#sync-box[data-state="offline"]')));
  await ask('hub start');
  await Promise.all(tabs.map((tab) => tab.waitForSelector('#sync-box[data-state="ok"]')));

  // An old browser: no shared worker, short questions.
  const old = await pc();
  await old.context.addInitScript(() => { delete window.SharedWorker; });
  const plain = [];
  for (const address of list.split(',')) {
    const tab = await old.tab();
    const begun = Date.now();
    await tab.goto(address);
    await tab.waitForSelector('#sync-box[data-state="ok"]');
    const took = Date.now() - begun;
    check(took < SOON, `without a shared worker a tab needed ${took} ms`);
    plain.push(tab);
  }
  check(!(await plain[9].evaluate(() => isLive())), 'it was not an old browser');
});
