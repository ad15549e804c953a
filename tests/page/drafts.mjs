// One draft at several places: two tabs of one PC, then two PCs of which one is offline for five minutes,
// then a machine that is killed while somebody types. Prints "draft NAME CODE" for each that was registered
// and "node kill", "node start" for what the test has to do. Ends with exit code 0 only if everything was
// seen.
//
// usage: node drafts.mjs PAGE SCREENSHOT_DIR
import { ask, drive } from './common.mjs';

const [page_url, shots] = process.argv.slice(2);
const check = (good, words) => { if (!good) throw new Error(words); };

await drive(page_url, shots, async ({ page, pc, shot, look }) => {
  const saved = (tab) => tab.waitForSelector('#draft-box[data-state="saved"]');
  const typed = async (tab, field, value) => { await tab.fill(`#${field}`, value); await saved(tab); };
  const shows = (tab, field, value) =>
    tab.waitForFunction(([id, text]) => document.getElementById(id).value === text, [field, value]);
  const procedures = (tab) => tab.waitForSelector('#procedure option[value="1.001193"]', { state: 'attached' });
  const begin = async (tab) => {
    await tab.goto(`${page_url}/#/register`);
    if (await tab.isVisible('#saved-next')) await tab.click('#saved-next');
    await procedures(tab);
    await tab.selectOption('#procedure', '1.001193');
    await saved(tab);
    await tab.waitForFunction(() => /^#\/register\/[0-9a-f]{32}$/.test(location.hash));
    return tab.url();
  };
  const open = async (tab, address) => { await tab.goto(address); await procedures(tab); await shows(tab, 'procedure', '1.001193'); };
  const register = async (tab) => {
    await tab.click('#save');
    await tab.waitForFunction(() => /-\d{6}-\d{4}$/.test(document.getElementById('code').textContent.trim()));
    return (await tab.textContent('#code')).trim();
  };

  // `second` works while `first` is behind, in whatever way `away` and `back` make it so.
  const story = async (first, second, words, { away, back }) => {
    const address = await begin(first);
    await open(second, address);
    await away();
    await typed(second, 'applicant-name', `Nguyễn Mẫu ${words}`);
    await typed(second, 'applicant-address', 'Số 1 đường Mẫu');
    await second.fill('#paper-0-name', 'Tờ khai');
    await second.click('#paper-add');
    await second.fill('#paper-1-name', 'Giấy khai sinh');
    await second.waitForFunction(() => typedFields().length === 0 && draft.state === 'saved');

    // The tab that is behind types: it says what it lacked, and writes nothing over it.
    await first.fill('#applicant-phone', '0909000111');
    await back();
    await saved(first);
    // Both came apart, and the second does not take the place of the first.
    await first.waitForFunction(() => ['Số 1 đường Mẫu', 'Giấy khai sinh'].every((words) => document.getElementById('draft-news').textContent.includes(words)));
    await shows(first, 'applicant-name', `Nguyễn Mẫu ${words}`);
    await shows(first, 'paper-1-name', 'Giấy khai sinh');
    await shows(second, 'applicant-phone', '0909000111');
    await shows(second, 'applicant-address', 'Số 1 đường Mẫu');
    await shot(`draft-behind-${words}`);

    // Two names typed apart: both are kept, with who and when, and nothing is registered meanwhile.
    await away();
    await first.fill('#applicant-name', `Trần Mẫu ${words}`);
    await typed(second, 'applicant-name', `Lê Mẫu ${words}`);
    await back();
    for (const tab of [first, second]) {
      const box = tab.locator('.choices[data-field="applicant-name"]');
      await box.waitFor();
      const said = await box.textContent();
      check(said.includes(`Trần Mẫu ${words}`) && said.includes(`Lê Mẫu ${words}`), `both values: ${said}`);
      check(/máy [0-9A-F]{4}, .*\d\d:\d\d/.test(said), `who and when: ${said}`);
    }
    await second.click('#save');
    await second.waitForSelector('#register-errors:not([hidden])');
    check((await second.textContent('#code')).trim() === '', 'registered although somebody has to choose');
    await second.setViewportSize({ width: 1280, height: 900 });
    if (words === 'hai thẻ') await look('draft-choice');
    await second.locator('.choices[data-field="applicant-name"] button', { hasText: `Lê Mẫu ${words}` }).click();
    for (const tab of [first, second]) {
      await shows(tab, 'applicant-name', `Lê Mẫu ${words}`);
      await tab.waitForFunction(() => !document.querySelector('.choices'));
    }

    const code = await register(second);
    // Typed after that: the code is shown, and what was typed is offered.
    await first.fill('#applicant-phone', '0909000222');
    await first.waitForFunction((text) => document.getElementById('draft-code')?.textContent === text, code);
    await first.waitForFunction(() => document.getElementById('draft-late')?.textContent.includes('0909000222'));
    check(!(await first.isVisible('#save')), 'a second registration is offered');
    if (words === 'hai thẻ') await look('draft-late');
    await first.click('#draft-offer');
    await first.waitForFunction(() => document.getElementById('history').textContent.includes('0909000222'));
    console.log(`draft Lê Mẫu ${words} ${code}`);
  };

  // Two tabs of one PC. The one that is behind has no timer that runs: it lies in the background.
  const one = await pc();
  const [first, second] = [page, await page.context().newPage()];
  second.setDefaultTimeout(60_000);
  await story(first, second, 'hai thẻ', { away: async () => {}, back: async () => {} });

  // Two PCs, the first offline for five minutes.
  const [far, near] = [await one.tab(), await (await pc()).tab()];
  await far.clock.install();
  await story(far, near, 'hai máy', {
    away: () => one.context.setOffline(true),
    back: async () => {
      await far.waitForSelector('#draft-box[data-state="unreachable"]');
      await far.clock.fastForward('05:00');
      await one.context.setOffline(false);
    },
  });

  // The machine is killed in the middle of it.
  const address = await begin(near);
  await typed(near, 'applicant-name', 'Phạm Mẫu bị cắt');
  await ask('node kill');
  await near.fill('#applicant-address', 'gõ khi máy tắt');
  await near.waitForSelector('#draft-box[data-state="unreachable"]');
  await ask('node start');
  await saved(near);
  // What cannot be shown yet is not taken for emptied.
  const other = await (await pc()).tab();
  let come;
  const late = new Promise((done) => { come = done; });
  await other.route('**/api/v1/procedures', async (route) => { await late; await route.continue(); });
  const looked = () => other.waitForResponse((response) => response.url().includes('/api/v1/drafts/'));
  await other.goto(address);
  await shows(other, 'applicant-name', 'Phạm Mẫu bị cắt');
  await looked();
  await looked();
  come();
  await shows(other, 'procedure', '1.001193');
  await shows(other, 'applicant-address', 'gõ khi máy tắt');
  // A colleague finds it by its name, discards it by mistake, and takes it back.
  const colleague = await (await pc()).tab();
  await colleague.goto(`${page_url}/#/register`);
  await colleague.click('#drafts summary');
  const waiting = colleague.locator('#drafts-list li', { hasText: 'Phạm Mẫu bị cắt' });
  await waiting.locator('button').click();
  await other.waitForSelector('#draft-box[data-state="gone"]');
  await colleague.click('#draft-undo');
  await shows(colleague, 'applicant-name', 'Phạm Mẫu bị cắt');
  await saved(other);
  console.log(`draft Phạm Mẫu bị cắt ${await register(colleague)}`);
});
