// Drives a correction with its reason, a conflict that a person settles, the same taken back, and a paper
// that is added, all in what looks like markup.
//
// usage: node corrections.mjs PAGE DOSSIER_ID SCREENSHOT_DIR
import { ask, drive } from './common.mjs';

const [page_url, id, shots] = process.argv.slice(2);
const HOSTILE = `<script>alert("1")</script> ' & <b>Mẫu</b>`;

await drive(page_url, shots, async ({ page, look, says, press }) => {
  const choose = async (field) => {
    if (!(await page.evaluate(() => document.getElementById('correct-panel').open))) await page.click('#correct-title');
    await page.selectOption('#correct-field', field);
  };
  const name = '#dossier-facts [data-field="applicant.name"]';
  page.on('dialog', () => { throw new Error('markup was run'); });

  // A correction asks for its reason where the field is one of the law.
  await page.goto(`${page_url}/#/d/${id}`);
  await page.waitForSelector('#correct-panel');
  await choose('applicant.name');
  await page.fill('#correct-value', HOSTILE);
  await press('correct-send');
  await says('#correct-note-error', 'Ghi lý do sửa');
  await look('correct');
  await page.fill('#correct-note', 'ghi <i>nhầm</i>');
  await press('correct-send');
  await says(name, HOSTILE);
  await says(name, 'Đã sửa; ban đầu: Nguyễn Văn Mẫu');
  await says('#history', `“Nguyễn Văn Mẫu” thành “${HOSTILE}” (ghi <i>nhầm</i>)`);
  await says('#printings', 'Sau lần in này đã sửa: Họ và tên');

  // The other office said something else meanwhile: nothing is chosen, and nothing settles by waiting.
  await ask('meet');
  await page.waitForSelector('#dossier-conflicts form');
  await says('#dossier-conflicts', HOSTILE);
  await says('#dossier-conflicts', 'Nguyễn Văn Mậu');
  await says('#dossier-conflicts', 'lý do: theo căn cước');
  await says(name, 'Nguyễn Văn Mẫu');
  if (await page.$('#dossier-conflicts input:checked')) throw new Error('something is chosen beforehand');
  await look('conflict');
  await press('conflict-0-send');
  await says('#conflict-0-choice-error', 'Hãy chọn một giá trị');
  await page.check('#dossier-conflicts label:has-text("Nguyễn Văn Mậu")');
  await press('conflict-0-send');
  await says('#conflict-0-note-error', 'Ghi lý do chọn');
  await page.fill('#conflict-0-note', 'đã xem căn cước');
  await press('conflict-0-send');
  await page.waitForSelector('#dossier-conflicts', { state: 'hidden' });
  await says(name, 'Nguyễn Văn Mậu');
  await says('#history', 'Giải quyết xung đột');

  // Taken back, it is open again; then somebody types a third value.
  await choose('applicant.name');
  await page.fill('#correct-note', 'xem nhầm người');
  await press('correct-undo');
  await page.waitForSelector('#dossier-conflicts form');
  await says('#history', 'Hoàn tác');
  await page.fill('#conflict-0-text', 'Nguyễn Văn Mạu');
  await page.fill('#conflict-0-note', 'hỏi lại công dân');
  await press('conflict-0-send');
  await page.waitForSelector('#dossier-conflicts', { state: 'hidden' });
  await says(name, 'Nguyễn Văn Mạu');

  // Another field without a reason, a fee that is none, and a paper more.
  await choose('applicant.phone');
  await page.fill('#correct-value', '0912 345 678');
  await press('correct-send');
  await says('#dossier-facts [data-field="applicant.phone"]', '0912 345 678');
  await choose('request.fee');
  await page.fill('#correct-value', 'năm mươi');
  await page.fill('#correct-note', 'thu thiếu');
  await press('correct-send');
  await says('#correct-value-error', 'không đọc được');
  await page.click('#more-title');
  await press('more-send');
  await says('#more-name-error', 'Ghi tên giấy tờ');
  await page.fill('#more-name', '"Giấy" <u>khai sinh</u>');
  await page.fill('#more-note', 'nộp thêm');
  await look('more');
  await press('more-send');
  await says('#dossier-papers', '"Giấy" <u>khai sinh</u>');
});
