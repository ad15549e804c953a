// Drives money at the counter without a mouse: a fee taken with the registration, another paid on the dossier with
// two keys, part of it given back, what is due changed, a receipt looked at, and the day's cash counted.
//
// usage: node money.mjs PAGE DOSSIER_ID SCREENSHOT_DIR
import { drive } from './common.mjs';

const [page_url, id, shots] = process.argv.slice(2);
const HOSTILE = `<img src=x onerror="alert(1)"> '"&`;

await drive(page_url, shots, async ({ page, look, says, press }) => {
  page.on('dialog', () => { throw new Error('markup was run'); });
  const key = (name) => page.keyboard.press(name);
  const focus = (box) => page.focus(`#${box}`);

  // With the registration, by keys alone.
  await page.goto(`${page_url}/`);
  await key('F2');
  await page.waitForSelector('#procedure option[value="2.000884"]', { state: 'attached' });
  await page.selectOption('#procedure', '2.000884');
  await says('fee-table', '10.000 ₫');
  await focus('applicant-name');
  await page.keyboard.type('Nguyễn Văn Mẫu');
  await focus('fee');
  await page.keyboard.type('10000');
  await key('Tab');
  await key('Space');
  await look('money-register');
  await focus('fee');
  await key('F9');
  await says('saved-money', 'Đã thu 10.000 ₫, biên nhận BL');
  await look('money-saved');

  // On the dossier: F7, Enter.
  await page.goto(`${page_url}/#/d/${id}`);
  await says('money-state', 'Chưa thu');
  await key('F7');
  await page.keyboard.type('60000');
  await key('Enter');
  await says('pay-amount-error', 'Nhiều hơn số còn phải thu 50.000 ₫');
  await page.click('#pay-form summary');
  await page.fill('#pay-payer', HOSTILE);
  await page.fill('#pay-amount', '20.000');
  await press('pay-send');
  await says('money-state', 'còn nợ');
  await says('money-receipts', HOSTILE);
  await page.waitForSelector('#pay-send:enabled');
  await key('F7');
  await key('Enter');
  await says('money-state', 'Đã thu đủ');
  await says('history', 'Đã thu 30.000 ₫');

  // What is due, with a reduction.
  await page.click('#demand-panel summary');
  await page.waitForSelector('#demand-rows select');
  await page.selectOption('#demand-rows select', 'poor');
  await look('money-demand');
  await press('demand-send');
  await says('money-state', 'Phải hoàn');
  await page.click('#give-panel summary');
  await press('give-send');
  await says('give-note-error', 'lý do');
  await page.fill('#give-note', HOSTILE);
  await page.fill('#give-amount', '20.001');
  await press('give-send');
  await says('give-amount-error', 'còn lại');
  await page.fill('#give-amount', '');
  await look('money-give');
  await press('give-send');
  await says('money-receipts', HOSTILE);
  await says('money-sums', 'Đã hoàn');

  // The receipt as it would be printed.
  const receipt = await page.getAttribute('#money-receipts [data-receipt]', 'data-receipt');
  for (const paper of ['a5', '80']) {
    await page.goto(`${page_url}/api/v1/dossiers/${id}/forms/payment?receipt=${receipt}&paper=${paper}`);
    await page.waitForFunction(() => document.body.textContent.includes('Hai mươi nghìn đồng'));
    await page.evaluate(() => document.fonts.ready);
    await page.screenshot({ path: `${shots}/money-receipt-${paper}.png`, fullPage: true });
  }

  // The day's cash.
  await page.goto(`${page_url}/#/cash`);
  await says('cash-ways', 'Tiền mặt');
  await says('cash-movements', HOSTILE);
  const today = await page.inputValue('#cash-day');
  if (!/^\d\d\/\d\d\/\d{4}$/.test(today)) throw new Error(`a day is written day first: ${today}`);
  await page.fill('#cash-day', '31/02/2026');
  await page.press('#cash-day', 'Tab');
  await says('cash-day-error', 'ngày/tháng/năm');
  await page.fill('#cash-day', today);
  await page.press('#cash-day', 'Tab');
  await page.waitForSelector('#cash-day-error', { state: 'hidden' });
  await page.click('#money-list-refund_owed');
  await page.waitForSelector(`#money-dossiers li[data-id="${id}"]`);
  await focus('count-float');
  await page.keyboard.type('500000');
  await page.fill('#count-500000', '1');
  await page.fill('#count-20000', '1');
  await says('count-difference', 'Thiếu 20.000 ₫');
  await look('money-cash');
  await press('count-again');
  await says('count-note-error', 'lý do');
  await page.fill('#count-note', HOSTILE);
  await press('count-again');
  await says('cash-counts', HOSTILE);
  await says('count-said', 'Đã ghi biên bản');
  await says('count-again', 'Kiểm lại');
  await look('money-counted');
});
