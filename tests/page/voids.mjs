// Drives two registrations of one person that are said to be one case, and one of them voided.
//
// usage: node voids.mjs PAGE WRONG_ID OTHER_ID OTHER_CODE SCREENSHOT_DIR
import { drive } from './common.mjs';

const [page_url, id, other, other_code, shots] = process.argv.slice(2);
const HOSTILE = `<img src=x onerror="alert(1)"> '"&`;

await drive(page_url, shots, async ({ page, look, says, press }) => {
  page.on('dialog', () => { throw new Error('markup was run'); });

  await page.goto(`${page_url}/#/d/${id}`);
  await says('#dossier-twins', other_code);
  await press('links-same');
  await says('#links-note-error', 'Ghi lý do');
  await page.fill('#links-code', 'H00-000000-0000');
  await page.fill('#links-note', HOSTILE);
  await press('links-same');
  await says('#links-code-error', 'không có hồ sơ khác');
  await page.fill('#links-code', other_code);
  await press('links-same');
  await says('#dossier-links', `Cùng một vụ việc với ${other_code}`);
  await says('#dossier-links', HOSTILE);
  await page.waitForSelector('#dossier-twins .twin', { state: 'detached' });
  await look('links');

  await page.click('#void-title');
  await press('void-send');
  await says('#void-note-error', 'Ghi lý do');
  await page.fill('#void-note', HOSTILE);
  await press('void-send');
  await says('#dossier-void', 'Đăng ký này đã hủy');
  await says('#dossier-void', HOSTILE);
  await says('#dossier-state', 'Đã hủy đăng ký');
  await says('#printings', 'phiếu này không còn giá trị');
  for (const box of ['correct-panel', 'forward-panel']) await page.waitForSelector(`#${box}`, { state: 'hidden' });
  await look('void');

  // The other one says so too, and that this one is void.
  await page.goto(`${page_url}/#/d/${other}`);
  await says('#dossier-links', 'Đã hủy đăng ký');
  await says('#dossier-links', HOSTILE);
  await page.fill('#links-note', 'hai người khác nhau');
  await page.fill('#links-code', (await page.textContent('#dossier-links .code')).trim());
  await press('links-apart');
  await says('#dossier-links', 'Đã xác định không cùng vụ việc');
});
