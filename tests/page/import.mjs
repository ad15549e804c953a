// Drives the page that takes in an old list: looked at, proposals accepted one by one and for all rows, taken,
// taken again without doubling anything, and a file in an old encoding shown in more than one reading.
//
// usage: node import.mjs PAGE NUMBERS_CSV OLD_CSV SCREENSHOT_DIR
import { drive } from './common.mjs';

const [page_url, numbers, old, shots] = process.argv.slice(2);

await drive(page_url, shots, async ({ page, look, says, press }) => {
  const row = (number) => page.locator(`#import-rows tr[data-row="${number}"]`);
  const verdict = (number, word) => page.locator(`#import-rows tr[data-row="${number}"][data-verdict="${word}"]`).waitFor();
  const send = async (file) => {
    await page.setInputFiles('#import-file', file);
    await page.click('#import-send');
  };

  await page.goto(page_url);
  await page.fill('#clerk', 'Nguyễn Mẫu An');
  await page.press('#clerk', 'Tab');
  await page.click('#moving summary');
  await page.click('#moving-in');
  await page.waitForSelector('#import-title');
  await page.click('#import-send');
  await says('import-problem', 'Hãy chọn một tệp');

  await send(numbers);
  await says('import-status', '13 dòng: nhập 7');
  await says('import-begin', 'Nhập 7 dòng');
  await verdict(3, 'stopped');
  await verdict(10, 'stopped');
  await look('import-seen');

  // One cell after the other, without a mouse: the row is taken, and leaves this list, when nothing stops it any more.
  const focused = (words) => page.waitForFunction((wanted) => document.activeElement.matches(wanted), words);
  await row(3).locator('input[data-accept="3:id_number"]').press('Space');
  await says('import-status', '13 dòng');
  await focused('[data-accept="3:id_number"]:checked');
  await row(3).locator('input[data-accept="3:phone"]').press('Space');
  await says('import-begin', 'Nhập 8 dòng');
  await row(3).waitFor({ state: 'detached' });
  await focused('#import-rows [data-accept], #import-tabs button');
  // A kind for all rows, and taken back.
  const kind = page.locator('#import-kinds input[data-accept]').first();
  const word = await kind.getAttribute('data-accept');
  await kind.check();
  await says('import-begin', 'Nhập 9 dòng');
  await page.locator(`#import-kinds input[data-accept="${word}"]`).uncheck();
  await says('import-begin', 'Nhập 8 dòng');

  // Another column for a field, and back to what was found out.
  await page.click('#import-how summary');
  await page.selectOption('#import-column-phone', '');
  await says('import-status', '13 dòng');
  await page.waitForFunction(() => !document.getElementById('import-rows').textContent.includes('Điện thoại'));
  await look('import-columns');
  await page.selectOption('#import-column-phone', 'E');
  await says('import-begin', 'Nhập 8 dòng');

  page.on('dialog', (dialog) => dialog.accept());
  await page.click('#import-begin');
  await says('import-run-line', 'Đã lưu 8 hồ sơ; 0 dòng bị từ chối');
  await says('import-status', 'đã có 8');
  await says('import-begin', 'Nhập 0 dòng');
  await page.waitForFunction(() => document.getElementById('import-begin').disabled);
  await page.click('#import-tabs [data-verdict="known"]');
  await verdict(3, 'known');

  await send(old);
  await says('import-readings', 'tcvn3');
  await says('import-readings', 'Nguyễn Văn Mẫu');
  await look('import-old');
});
