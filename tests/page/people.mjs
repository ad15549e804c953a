// Drives accounts: the first one with the set-up code, a clerk's, the lock by hand and by itself, another
// person, and that what was typed is there behind the lock.
//
// usage: node people.mjs PAGE SCREENSHOT_DIR
import { ask, drive } from './common.mjs';

const [page_url, shots] = process.argv.slice(2);
const [CLERK, PASSWORD] = ['Nguyễn Thị Mẫu An', 'năm sáu bảy tám'];

await drive(page_url, shots, async ({ page, look, says }) => {

  // An office without accounts works, and says calmly that it is open.
  await page.goto(page_url);
  await page.waitForSelector('#clerk');
  await page.click('#nav-people');
  await says('open-office', 'chưa có tài khoản');
  await look('people-open');
  await page.click('#first-send');
  await says('first-code-error', 'Không được để trống');
  for (const [field, value] of [['code', '1'], ['name', 'Phạm Thị Mẫu Hạnh'], ['login', 'lanhdao'], ['password', 'một hai ba bốn']]) {
    await page.fill(`#first-${field}`, value);
  }
  await page.click('#first-send');
  await says('first-code-error', 'Mã thiết lập không đúng');
  await page.fill('#first-code', await ask('code'));
  await page.click('#first-send');
  await says('who-name', 'Phạm Thị Mẫu Hạnh');
  await says('account-rows', 'Phạm Thị Mẫu Hạnh');
  if (await page.isVisible('#clerk')) throw new Error('a name can still be typed');

  await page.fill('#account-name', CLERK);
  await page.fill('#account-login', 'an');
  await page.click('#account-send');
  await page.waitForSelector('#sheet:not([hidden])');
  const given = await page.textContent('#sheet-lines div:nth-child(2) dd');
  await look('people-sheet');
  await page.click('#sheet-close');
  if ((await page.content()).includes(given)) throw new Error('the password is still on the page');
  await page.click('#account-rows li:nth-child(2) [data-act="recovery"]');
  await says('sheet-lines', '-');
  const sheet = await page.locator('#sheet-lines dd').allTextContents();
  if (sheet.length !== 10) throw new Error(`${sheet.length} recovery codes`);
  await page.emulateMedia({ media: 'print' });
  if (await page.isVisible('#account-rows')) throw new Error('more than the codes is printed');
  await page.emulateMedia({ media: 'screen' });
  await page.click('#sheet-close');
  await look('people-admin');

  await page.click('#door-panel summary');
  await says('door-lines', 'đăng nhập');

  // Locked by hand: nothing is reached behind it, and another person begins afresh.
  await page.click('#who-lock');
  await page.waitForSelector('#lock[open]');
  await page.keyboard.press('Escape');
  await page.keyboard.press('F2');
  if (!(await page.isVisible('#lock')) || (await page.isVisible('#people-title'))) throw new Error('the lock does not cover the page');
  await look('people-lock');
  await page.click('#unlock-other');
  await page.fill('#log-in-login', 'an');
  await page.fill('#log-in-password', 'sai mật khẩu');
  await page.click('#log-in-send');
  await says('lock-said', 'không đúng');
  await page.fill('#log-in-password', given);
  await page.click('#log-in-send');
  await page.waitForSelector('#change-form:not([hidden])');
  await page.fill('#change-old', given);
  await page.fill('#change-new', PASSWORD);
  await page.fill('#change-again', PASSWORD);
  await look('people-change');
  await page.click('#change-send');
  await says('who-name', CLERK);
  await page.waitForSelector('#lock', { state: 'hidden' });
  if (await page.isVisible('#nav-people')) throw new Error('a clerk is shown what only the head may');

  // The session ends by itself while she types: what was typed stays, and goes on behind the password.
  await page.click('#nav-register');
  await page.waitForFunction(() => document.getElementById('procedure').options.length > 1);
  await page.selectOption('#procedure', { index: 1 });
  await page.fill('#applicant-name', 'Trần Văn Mẫu Bình');
  await page.evaluate(() => fetch('/api/v1/session', { method: 'DELETE' }));
  await page.fill('#applicant-phone', '0900000001');
  await page.waitForSelector('#lock[open]');
  await says('unlock-who', CLERK);
  await page.fill('#unlock-password', PASSWORD);
  await page.press('#unlock-password', 'Enter');
  await page.waitForSelector('#lock', { state: 'hidden' });
  for (const [field, value] of [['applicant-name', 'Trần Văn Mẫu Bình'], ['applicant-phone', '0900000001']]) {
    if ((await page.inputValue(`#${field}`)) !== value) throw new Error(`${field} was lost behind the lock`);
  }
  await page.press('#applicant-phone', 'F9');
  await page.waitForSelector('#saved-panel:not([hidden])');
  const href = await page.getAttribute('#saved-open', 'href');
  console.log(`done ${decodeURIComponent(href.replace('#/d/', ''))}`);
});
