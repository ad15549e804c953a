// Drives the hub's console like an operator: log in, look, lose the session, come back, log out.
// Prints "operator" to have the test give the operator a new password, and goes on when it comes.
//
// usage: node console.mjs PAGE NAME SCREENSHOT_DIR
import { ask, drive } from './common.mjs';

const [page_url, name, shots] = process.argv.slice(2);

await drive(page_url, shots, async ({ page, shot, look }) => {
  const said = (id, words) =>
    page.waitForFunction(([at, text]) => document.getElementById(at).textContent.includes(text), [id, words]);
  const logIn = async (password) => {
    await page.fill('#login-name', name);
    await page.fill('#login-password', password);
    await page.click('#login-send');
  };

  const asked = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  await page.goto(page_url);
  await page.waitForSelector('#login:not([hidden])');
  await look('log-in');
  const early = asked.filter((path) => path.startsWith('/api/') && path !== '/api/v1/session');
  if (early.length > 0) throw new Error(`asked before anybody logged in: ${early}`);

  await page.click('#login-send');
  await said('login-said', 'Hãy nhập tên và mật khẩu');
  await logIn('0000');
  await said('login-said', 'Tên hoặc mật khẩu không đúng');
  await shot('log-in-wrong');

  await logIn(await ask('operator'));
  await page.waitForSelector('#hub-box[data-state="connected"]');
  await page.waitForSelector('#office-rows tr[data-link="connected"]');
  await said('operator-name', name);
  await look('console');
  await page.reload();
  await page.waitForSelector('#office-rows tr[data-link="connected"]');

  // A new password ends the session: what was on the screen goes.
  const password = await ask('operator');
  await said('login-said', 'Phiên làm việc đã hết');
  if (await page.locator('#office-rows tr').count() > 0) throw new Error('offices are left on the screen');
  if ((await page.textContent('#hub-facts')) !== '') throw new Error('figures are left on the screen');
  await logIn(password);
  await page.waitForSelector('#office-rows tr[data-link="connected"]');

  await page.click('#logout');
  await said('login-said', 'Đã đăng xuất');
  await page.reload();
  await page.waitForSelector('#login:not([hidden])');
});
