// Drives the clerk's page like a clerk: register, forward, move, and watch the line at the top while
// the hub is stopped and started. Speaks with the test that started it: prints "hub stop" or "hub start",
// and goes on when a line comes back. Ends with exit code 0 only if everything was seen.
//
// usage: node drive.mjs PAGE OFFICE_ID SCREENSHOT_DIR
import { chromium } from 'playwright-core';
import { createInterface } from 'node:readline';
import { mkdirSync } from 'node:fs';

const [page_url, office, shots] = process.argv.slice(2);
mkdirSync(shots, { recursive: true });

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
async function ask(what) {
  console.log(what);
  await answers.next();
}

// A node that was refused for a while waits up to a minute before it tries its hub again.
const PATIENCE = 100_000;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  page.setDefaultTimeout(PATIENCE);
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  // The page works in an office without internet: it asks nobody but its node.
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(page_url) && !url.startsWith('data:')) complaints.push(`asked ${url}`);
  });
  const line = (words) =>
    page.waitForFunction(
      (text) => document.getElementById('sync-line').textContent.includes(text),
      words,
    );
  const state = (name) => page.waitForSelector(`#sync-box[data-state="${name}"]`);
  const shot = (name) => page.screenshot({ path: `${shots}/${name}.png`, fullPage: true });

  const register = async (name) => {
    await page.goto(`${page_url}/#/register`);
    // A fresh form: after a registration the page shows its code instead.
    await page.reload();
    await page.waitForSelector('#procedure option[value="1.001193"]', { state: 'attached' });
    await page.selectOption('#procedure', '1.001193');
    await page.fill('#applicant-name', name);
    await page.fill('#applicant-id', '079185001235');
    await page.fill('#applicant-phone', '0909000111');
    await page.fill('#applicant-address', 'Số 1 đường Mẫu');
    await page.fill('#request', 'Đăng ký khai sinh cho con');
    await page.click('#save');
    await page.waitForFunction(() => /-\d{6}-\d{4}$/.test(document.getElementById('code').textContent.trim()));
    return (await page.textContent('#code')).trim();
  };

  const code = await register('Nguyễn Thị Mẫu');
  await line('Hub đã nhận tất cả');
  await state('ok');
  await shot('registered');

  await page.goto(`${page_url}/#/`);
  const row = page.locator('#dossier-rows tr', { hasText: code });
  await row.waitFor();
  const id = await row.getAttribute('data-id');
  await shot('list');

  await page.goto(`${page_url}/#/d/${id}`);
  await page.waitForSelector(`#forward-office option[value="${office}"]`, { state: 'attached' });
  await page.selectOption('#forward-office', office);
  await page.click('#forward-send');
  await page.waitForFunction(() => document.getElementById('history').textContent.includes('liên thông'));
  await page.click('#move-4');
  await page.waitForFunction(() => document.getElementById('history').textContent.includes('Đang xử lý'));
  await shot('dossier');

  await ask('hub stop');
  const second = await register('Trần Văn Mẫu');
  await line('Đã lưu tại đây 1 hồ sơ chưa gửi');
  await shot('offline');
  await ask('hub start');
  await line('Hub đã nhận tất cả');
  await state('ok');

  await page.click('#lang');
  await line('The hub had everything');
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(`${page_url}/#/`);
  await page.locator('#dossier-rows tr', { hasText: second }).waitFor();
  await shot('phone');

  if (complaints.length > 0) throw new Error(`errors on the page: ${complaints.join('; ')}`);
  console.log(`done ${id}`);
} finally {
  await browser.close();
  // An open standard input would keep this process alive.
  process.stdin.destroy();
}
