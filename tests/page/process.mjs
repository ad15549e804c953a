// Drives hand-overs inside an office: given to the next step's section, not taken with a reason, given again,
// taken; the list of what is one's own follows.
//
// usage: node process.mjs PAGE DOSSIER_ID SCREENSHOT_DIR
import { drive } from './common.mjs';

const [page_url, id, shots] = process.argv.slice(2);

await drive(page_url, shots, async ({ page, look, says, press }) => {
  const as = async (name) => {
    await page.fill('#clerk', name);
    await page.press('#clerk', 'Tab');
  };
  const row = page.locator(`#dossier-rows tr[data-id="${id}"]`);

  await page.goto(`${page_url}/#/d/${id}`);
  await as('Lê Thị Mẫu');
  await says('turns', 'bước 1/4');
  await says('pass-section-hint', 'Bước tiếp theo: 2, Tư pháp - Hộ tịch');
  if (await page.inputValue('#pass-section') !== 'tu-phap') throw new Error('the next section is not chosen');
  await page.selectOption('#pass-section', '');
  await press('pass-send');
  await says('pass-section-error', 'Chọn bộ phận hoặc ghi người nhận');
  await page.selectOption('#pass-section', 'tu-phap');
  await page.fill('#pass-person', 'Trần Văn Mẫu');
  await press('pass-send');
  await says('turns', 'Chưa ai nhận');
  await says('turns', '14 giờ làm việc');
  await says('filed', 'Tư pháp - Hộ tịch');
  await says('filed', 'Chưa ai nhận');
  await look('given');

  await as('Trần Văn Mẫu');
  await press('pass-refuse');
  await says('pass-answer-error', 'Ghi lý do không nhận');
  await page.fill('#pass-answer', 'Thiếu tờ khai gốc');
  await press('pass-refuse');
  await says('turns', 'Thiếu tờ khai gốc');
  await page.waitForSelector('#pass-take-box', { state: 'hidden' });
  await says('filed', 'Lê Thị Mẫu');

  await as('Lê Thị Mẫu');
  await page.selectOption('#pass-section', 'tu-phap');
  await page.fill('#pass-person', 'Trần Văn Mẫu');
  await press('pass-send');
  await page.waitForSelector('#pass-take-box', { state: 'visible' });
  await as('Trần Văn Mẫu');
  await press('pass-take');
  await says('turns', 'người nhận Trần Văn Mẫu');
  await says('history', 'Giao nội bộ cho Trần Văn Mẫu, Tư pháp - Hộ tịch');
  await look('taken');

  await page.goto(`${page_url}/#/l/in_work`);
  await page.check('#mine');
  await row.waitFor();
  await as('Lê Thị Mẫu');
  await page.uncheck('#mine');
  await page.check('#mine');
  await row.waitFor({ state: 'detached' });
});
