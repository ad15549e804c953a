// Prints the receipt of a dossier on each paper by the clerk's page, as a clerk does, and keeps what the
// browser would send to the printer, at three scales.
//
// usage: node forms.mjs PAGE DOSSIER_ID PDF_DIR SCREENSHOT_DIR
import { drive } from './common.mjs';

const [page_url, id, out, shots] = process.argv.slice(2);
const PAPERS = ['80', 'a5', 'a4'];

await drive(page_url, shots, async ({ page, look }) => {
  const complaints = [];
  // A sheet that asks elsewhere, or that the policy of the page forbids something, is no sheet.
  page.context().on('page', (sheet) => {
    sheet.on('console', (message) => { if (message.type() === 'error') complaints.push(message.text()); });
    sheet.on('pageerror', (error) => complaints.push(String(error)));
  });
  // The dialog itself would hold the sheet; that it was asked for is seen.
  await page.context().addInitScript(() => { window.print = () => { window.asked_to_print = true; }; });
  const opened = async (button) => {
    const [sheet] = await Promise.all([page.context().waitForEvent('page'), page.click(button)]);
    return sheet;
  };

  await page.goto(`${page_url}/#/d/${id}`);
  await page.waitForSelector('#form-choice option[value="receipt"]', { state: 'attached' });
  await page.selectOption('#form-sheet', 'a5');
  const preview = await opened('#form-look');
  await preview.waitForFunction(() => document.body && document.body.textContent.includes('BẢN XEM TRƯỚC'));
  await preview.close();

  for (const [place, paper] of PAPERS.entries()) {
    await page.selectOption('#form-sheet', paper);
    await page.waitForSelector('#form-print:enabled');
    const sheet = await opened('#form-print');
    await sheet.waitForURL(/printing=.*as=html$/);
    await sheet.waitForSelector('svg text', { state: 'attached' });
    await sheet.waitForFunction(() => window.asked_to_print === true);
    const fonts = await sheet.evaluate(() => [...document.fonts].filter((font) => font.status === 'loaded').length);
    if (fonts !== 2) throw new Error(`${paper}: ${fonts} of 2 faces of the font are there`);
    const again = await sheet.evaluate(() => (/In lại lần (\d+)/.exec(document.body.textContent) || [, '0'])[1]);
    if (Number(again) !== place) throw new Error(`printing ${place + 1} says that it is reprint ${again}`);
    for (const scale of [1, 0.9, 1.1]) {
      await sheet.pdf({ path: `${out}/${paper}-${Math.round(scale * 100)}.pdf`, preferCSSPageSize: true, scale });
    }
    await sheet.setViewportSize({ width: 900, height: 1200 });
    await sheet.screenshot({ path: `${shots}/form-${paper}.png` });
    await sheet.close();
    await page.waitForFunction((count) => document.querySelectorAll('#printings a').length === 2 * count, place + 1);
  }
  await look('forms');
  if (complaints.length > 0) throw new Error(complaints.join('; '));
});
