// Drives the clerk's page like a clerk: register, forward, move, and watch the line at the top while
// the hub is stopped and started. Speaks with the test that started it: prints "hub stop" or "hub start",
// and goes on when a line comes back. Ends with exit code 0 only if everything was seen.
//
// usage: node drive.mjs PAGE OFFICE_ID SCREENSHOT_DIR
import { ask, drive } from './common.mjs';

const [page_url, office, shots] = process.argv.slice(2);

await drive(page_url, shots, async ({ page, shot, look }) => {
  const line = (words) =>
    page.waitForFunction(
      (text) => document.getElementById('sync-line').textContent.includes(text),
      words,
    );
  const state = (name) => page.waitForSelector(`#sync-box[data-state="${name}"]`);

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
  await look('registered');

  await page.goto(`${page_url}/#/`);
  const row = page.locator('#dossier-rows tr', { hasText: code });
  await row.waitFor();
  const id = await row.getAttribute('data-id');
  await look('list');

  await page.goto(`${page_url}/#/d/${id}`);
  await page.waitForSelector(`#forward-office option[value="${office}"]`, { state: 'attached' });
  await page.selectOption('#forward-office', office);
  await page.click('#forward-send');
  await page.waitForFunction(() => document.getElementById('history').textContent.includes('liên thông'));
  await page.click('#move-4');
  await page.waitForFunction(() => document.getElementById('history').textContent.includes('Đang xử lý'));
  // A second press of a double click must not meet the next button: they rest a moment.
  await page.waitForSelector('#moves button:enabled');
  await look('dossier');

  await ask('hub stop');
  const second = await register('Trần Văn Mẫu');
  await line('Đã lưu tại đây 1 hồ sơ chưa gửi');
  await shot('offline');
  await ask('hub start');
  await line('Hub đã nhận tất cả');
  await state('ok');

  await page.click('#lang');
  await line('The hub had everything');
  await page.goto(`${page_url}/#/`);
  await page.locator('#dossier-rows tr', { hasText: second }).waitFor();
  await page.click('#lang');
  await page.click('#sync-more summary');
  await look('details');
  await page.click('#sync-more summary');
  await page.goto(`${page_url}/#/register`);
  await page.reload();
  await page.click('#save');
  await page.waitForSelector('#register-errors:not([hidden])');
  await look('register');

  console.log(`done ${id}`);
});
