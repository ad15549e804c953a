// Drives the clerk's page through the pause of a weekend: asked for on a Friday afternoon, received on
// Monday morning. Has the test set the clocks ("clock friday 09:00", ...), and goes on when they stand.
//
// usage: node pauses.mjs PAGE DOSSIER_ID SCREENSHOT_DIR
import { ask, drive } from './common.mjs';

const [page_url, id, shots] = process.argv.slice(2);

await drive(page_url, shots, async ({ page, look, says, press }) => {
  await ask('clock friday 16:00');
  await page.goto(`${page_url}/#/d/${id}`);
  await press('move-5');
  await says('move-note-error', 'Nhập lý do');
  await page.fill('#move-note', 'Thiếu giấy chứng sinh');
  await page.click('#move-more summary');
  await page.fill('#happened', '30/02/2026 16:00');
  await press('move-5');
  await says('happened-error', 'Ghi ngày/tháng/năm giờ:phút');
  await page.fill('#happened', '');
  await page.selectOption('#pause-model', 'stop_clock');
  await press('move-5');
  await says('due-dates', 'Tạm dừng từ');
  await says('pauses', 'Thiếu giấy chứng sinh');

  await ask('clock monday 08:00');
  await page.reload();
  await says('pauses', 'đến nay 1,5 giờ làm việc');
  await press('move-2');
  await says('due-dates', 'tính lại sau khi tạm dừng');
  await says('due-dates', 'Đã in, hẹn lần đầu');
  await says('pauses', ', 1,5 giờ làm việc');
  await look('pauses');
  await page.click('#lang');
  await says('pauses', ', 1.5 working hours');
  await page.click('#lang');
});
