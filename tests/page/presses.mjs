// Registers as impatient hands do: a double click, Enter held down, a scanner that ends with Enter and
// reads once more, each while the node's answer is three seconds late. Prints the code that the page
// showed after each. Ends with exit code 0 only if everything was seen.
//
// usage: node presses.mjs PAGE SCREENSHOT_DIR
import { drive } from './common.mjs';

const LATE_MS = 3000;
const [page_url, shots] = process.argv.slice(2);

await drive(page_url, shots, async ({ page, shot }) => {
  // The node does its work at once; only its answer is late.
  let late = null;
  await page.route('**/api/v1/dossiers', async (route) => {
    if (route.request().method() !== 'POST') return route.continue();
    const answer = await route.fetch();
    late = new Promise((done) => setTimeout(done, LATE_MS));
    await late;
    return route.fulfill({ response: answer });
  });
  const form = async (name) => {
    await page.goto(`${page_url}/#/register`);
    if (await page.isVisible('#saved-next')) await page.click('#saved-next');
    await page.waitForSelector('#procedure option[value="1.001193"]', { state: 'attached' });
    await page.selectOption('#procedure', '1.001193');
    await page.fill('#applicant-name', name);
  };
  const saved = async () => {
    await page.waitForFunction(() => /-\d{6}-\d{4}$/.test(document.getElementById('code').textContent.trim()));
    return (await page.textContent('#code')).trim();
  };

  await form('Bấm Đúp Mẫu');
  await page.dblclick('#save');
  await page.waitForFunction(() => document.getElementById('save').disabled);
  await shot('saving');
  console.log(`code ${await saved()}`);

  await form('Giữ Phím Mẫu');
  await page.focus('#applicant-phone');
  await page.keyboard.down('Enter');
  // Held through the answer and after it: twenty times a second, as keyboards repeat.
  const held = setInterval(() => page.keyboard.down('Enter').catch(() => {}), 50);
  const code = await saved();
  await page.waitForTimeout(1000);
  clearInterval(held);
  await page.keyboard.up('Enter');
  if (await saved() !== code) throw new Error('a held Enter opened another form');
  console.log(`code ${code}`);

  await form('Máy Quét Mẫu');
  await page.focus('#applicant-id');
  await page.keyboard.type('079185001235\n');
  await page.keyboard.type('079185001235\n');
  console.log(`code ${await saved()}`);
});
