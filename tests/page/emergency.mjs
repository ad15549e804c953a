// Drives codes on paper: a block is drawn and printed, a slip entered without a mouse, the others said to be unused when
// the day is over and the lists say so.
//
// usage: node emergency.mjs PAGE SCREENSHOT_DIR
import { ask, drive } from './common.mjs';

const [page_url, shots] = process.argv.slice(2);
const HOSTILE = `<img src=x onerror="alert(1)"> '"&`;

await drive(page_url, shots, async ({ page, look, says }) => {
  page.on('dialog', () => { throw new Error('markup was run'); });
  await page.goto(page_url);
  await page.fill('#clerk', 'Lê Thị Mẫu');
  await page.press('#clerk', 'Tab');
  await page.click('#sync-more summary');
  await page.click('#nav-emergency');
  await says('em-blocks', 'chưa lấy khối mã nào');
  await look('emergency-empty');
  await page.fill('#em-count', '51');
  await page.press('#em-count', 'Enter');
  await says('em-count-error', 'từ 1 đến 50');
  await page.fill('#em-count', '4');
  await page.press('#em-count', 'Enter');
  await says('em-said', 'Đã lấy 4 mã');
  await page.keyboard.press('Enter'); // the focus is on printing
  await page.waitForSelector('.em-sheet-open');
  await look('emergency-drawn');
  const sheet = await page.getAttribute('.em-sheet-open', 'href');
  const code = await page.getAttribute('li[data-fate="open"]', 'data-code');
  const html = await page.evaluate((url) => fetch(url).then((answer) => answer.text()), sheet);
  if (!html.includes(code)) throw new Error('the code is not on the sheet');
  await ask('later');

  await page.fill('#em-scan', code);
  await page.press('#em-scan', 'Enter');
  await says('em-form-title', code);
  const day = (await page.inputValue('#em-received')).trim();
  await page.fill('#em-by', '');
  await page.focus('#em-save');
  await page.keyboard.press('Enter');
  await says('em-received-error', 'Ghi giờ nhận');
  await says('em-by-error', 'người nhận');
  await says('em-name-error', 'tên');
  await look('emergency-errors');
  await page.fill('#em-received', `${day} 09:00`);
  await page.fill('#em-by', HOSTILE);
  await page.selectOption('#em-procedure', '1.004222');
  await page.fill('#em-name', 'Nguyễn Văn Giấy');
  await page.press('#em-name', 'Enter');
  await says('em-problem', 'trước lúc lấy khối mã');
  await page.fill('#em-received', `${day} 12:30`);
  await page.press('#em-received', 'Tab');
  await says('em-promise', 'Hẹn trả');
  await page.fill('#em-paper-0-name', 'Tờ khai');
  await page.click('#em-paper-add');
  await page.fill('#em-paper-1-name', HOSTILE);
  await look('emergency-slip');
  // A reload loses nothing of it.
  await page.reload();
  await says('em-form-title', code);
  for (const [field, value] of [['em-received', `${day} 12:30`], ['em-by', HOSTILE], ['em-name', 'Nguyễn Văn Giấy'], ['em-procedure', '1.004222'], ['em-paper-0-name', 'Tờ khai'], ['em-paper-1-name', HOSTILE]]) {
    if ((await page.inputValue(`#${field}`)) !== value) throw new Error(`${field} was lost: ${await page.inputValue(`#${field}`)}`);
  }
  await says('em-promise', 'Hẹn trả');
  await page.press('#em-name', 'Enter');
  await says('em-said', 'Đã lưu hồ sơ');
  await says(`[data-code="${code}"]`, 'nhận trên giấy');
  await page.waitForSelector(`li[data-code="${code}"][data-fate="entered"]`);
  await page.reload();
  await says('em-blocks', 'nhận trên giấy');
  if (await page.isVisible('#em-form')) throw new Error('a slip that was entered is offered again');
  await page.fill('#em-scan', code);
  await page.press('#em-scan', 'Enter');
  await says('em-scan-error', 'đã được Lê Thị Mẫu nhập');
  await page.click(`li[data-code="${code}"] a`);
  await says('history', HOSTILE);
  await says('history', 'đã nhận trên giấy lúc 12:30');

  await ask('tomorrow');
  await page.goto(`${page_url}/#/`);
  await page.reload();
  await says('paper-banner', '3 mã dự phòng');
  await look('emergency-banner');
  await page.click('#paper-open');
  await says('em-blocks', '3 mã chưa xử lý, đã qua ngày');
  const form = page.locator('form.em-unused');
  await form.locator('button[type="submit"]').click();
  await says('em-blocks', 'Chọn ít nhất một mã');
  await form.locator('button[type="button"]').click();
  await form.locator('input').fill('máy chạy lại');
  await form.locator('input').press('Enter');
  await says('em-said', 'Đã ghi 3 mã không dùng');
  await says('em-blocks', 'không dùng: máy chạy lại');
  await look('emergency-settled');
  await page.goto(`${page_url}/#/`);
  await page.waitForSelector('#paper-banner', { state: 'hidden' });
});
