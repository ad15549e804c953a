// Drives the working lists at the office that was sent a dossier: empty lists say so, the counter of what
// is to be accepted leads to it, and taken over it goes on to the next list.
//
// usage: node lists.mjs PAGE DOSSIER_ID SCREENSHOT_DIR
import { drive } from './common.mjs';

const [page_url, id, shots] = process.argv.slice(2);

await drive(page_url, shots, async ({ page, look, says }) => {
  const row = page.locator(`#dossier-rows tr[data-id="${id}"]`);

  await page.goto(page_url);
  await page.fill('#clerk', 'Trần Thị Mẫu');
  await page.press('#clerk', 'Tab');
  await says('tab-overdue', '0');
  await page.click('#tab-overdue');
  await says('list-count', 'Không có hồ sơ nào quá hạn');
  await look('list-empty');

  await says('tab-to_accept', '1');
  await page.click('#tab-to_accept');
  await row.waitFor();
  await says('dossier-rows', 'Tiếp nhận trước');
  await look('list-to-accept');

  await row.locator('a').click();
  await says('filed', 'Chờ tiếp nhận');
  await page.click('#take');
  await says('filed', 'Đang xử lý');
  await says('filed', 'Trần Thị Mẫu');
  await page.goto(`${page_url}/#/l/in_work`);
  await row.waitFor();
  await page.check('#mine');
  await row.waitFor();
  await page.fill('#clerk', 'Ai khác');
  await page.press('#clerk', 'Tab');
  await page.uncheck('#mine');
  await page.check('#mine');
  await row.waitFor({ state: 'detached' });
  await page.uncheck('#mine');
  await row.waitFor();
  await look('list-in-work');

  // A search looks through all lists, and says in which one a dossier is.
  await page.click('#tab-closed');
  await says('list-count', 'Chưa có hồ sơ nào kết thúc');
  await page.fill('#search', 'Mẫu');
  await row.waitFor();
  await says('dossier-rows', 'Đang xử lý, từ');
  await page.waitForSelector('#tab-all[aria-current]');
});
