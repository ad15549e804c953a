// Drives the settlement of a payment that was noted at two machines.
//
// usage: node money_settle.mjs PAGE DOSSIER_ID SCREENSHOT_DIR
import { drive } from './common.mjs';

const [page_url, id, shots] = process.argv.slice(2);

await drive(page_url, shots, async ({ page, look, says, press }) => {
  await page.goto(`${page_url}/#/d/${id}`);
  await says('money-state', 'mâu thuẫn');
  await says('dossier-conflicts', 'Tiền được ghi ở hai nơi');
  if (await page.$('#settle-rows input:checked')) throw new Error('something is chosen beforehand');
  await press('settle-send');
  await says('settle-rows-error', 'Hãy chọn cho từng việc');
  await page.check('#settle-0-keep');
  await page.check('#settle-1-drop');
  await press('settle-send');
  await says('settle-note-error', 'lý do');
  await look('money-settle');
  await page.fill('#settle-note', 'chỉ thu một lần');
  await press('settle-send');
  await says('money-state', 'Đã thu đủ');
  await page.waitForSelector('#money-receipts [data-standing="dropped"]');
  await look('money-settled');
});
