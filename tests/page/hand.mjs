// Drives hand-over lists: one is made of what was scanned; at the other office one is taken by what was scanned.
//
// usage: node hand.mjs PAGE DOSSIER_ID OTHER_PAGE NUMBER CODE SCREENSHOT_DIR
import { drive } from './common.mjs';

const [page_url, id, other_url, number, code, shots] = process.argv.slice(2);

await drive(page_url, shots, async ({ page, look, says }) => {
  await page.goto(`${page_url}/#/hand`);
  await page.fill('#clerk', 'Lê Thị Mẫu');
  await page.press('#clerk', 'Tab');
  await page.click('#hand-send');
  await says('hand-to-error', 'Chọn nơi nhận');
  await page.fill('#hand-scan', '12345');
  await page.press('#hand-scan', 'Enter');
  await says('hand-scan-error', '12345');
  await page.fill('#hand-scan', `${id} ${id}`);
  await page.press('#hand-scan', 'Enter');
  await page.waitForSelector(`#hand-rows li[data-id="${id}"]`);
  await says('hand-count', '1 hồ sơ');
  await page.fill('#hand-person', 'Trần Văn Mẫu');
  await look('hand-scanned');
  await page.click('#hand-send');
  await says('hand-done', 'Đã giao 1 hồ sơ');
  await page.waitForSelector('#hand-sheet');
});

await drive(other_url, shots, async ({ page, look, says }) => {
  await page.goto(`${other_url}/#/hand`);
  await page.fill('#take-number', number);
  await page.press('#take-number', 'Enter');
  await says('take-count', 'Đã quét 0/1');
  await page.fill('#take-scan', code);
  await page.press('#take-scan', 'Enter');
  await says('take-count', 'Đã quét 1/1');
  await look('hand-taking');
  await page.click('#take-all');
  await says('take-done', 'Đã nhận 1 hồ sơ');
});
